import Bluetooth
import Foundation
import Nearby
import ProofLink
import SystemSupport
import Testing

extension RadioTests {
    /// docs/proof-link.md, "Being found", with the bench kit's own commands as the device.
    @Suite("Discovery", .serialized)
    struct FoundTests {
        let door: PairFixture

        init() throws { door = try PairFixture.fresh() }

        /// The route over LE to what was found.
        private func way(to seen: Seen) throws -> Route {
            try Radio.settle(for: .le)
            let address = try #require(BluetoothAddress(seen.address))
            let psm = try #require(UInt16(exactly: seen.lePsm))
            return Route(.le(address, psm: psm, random: seen.kind == AddressKind.leRandom.rawValue), from: door.near)
        }

        @Test("a beacon is listed with its identity, its own address and its LE PSM, and no longer after SIGTERM")
        func listed() throws {
            try door.whileOpen {
                let seen = try Seen.only(by: door.near).seen
                #expect(seen.beacon == Node.beacon.description)
                #expect(seen.address == door.own.description)
                #expect(seen.kind == AddressKind.lePublic.rawValue)
                #expect(seen.lePsm == Int(NearbyAddress.defaultLEPSM))
                #expect(door.beacon.stop(with: SIGTERM) == 0)
                #expect(try Seen.by(door.near).all.isEmpty)
            }
        }

        @Test("a PSM on LE that another program has is not advertised, and is as soon as the beacon listens on it")
        func psmOfAnother() throws {
            let taken = try LinkSocket.listen(
                on: .le(door.own, psm: NearbyAddress.defaultLEPSM, random: false))
            var isTaken = true
            defer { if isTaken { close(taken) } }
            try door.whileOpen {
                #expect(try Seen.only(by: door.near).seen.lePsm == 0)
                #expect(door.beacon.logged.contains("not listening on le"))
                close(taken)
                isTaken = false
                try eventually("the PSM is advertised") {
                    try Seen.only(by: door.near).seen.lePsm == Int(NearbyAddress.defaultLEPSM)
                }
            }
        }

        @Test(
            "a second beacon on the same adapter is found beside the first, also after it was killed and started again")
        func twoBeacons() throws {
            let id = Node.second.topicForm
            let keys = door.network.folder + "/\(id)"
            let second = try BeaconProcess(
                door.network, name: "second",
                settings: [
                    "beacon": ["identity = \(id)", "key = \(keys).key.pem"],
                    "broker": ["certificate = \(keys).cert.pem", "key = \(keys).tls.key"],
                    "link": ["rfcomm = 5", "l2cap = 0x1037", "le = 0x81", "local = off"],
                    "radio": ["adapters = \(door.own)"],
                ])
            try door.whileOpen {
                for _ in 0..<2 {
                    try second.start()
                    try eventually("both advertise") {
                        try [door.beacon, second].allSatisfy {
                            try $0.command("status").text.contains("ready, advertising")
                        }
                    }
                    // They share the adapter's address, under which a scan lists the one that it received last.
                    var found: Set<Int> = []
                    try eventually("both are found: \(found)") {
                        found.formUnion(try Seen.by(door.near, seconds: 1).all.map(\.lePsm))
                        return found == [Int(NearbyAddress.defaultLEPSM), 0x81]
                    }
                    second.stop(with: SIGKILL)
                }
                #expect(!door.beacon.logged.contains("another program had removed the advertisement"))
            }
        }

        @Test("exactly the registration URL is received beside the beacon, and no longer after SIGTERM")
        func registrationURL() throws {
            struct Heard: Decodable { let url, beacon: String? }
            func heard() throws -> [Heard] {
                let reply = try bench("scan", "--json", "--seconds", "1", "--adapter", door.near.description)
                return try reply.text.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
                    try JSONDecoder().decode(Heard.self, from: Data($0.utf8))
                }
            }
            try door.whileOpen(radio: ["registration-url = https://register.example.org"]) {
                var (urls, beacons): (Set<String>, Set<String>) = ([], [])
                try eventually("both are heard: \(urls) \(beacons)") {
                    let new = try heard()
                    urls.formUnion(new.compactMap(\.url))
                    beacons.formUnion(new.compactMap(\.beacon))
                    return !urls.isEmpty && !beacons.isEmpty
                }
                #expect(urls == ["https://register.example.org"] && beacons == [Node.beacon.description])
                #expect(door.beacon.stop(with: SIGTERM) == 0)
                #expect(try heard().isEmpty)
            }
        }

        @Test("in private mode it is listed, and nothing in the line identifies it")
        func isPrivate() throws {
            try door.whileOpen(radio: ["advertise = private"]) {
                let (seen, raw) = try Seen.only(by: door.near)
                #expect(seen.beacon == nil)
                #expect(seen.lePsm == Int(NearbyAddress.defaultLEPSM))
                #expect(!raw.lowercased().contains(Node.beacon.topicForm))
                let unnamed = try door.device()
                #expect(unnamed.status == 1)
                #expect(unnamed.text.contains("the nearest beacon does not advertise its identity"))
                #expect(unnamed.text.contains("hint: give it with --observer"))
            }
        }

