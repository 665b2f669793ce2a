import Foundation
import Glibc
import ProofLink
import SystemSupport
import Testing

@testable import Bluetooth
@testable import Nearby

extension RadioTests {
    /// A device that gets no link, as its operator sees it: the beacon is on hci4, and the device has hci5.
    @Suite("A device without a link", .serialized)
    struct NoLinkTests {
        let door: PairFixture

        init() throws { door = try PairFixture.fresh() }

        private static let nobody = BluetoothAddress("00:AA:01:09:09:09") ?? .any

        /// `srup-bench device` with a link from hci5, for so many seconds.
        private func device(_ link: NearbyAddress, seconds: Int = 12) throws -> (status: Int32, text: String) {
            try Radio.settle(for: link.transport)
            return try door.deviceOnce(
                timeout: seconds,
                ["--observer", Node.beacon.topicForm, "--link", link.optionForm, "--adapter", door.near.description])
        }

        /// The cause is said once, and again with its hint at the end.
        private func expect(
            _ reply: (status: Int32, text: String), _ cause: String, _ hint: String,
            _ location: SourceLocation = #_sourceLocation
        ) {
            let lines = reply.text.split(separator: "\n").filter { $0.contains(cause) }
            #expect(
                lines.count == 2 && lines.count { $0.hasPrefix("device: no link to ") } == 1
                    && lines.count { $0.hasPrefix("srup-bench: no link to ") } == 1, "\(reply.text)",
                sourceLocation: location)
            #expect(
                reply.text.contains(/hint: .*/) && reply.text.contains(hint), "\(reply.text)", sourceLocation: location)
            #expect(reply.status == 12 && reply.text.contains("device: no answer"), sourceLocation: location)
        }

        @Test("says that nothing listens, or that nobody is there, once, and again with a hint when the join fails")
        func causes() throws {
            try door.whileOpen {
                expect(
                    try device(.rfcomm(door.own, channel: 22)), "channel 22: the adapter there answers and refuses",
                    "its [link] rfcomm")
                expect(
                    try device(.l2cap(door.own, psm: 0x1037)), "PSM 0x1037: the adapter there answers and refuses",
                    "its [link] l2cap")
                expect(
                    try device(.rfcomm(Self.nobody, channel: 21)), "nobody answers at this address over BR/EDR",
                    "check the address")
                expect(
                    try device(.le(door.own, psm: 0xD7, random: false)), "refuses this PSM: nothing listens on it",
                    "srup-bench scan")
                expect(
                    try device(.le(door.own, psm: 0xD5, random: true), seconds: 25),
                    "nobody advertises under this address as a random one", "le: or le-random:")
            }
        }

        @Test("after a refused security it says the command that pairs, with address, kind and adapter")
        func security() throws {
            try door.whileOpen(link: ["le-security = authenticated"]) {
                let reply = try device(.le(door.own, psm: 0xD5, random: false), seconds: 30)
                #expect(reply.text.contains("paired"), "\(reply.text)")
                #expect(
                    reply.text.contains(
                        "srup-bench pair \(door.own) --kind le-public --adapter \(door.near)"), "\(reply.text)")
            }
        }

        @Test("an adapter that is missing, off or blocked is refused before the join is requested")
        func adapters() throws {
            let link = ["--observer", Node.beacon.topicForm, "--link", "le:\(door.own)"]
            func refusal(_ adapter: BluetoothAddress) throws -> String {
                let reply = try door.deviceOnce(timeout: 20, link + ["--adapter", adapter.description])
                #expect(reply.status == 1 && !reply.text.contains("asking"), "\(reply.text)")
                return reply.text
            }
            #expect(try refusal(Self.nobody).contains("this machine has no adapter \(Self.nobody)\nhint: "))
            let index = PairFixture.deviceIndex
            try Radio.adapter("off", "\(index)")
            #expect(
                try refusal(door.near)
                    == "srup-bench: the adapter \(door.near) (hci\(index)) is powered off\n"
                    + "hint: power it on: btmgmt --index \(index) power on\n")
            try Radio.adapter("block", "\(index)")
            #expect(try refusal(door.near).contains("(hci\(index)) is blocked by rfkill\nhint: unblock it: rfkill"))
            try Radio.adapter("unblock", "\(index)")
            try Radio.adapter("on", "\(index)")
        }

        @Test("without --adapter it listens with all of them, and connects from the one that heard the beacon")
        func hears() throws {
            try door.whileOpen(hasServer: true) {
                var heard = ""
                try eventually("the beacon is heard") {
                    heard = try bench("scan", "--json", "--seconds", "1").text
                    return heard.contains("\"address\":\"\(door.own)\"")
                }
                #expect(heard.contains("\"adapter\":\"\(door.near)\""), "\(heard)")
                var reply: (status: Int32, text: String) = (-1, "")
                try eventually("a beacon is found: \(reply)", within: 120) {
                    reply = try door.deviceOnce(
                        timeout: 60, ["--observer", Node.beacon.topicForm, "--beacon", "nearest", "--look-for", "2"])
                    return !reply.text.contains("was not found")
                }
                #expect(reply.status == 0 && reply.text.contains("heard by \(door.near)"), "\(reply.text)")
            }
        }

        /// Of a socket, before it connects or as it listens.
        private func setMTU(_ mtu: UInt16, of socket: Int32, _ transport: Transport) {
            var mtu = mtu
            if transport == .le {
                #expect(setsockopt(socket, 274, 13, &mtu, 2) == 0)  // SOL_BLUETOOTH, BT_RCVMTU
                return
            }
            var options = [UInt8](repeating: 0, count: 64)
            var length = socklen_t(options.count)
            #expect(getsockopt(socket, 6, 1, &options, &length) == 0)  // SOL_L2CAP, L2CAP_OPTIONS: omtu, imtu, …
            (options[2], options[3]) = (UInt8(mtu & 0xFF), UInt8(mtu >> 8))
            #expect(setsockopt(socket, 6, 1, &options, length) == 0)
        }

        @Test("a beacon refuses a device that accepts less than 36 bytes, and says and counts it")
        func shortDevice() throws {
            try door.whileOpen {
                try Radio.settle(for: .le)
                let socket = Glibc.socket(31, Int32(SOCK_SEQPACKET.rawValue), 0)
                defer { close(socket) }
                let near = NearbyAddress.le(door.near, psm: 0, random: false)
                let far = NearbyAddress.le(door.own, psm: NearbyAddress.defaultLEPSM, random: false)
                #expect(near.withSocketAddress { bind(socket, $0, $1) } == 0)
                setMTU(30, of: socket, .le)
                #expect(far.withSocketAddress { Glibc.connect(socket, $0, $1) } == 0)
                let text = "over le: the device accepts packets of 30 bytes only (MTU), and the proof link needs 36"
                try eventually("the refusal is logged: \(door.beacon.logged)") { door.beacon.logged.contains(text) }
                #expect(door.beacon.refused("mtu") == 1)
            }
        }

        @Test(
            "a device leaves a beacon that accepts less than 67 bytes, and says so", arguments: [Transport.l2cap, .le])
        func shortBeacon(_ transport: Transport) throws {
            try door.whileOpen {
                let address: NearbyAddress =
                    transport == .le ? .le(door.own, psm: 0xD9, random: false) : .l2cap(door.own, psm: 0x1039)
                let listener = try LinkSocket.listen(on: address)
                defer { close(listener) }
                setMTU(48, of: listener, transport)
                expect(
                    try device(address),
                    "the beacon accepts packets of 48 bytes only (MTU), and the proof link needs 67",
                    "docs/proof-link.md")
            }
        }

        @Test("pairing with nobody says so, over each kind, and a pairing that is not there cannot be removed")
        func nobodyToPair() throws {
            let near = ["--adapter", door.near.description]
            for kind in ["br/edr", "le-random"] {
                let reply = try bench(["pair", "\(Self.nobody)", "--kind", kind, "--seconds", "10"] + near)
                #expect(
                    reply.status == 1 && reply.text.contains("srup-bench: nobody answers at \(Self.nobody)"), "\(reply)"
                )
                #expect(!reply.text.contains("status") && reply.text.contains("--kind"), "\(reply.text)")
            }
            let none = try bench(["pair", "--remove", "\(Self.nobody)"] + near)
            #expect(
                none.status == 1 && none.text.contains("this machine has no pairing with \(Self.nobody)"), "\(none)")
        }
    }
}
