import Foundation
import Glibc
import Synchronization
import TestVectors
import Testing

@testable import Broker

/// A broker link with a resolver of the test's, and what the link has reported.
struct LinkFixture {
    final class Told: Sendable {
        private let state = Mutex((connections: 0, faults: [BrokerFault]()))

        var connections: Int { state.withLock { $0.connections } }
        var faults: [BrokerFault] { state.withLock { $0.faults } }

        func note(_ event: BrokerLink.Event) {
            state.withLock {
                switch event {
                case .connected: $0.connections += 1
                case .lost(_, let fault): $0.faults.append(fault)
                case .acknowledged, .notSubscribed: break
                }
            }
        }
    }

    let link: BrokerLink
    let told = Told()

    /// A folder with a CA, our certificate, and the broker's for `localhost`.
    static func withCertificates<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
        try TemporaryFolder.with { folder in
            let authority = TestAuthority(folder: folder)
            try authority.make()
            try authority.issue("client", for: "b1")
            try authority.issue("server", for: "localhost")
            return try body(folder)
        }
    }

    /// A link that has been started.
    init(_ settings: BrokerLink.Settings) {
        let told = told
        link = BrokerLink(settings, deliver: { _ in true }, happened: { told.note($0) })
        link.start()
    }

    /// Settings for a name that has these addresses.
    static func settings(
        _ folder: TemporaryFolder, _ addresses: [String], _ port: UInt16, host: String = "localhost"
    ) -> BrokerLink.Settings {
        let files = TLSFiles(
            authority: folder.path("ca.pem"), certificate: folder.path("client.pem"), key: folder.path("client.key"))
        var settings = BrokerLink.Settings(
            brokers: [BrokerAddress(host: host, port: port)], clientID: "b1", tls: files, subscriptions: ["SRUP/b1"],
            maximumPayload: 100)
        (settings.initialRetry, settings.maximumRetry) = (.milliseconds(50), .milliseconds(200))
        settings.lookUp = { _ throws(BrokerFault) in addresses }
        return settings
    }

    /// A broker with a CA, its certificate and a client's, while `body` runs.
    static func withBroker(_ body: (BrokerLink.Settings, Mosquitto, TemporaryFolder) throws -> Void) throws {
        try withCertificates { folder in
            let port = try Listener.freePort()
            let broker = try Mosquitto(folder, at: "127.0.0.1", port: port)
            defer { broker.stop() }
            try body(settings(folder, ["127.0.0.1"], port), broker, folder)
        }
    }

    /// Waits until it has been connected so often; how long that took, in seconds.
    func waitForConnection(_ number: Int = 1) -> Double {
        let begin = Date()
        for _ in 0..<3_000 where told.connections < number { usleep(10_000) }
        return Date().timeIntervalSince(begin)
    }

    /// Waits until it has reported so many faults.
    func waitForFaults(_ count: Int) { for _ in 0..<3_000 where told.faults.count < count { usleep(10_000) } }
}

/// A mosquitto at one address of this machine, with TLS and client certificates.
final class Mosquitto {
    private let process = Process()

    /// - Parameters:
    ///   - folder: holds ca.pem, server.pem and server.key.
    ///   - list: a revocation list in it, without `.crl`.
    init(_ folder: TemporaryFolder, at host: String, port: UInt16, revocationList list: String? = nil) throws {
        let configuration = """
            listener \(port) \(host)
            cafile \(folder.path("ca.pem"))
            certfile \(folder.path("server.pem"))
            keyfile \(folder.path("server.key"))
            require_certificate true
            use_identity_as_username true
            user \(NSUserName())
            \(list.map { "crlfile " + folder.path($0 + ".crl") } ?? "")
            """
        let name = "mosquitto-\(UUID().uuidString).conf"
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["mosquitto", "-c", try folder.write(Data(configuration.utf8), to: name)]
        process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin:/usr/local/sbin"]
        for output in [\Process.standardOutput, \.standardError] { process[keyPath: output] = FileHandle.nullDevice }
        process.standardInput = FileHandle.nullDevice
        try process.run()
        for _ in 0..<1_000 {
            guard process.isRunning, (try? BrokerAddress(host: host, port: port).reach()) == nil else { break }
            usleep(10_000)
        }
        try #require(process.isRunning, "mosquitto did not start")
    }

    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitForExit()
    }

    deinit { stop() }
}

/// A TCP listener of IPv4 that no program serves.
final class Listener {
    let port: UInt16
    private let socket: Int32
    private var fillers: [Int32] = []

    init(at host: String = "127.0.0.1", port wanted: UInt16 = 0) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var (address, length) = (try Listener.address(host, wanted), socklen_t(MemoryLayout<sockaddr_in>.size))
        let listener = socket
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 0) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw VectorFault(what: "\(host):\(wanted): \(String(cString: strerror(errno)))") }
        port = UInt16(bigEndian: address.sin_port)
    }

    /// Uses up the places for connections: from then on the kernel does not answer.
    func silence(_ host: String) throws {
        var address = try Listener.address(host, port)
        for _ in 0..<3 {
            let filler = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = connect(filler, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            fillers.append(filler)
            usleep(20_000)
        }
    }

    /// Accepts what waits; how many connections that were. They are closed.
    func accepted() -> Int {
        var count = 0
        while true {
            let client = accept(socket, nil, nil)
            guard client >= 0 else { return count }
            close(client)
            count += 1
        }
    }

    deinit { for one in fillers + [socket] { close(one) } }

    private static func address(_ host: String, _ port: UInt16) throws -> sockaddr_in {
        var address = sockaddr_in()
        (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
        try #require(inet_pton(AF_INET, host, &address.sin_addr) == 1)
        return address
    }

    /// A port that is free at the moment.
    static func freePort() throws -> UInt16 { try Listener().port }
}