        @Test("with a rotating address it is listed and reached under a random one, and not over BR/EDR")
        func rotates() throws {
            try door.whileOpen(radio: ["rotate-address = yes"]) {
                let (seen, raw) = try Seen.only(by: door.near)
                #expect(seen.beacon == Node.beacon.description)
                #expect(seen.kind == AddressKind.leRandom.rawValue)
                #expect(!raw.contains(door.own.description))
                guard case .hello? = try TestDevice(try way(to: seen)).receive() else {
                    Issue.record("no HELLO under the random address")
                    return
                }
                let refused = try door.device("--over", "rfcomm")
                #expect(refused.status == 1)
                #expect(refused.text.contains("beacon \(Node.beacon) cannot be reached over rfcomm"))
                #expect(refused.text.contains("hint: give another --over, or --link"))
            }
        }

        @Test("with advertise = off it is not listed, which the commands report, and can still be reached")
        func silent() throws {
            try door.whileOpen(radio: ["advertise = off"]) {
                let reply = try bench("scan", "--seconds", "3", "--adapter", door.near.description)
                #expect(reply.status == 1)
                #expect(reply.text.contains("scan: no beacon was found"))
                #expect(door.beacon.isRunning)
                try Radio.settle(for: .l2cap)
                let link = try TestDevice(
                    Route(.l2cap(door.own, psm: NearbyAddress.defaultPSM), from: door.near))
                guard case .hello? = try link.receive() else {
                    Issue.record("no HELLO over l2cap")
                    return
                }
            }
        }

        @Test("while an LE device is connected and stays, others still find it")
        func whileConnected() throws {
            try door.whileOpen {
                let seen = try Seen.only(by: door.near).seen
                let link = try TestDevice(try way(to: seen))
                link.send(.ready(mode: .challenge, device: Node.device))
                guard case .hello? = try link.receive(), case .wait? = try link.receive() else {
                    Issue.record("no HELLO and WAIT")
                    return
                }
                #expect(try Seen.only(by: door.near).seen == seen)
                #expect(throws: NotInTime.self, "the link is still there") { try link.receive(within: 0.5) }
            }
        }

        @Test(
            "stopped while an LE device is connected, and started again, it is found as before, and reached over BR/EDR"
        )
        func startedAgain() throws {
            try door.whileOpen {
                let seen = try Seen.only(by: door.near).seen
                let link = try TestDevice(try way(to: seen))
                guard case .hello? = try link.receive() else {
                    Issue.record("no HELLO")
                    return
                }
                door.beacon.stop()
                try eventually("the link ends") { try link.receive() == nil }
            }
            try Radio.settle(for: .l2cap)
            try door.whileOpen {
                #expect(try Seen.only(by: door.near).seen.beacon == Node.beacon.description)
                let link = try TestDevice(Route(.l2cap(door.own, psm: NearbyAddress.defaultPSM), from: door.near))
                guard case .hello? = try link.receive() else {
                    Issue.record("no HELLO over l2cap")
                    return
                }
            }
        }

        @Test("with a classic name an inquiry finds it, and without one it does not")
        func classicName() throws {
            try door.whileOpen {
                let settings = try Radio.settings(of: PairFixture.beaconIndex)
                #expect(!settings.contains("discoverable"))
            }
            try door.whileOpen(radio: ["name = the back door"]) {
                let settings = try Radio.settings(of: PairFixture.beaconIndex)
                #expect(settings.isSuperset(of: ["connectable", "discoverable"]))
            }
        }

        @Test("a device that looks for the nearest beacon joins at that beacon", arguments: ["le", "rfcomm"])
        func nearest(over transport: String) throws {
            try door.whileOpen(hasServer: true) {
                let before = door.served.count
                let reply = try door.device("--over", transport)
                #expect(reply.status == 0, "\(reply.text)")
                #expect(reply.text.contains("device: nearest is \(Node.beacon)  \(door.own)"))
                #expect(reply.text.hasSuffix("device: joined\n"))
                #expect(
                    door.served.dropFirst(before).contains(
                        "c2: observed join of \(Node.device) by \(Node.beacon): accepted"), "\(door.served)")
                let evidence = try #require(door.beacon.history.first?["evidence"] as? [String: Any])
                #expect(evidence["transport"] as? String == transport)
            }
        }

        @Test("a device that looks for an absent beacon reports that it was not found, and what to do")
        func another() throws {
            try door.whileOpen {
                _ = try Seen.only(by: door.near)  // there is one, and it is not the one
                let reply = try door.deviceOnce(seconds: 3, ["--observer", Node.second.topicForm])
                #expect(reply.status == 1)
                #expect(
                    reply.text
                        == "srup-bench: beacon \(Node.second) was not found\n"
                        + "hint: move closer, or scan longer with --look-for\n")
            }
        }

        @Test("a scan with an adapter that is off reports that, and what to do")
        func scanWithoutAdapter() throws {
            try Radio.adapter("off", "\(PairFixture.deviceIndex)")
            let reply = try bench("scan", "--adapter", door.near.description)
            #expect(reply.status == 1)
            #expect(
                reply.text
                    == "srup-bench: the adapter \(door.near) (hci\(PairFixture.deviceIndex)) is powered off\n"
                    + "hint: power it on: btmgmt --index \(PairFixture.deviceIndex) power on\n")
        }
    }
}
