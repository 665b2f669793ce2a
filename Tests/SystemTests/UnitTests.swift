import Foundation
import SystemSupport
import TestVectors
import Testing

/// The unit of the package, Scripts/Package/debian/srup-beacon.service, as systemd's own tools read it.
@Suite("The systemd unit", .blocking)
struct UnitTests {
    private let path = Network.project + "/Scripts/Package/debian/srup-beacon.service"

    private func unit() throws -> [Substring] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
    }

    private func exposure(_ unit: String, atMost tenths: Int) throws -> (status: Int32, text: String) {
        try Network.output(
            "/usr/bin/systemd-analyze", ["security", "--offline=yes", "--threshold=\(tenths)", "--no-pager", unit])
    }

    @Test("has an exposure of at most 1.5 in systemd-analyze, and more without its sandbox")
    func exposed() throws {
        let reply = try exposure(path, atMost: 15)
        #expect(reply.status == 0, "\(reply.text)")
        try TemporaryUnit.with(unit().filter { !$0.hasPrefix("CapabilityBoundingSet") }) {
            try #expect(exposure($0, atMost: 15).status != 0)
        }
    }

    @Test("starts existing subcommands, hands over the management socket, and blocks neither Bluetooth nor the network")
    func verbs() throws {
        let lines = try unit()
        for line in lines where line.hasPrefix("Exec") && line.contains("srup-beacon") {
            let verb = try #require(line.split(separator: " ").last)
            let reply = try Network.output(Network.products + "/srup-beacon", ["help", String(verb)])
            #expect(reply.status == 0 && reply.text.contains("srup-beacon \(verb)"), "\(line)")
        }
        for line in [
            "Type=notify", "NotifyAccess=exec", "FileDescriptorStoreMax=1",
            "ExecStartPre=-+/usr/bin/srup-beacon give-management", "CapabilityBoundingSet=",
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_BLUETOOTH",
        ] {
            #expect(lines.contains(Substring(line)), "\(line)")
        }
        #expect(!lines.contains { $0.hasPrefix("PrivateNetwork") || $0.hasPrefix("AmbientCapabilities") })
    }

    @Test("limits memory, swap and tasks")
    func bounded() throws {
        let lines = try unit()
        for line in ["MemoryMax=256M", "MemorySwapMax=0", "TasksMax=64", "LimitCORE=0"] {
            #expect(lines.contains(Substring(line)), "\(line)")
        }
    }

    /// A unit file of a test.
    private enum TemporaryUnit {
        static func with(_ lines: [Substring], _ body: (String) throws -> Void) throws {
            let path = FileManager.default.temporaryDirectory.appending(path: "unit-\(UUID().uuidString).service").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
            try body(path)
        }
    }
}
