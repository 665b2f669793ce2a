import Bluetooth
import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    @Suite("A device without BlueZ", .serialized)
    struct OtherStackTests {
        static let script = Network.project + "/Tests/RadioTests/bumble/join.py"

        /// Where `Tests/RadioTests/bumble/install` has put it on the host: the lab has a different home directory.
        private func bumble() throws -> String {
            let given = ProcessInfo.processInfo.environment["SRUP_BUMBLE"]
            let site = try #require(
                given, "run Scripts/lab with --env SRUP_BUMBLE=FOLDER, the folder that bumble/install prints")
            try #require(
                FileManager.default.fileExists(atPath: site + "/bumble"),
                "there is no bumble in \(site): run Tests/RadioTests/bumble/install, on the host")
            return site
        }

        @Test(
            "it joins with another stack and its own implementation of the proof", arguments: [Transport.rfcomm, .le])
        func joins(_ transport: Transport) throws {
            let site = try bumble()
            let field = try RadioFixture.with(link: ["ready = 20", "proof = 20"])
            let way = try Radio.deviceWay(transport)
            let bluetooth = try Radio.address(of: 0)
            let key = try linkKey(of: 1, with: bluetooth)
            try Radio.adapter("off", "1")
            defer { #expect(throws: Never.self) { try giveBack() } }
            let raw = randomBytes(Secret.length)
            let token = TestServer.token()
            try field.server.observe(Node.device, try #require(Secret(raw)), token: token)
            let port = transport == .le ? UInt16(NearbyAddress.defaultLEPSM) : UInt16(NearbyAddress.defaultChannel)
            let output = field.network.folder + "/bumble.log"
            let device = try Child(
                "/usr/bin/python3",
                [Self.script, "hci-socket:1", key, transport.rawValue, bluetooth.description, "\(port)"]
                    + [Node.beacon, Node.device].map { hexadecimal($0) } + [hexadecimal(raw)],
                output: output, environment: ["PYTHONPATH": site])
            let status = device.wait(within: 90)
            let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            #expect(status == 0, "\(said)\(field.beacon.logged.suffix(2_000))")
            #expect(said.contains("valid, and the beacon has proved itself"))
            #expect(try field.server.waitForVerdict(token) == .observedJoinValid)
            let evidence = try #require(field.past(token)?["evidence"] as? [String: Any])
            #expect(evidence["transport"] as? String == transport.rawValue)
            #expect(evidence["peer"] as? String == way.adapter.description)
            #expect(evidence["grade"] as? String == "challenged")
        }

        /// The key of the bond that the lab has made, from the kernel: the device takes over the bond.
        private func linkKey(of adapter: Int, with peer: BluetoothAddress) throws -> String {
            let file = "/sys/kernel/debug/bluetooth/hci\(adapter)/link_keys"
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            let line = try #require(
                lines.first { $0.uppercased().hasPrefix(peer.description) }, "no bond of hci\(adapter)")
            return String(line.split(separator: " ")[2])
        }

        /// The kernel has the controller back, and the beacon can be reached over it.
        private func giveBack() throws {
            try Radio.adapter("on", "1")
            try Radio.adapter("pair", "1", "0")
        }
    }
}

/// Sixteen digits, as identifiers are shown on the proof link.
private func hexadecimal(_ identifier: Identifier) -> String { String(format: "%016lx", identifier.number) }
