import Foundation
import SRUP

/// Identities of every test network, as the vectors have them.
package enum Node {
    package static let c2 = Identifier(0x9a8b_7c6d_5e4f_3021)
    package static let beacon = Identifier(0x2f0e_1d2c_3b4a_5968)
    package static let device = Identifier(0x5f1e_2d3c_4b5a_6978)
    package static let second = Identifier(0x77)
    /// Another server, if a network has two.
    package static let otherC2 = Identifier(0xc2c2)
}

/// An event that a test waits for did not happen in time.
package struct NotInTime: Error, CustomStringConvertible {
    package let what: String
    package init(what: String) { self.what = what }
    package var description: String { "not in time: \(what)" }
}

/// Waits until a condition holds, for a time that is long even for an emulated processor on a busy host.
package func eventually(_ what: @autoclosure () -> String, within seconds: Double = 60, _ holds: () throws -> Bool)
    throws
{
    let deadline = Date(timeIntervalSinceNow: seconds)
    while Date() < deadline {
        if try holds() { return }
        Thread.sleep(forTimeInterval: 0.01)
    }
    throw NotInTime(what: what())
}

/// A folder with a CA, certificates, keys and a broker, which are all removed with the test.
package final class Network {
    package let folder: String
    package let port: UInt16
    private var mosquitto: Child?

    package static let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// Where the commands under test have been built: beside the test program.
    package static let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path

    /// - Parameters:
    ///   - servers: its C2 servers.
    ///   - ownAuthority: a CA, certificates and keys that no other network has. All others share theirs.
    package init(servers: [Identifier] = [Node.c2], ownAuthority: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "srup-\(UUID().uuidString.prefix(8))").path
        let material = ownAuthority ? ["--keys"] : ["--from", try SharedKeys.made.get().folder]
        try Network.make(folder, servers: servers, material)
        let text = try String(contentsOfFile: folder + "/port", encoding: .utf8)
        guard let given = UInt16(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw NotInTime(what: "a port in \(folder)/port")
        }
        port = given
        try startBroker()
    }

    fileprivate static func make(_ folder: String, servers: [Identifier], _ options: [String]) throws {
        try run(
            project + "/Scripts/broker",
            ["make", folder] + servers.flatMap { ["--c2", $0.topicForm] } + ["--beacon", Node.beacon.topicForm]
                + [Node.device, Node.second].flatMap { ["--device", $0.topicForm] } + options)
    }

    deinit {
        mosquitto?.end()
        try? FileManager.default.removeItem(atPath: folder)
    }

    package func startBroker() throws {
        mosquitto = try Child(Network.project + "/Scripts/broker", ["run", folder])
        try eventually("the broker listens") { Network.listens(port) }
    }

    package func stopBroker() {
        mosquitto?.end()
        mosquitto = nil
    }

    /// Freezes the broker, or lets it continue: half-open connections.
    package func signalBroker(_ signal: Int32) { if let mosquitto { kill(mosquitto.process, signal) } }

    package static func listens(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// Runs a program to its end and gives its output.
    @discardableResult
    package static func run(_ program: String, _ arguments: [String], expecting status: Int32 = 0) throws -> String {
        let result = try output(program, arguments)
        guard result.status == status else {
            throw NotInTime(what: "\(program) \(arguments) ended with \(result.status): \(result.text)")
        }
        return result.text
    }

    package static func output(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
        let file = FileManager.default.temporaryDirectory.appending(path: "srup-out-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let status = try Child(program, arguments, output: file).wait()
        return (status, (try? String(contentsOfFile: file, encoding: .utf8)) ?? "")
    }
}

/// The CA, the certificates and the RSA keys that the networks of one run share: making them for each network took a
/// quarter of the suite's processor time.
private struct SharedKeys {
    static let made = Result { try SharedKeys() }
    let folder: String

    /// `SRUP_TEST_KEYS` in the environment names a folder that holds them already, made by `Scripts/broker make --keys`:
    /// so they are made once for several test processes, and for the lab's machine, where making them is slow.
    private init() throws {
        if let given = ProcessInfo.processInfo.environment["SRUP_TEST_KEYS"] {
            folder = given
            return
        }
        folder = FileManager.default.temporaryDirectory.appending(path: "srup-keys-\(UUID().uuidString.prefix(8))").path
        try Network.make(folder, servers: [Node.c2, Node.otherC2], ["--keys"])
        ProcessEnd.remove(folder)
    }
}
