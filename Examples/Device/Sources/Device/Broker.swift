import Foundation
import SRUP

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// MQTT by mosquitto's clients: a program of yours has its MQTT library here.
final class Broker {
    private let options: [String]
    private let subscriber = Process()

    /// Connects with the client certificate of the command line, and returns when the topic is subscribed.
    init(topic: String) throws {
        let address = try option("--broker").split(separator: ":").map(String.init)
        options =
            ["-h", address[0], "-p", address.count > 1 ? address[1] : "8883", "-q", "1"]
            + ["--cafile", try option("--ca"), "--cert", try option("--cert"), "--key", try option("--tls-key")]
        let output = Pipe()
        subscriber.executableURL = URL(filePath: "/usr/bin/env")
        // Prints each message in hexadecimal, and with -d also what else happens; a line at a time, for 200 s.
        subscriber.arguments =
            ["stdbuf", "-oL", "mosquitto_sub"] + options + ["-d", "-F", "%x", "-W", "200", "-t", topic]
        subscriber.standardOutput = output
        try subscriber.run()
        dup2(output.fileHandleForReading.fileDescriptor, STDIN_FILENO)  // for readLine()
        while let line = readLine() { if line.hasPrefix("Subscribed") { return } }
        throw Failure("the broker was not reached")
    }

    deinit {
        subscriber.terminate()
        subscriber.waitUntilExit()
    }

    func publish(_ payload: [UInt8], on topic: String) throws {
        let (publisher, input) = (Process(), Pipe())
        publisher.executableURL = URL(filePath: "/usr/bin/env")
        publisher.arguments = ["mosquitto_pub"] + options + ["-t", topic, "-s"]
        publisher.standardInput = input
        try publisher.run()
        try input.fileHandleForWriting.write(contentsOf: Data(payload))
        try input.fileHandleForWriting.close()
        publisher.waitUntilExit()
        guard publisher.terminationStatus == 0 else { throw Failure("the broker did not take the request") }
    }

    /// The next message; nil after 200 s.
    func receive() -> [UInt8]? {
        while let line = readLine() { if let payload = bytes(hexadecimal: line.utf8) { return payload } }
        return nil
    }
}
