import Bluetooth
import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    /// `[link] …-security`, and the pairing that `authenticated` takes, by the real commands: the beacon's adapter is hci4,
    /// the device's hci5, and they do not know each other before. The lab's hci0 and hci1 have a bond without numbers.
    @Suite("Required Bluetooth security", .serialized)
    struct SecurityTests {
        /// The route from hci5.
        private func way(_ transport: Transport) throws -> Route {
            try Radio.settle(for: transport)
            return Route(try Radio.address(transport, on: 4), from: try Radio.address(of: 5))
        }

        /// The beacon on hci0 and on hci4, which is new.
        private func field(_ link: [String]) throws -> RadioFixture {
            let before = RadioFixture.rest()
            try Radio.renewPair()
            let (own, other) = (try Radio.address(of: 4), try Radio.address(of: 0))
            let field = try RadioFixture.with(link: link, radio: ["adapters = \(own), \(other)"])
            try eventually("both adapters are ready: \(field.beacon.logged.dropFirst(before))") {
                let new = field.beacon.logged.dropFirst(before)
                return [own, other].allSatisfy { new.contains("adapter \($0): ready") }
            }
            return field
        }

        /// Bluetooth itself refuses a device on this route: no attempt gets a link. An attempt that is lost, or that
        /// is too early, shows nothing, and another follows.
        private func expectRefusal(_ way: Route, _ location: SourceLocation = #_sourceLocation) throws {
            var numbers: [Int32] = []
            repeat {
                do {
                    close(try TestDevice.connectOnce(way, within: 40))
                    Issue.record("\(way): connected", sourceLocation: location)
                    return
                } catch LinkSocketError.failed(_, let number) {
                    if [EACCES, ECONNREFUSED].contains(number) { return }
                    numbers.append(number)
                }
            } while numbers.count < 3
            Issue.record("\(way): not refused, but \(numbers)", sourceLocation: location)
        }

        /// A join over this route, and the security in its evidence.
        private func securityOfJoin(_ field: RadioFixture, _ way: Route) throws -> String? {
            let join = try field.join(way)
            #expect(field.server.verdicts(join.token) == [.observedJoinValid])
            return (field.past(join.token)?["evidence"] as? [String: Any])?["security"] as? String
        }

        @Test("none: a stranger is accepted over each transport; the evidence still has the actual link security")
        func none() throws {
            let field = try field([])
            // BR/EDR always encrypts, which the kernel reports for L2CAP but not for RFCOMM.
            let expected: [Transport: String] = [.rfcomm: "none", .l2cap: "encrypted", .le: "none"]
            for transport in Radio.transports {
                #expect(try securityOfJoin(field, try way(transport)) == expected[transport], "\(transport)")
            }
        }

        @Test("encrypted over LE: a stranger is refused, and a bonded device is accepted, encrypted")
        func encrypted() throws {
            let field = try field(["le-security = encrypted"])
            try expectRefusal(way(.le))
            #expect(try securityOfJoin(field, try Radio.deviceWay(.le)) == "encrypted")
        }

        @Test(
            "authenticated: a stranger is refused over each such transport, and accepted over another one",
            arguments: [([Transport.le, .l2cap], Transport.rfcomm), ([.rfcomm], .l2cap)])
        func stranger(_ closed: [Transport], _ open: Transport) throws {
            let field = try field(closed.map { "\($0.rawValue)-security = authenticated" })
            for transport in closed {
                try expectRefusal(way(transport))
                try field.expectService(try Radio.deviceWay(open))
            }
        }

        // No link over BR/EDR before this: the emulated controllers would keep its key.
        @Test("authenticated: once people have compared numbers over LE, the device is accepted over each transport")
        func authenticated() throws {
            let field = try field(Radio.transports.map { "\($0.rawValue)-security = authenticated" })
            try expectRefusal(way(.le))
            let pairing = try Opening(field, near: try Radio.address(of: 5), seconds: 60)
            try pairing.callFromDevice()
            #expect(try pairing.beaconDigits() == pairing.deviceDigits())
            pairing.answer(beacon: "yes", device: "yes")
            #expect(pairing.ends() == [0, 0], "\(pairing.said)")
            #expect(
                pairing.beacon.said.contains("paired with \(try Radio.address(of: 5)) (le public)"), "\(pairing.said)")
            let kind = "paired with \(try Radio.address(of: 4)) (le public), from \(try Radio.address(of: 5))"
            #expect(pairing.said.contains(kind), "\(pairing.said)")
            for transport in [Transport.le, .l2cap, .rfcomm] {
                // For RFCOMM the kernel reports what was requested.
                #expect(try securityOfJoin(field, try way(transport)) == "authenticated", "\(transport)")
            }
            try removed(try Radio.address(of: 4), from: try Radio.address(of: 5))
        }

        /// What is said of a pairing that is there, is removed at the beacon, and then here.
        private func removed(_ beacon: BluetoothAddress, from near: BluetoothAddress) throws {
            let pair = ["pair", "\(beacon)", "--adapter", "\(near)", "--seconds", "20"]
            let remove = ["pair", "--remove", "\(beacon)", "--adapter", "\(near)"]
            try Radio.settle(for: .le)
            #expect(try bench("pair", "--remove", "\(near)", "--adapter", "\(beacon)").status == 0)
            let again = try bench(pair)
            #expect(
                again.status == 1 && again.text.contains("this machine is already paired with \(beacon)"), "\(again)")
            #expect(again.text.contains("srup-bench pair --remove \(beacon)"), "\(again)")
            try expectRefusal(way(.le))
            #expect(try bench(remove) == (0, "pair: removed \(beacon) from \(near)\n"))
            let none = try bench(remove)
            #expect(none.status == 1 && none.text.contains("this machine has no pairing with \(beacon)"), "\(none)")
        }

        @Test(
            "the answer no or no answer, at the beacon or at the device, pairs nothing; pairing closes when the time is over",
            arguments: [("no", "yes"), ("yes", "no"), (nil, "yes")])
        func no(atBeacon: String?, atDevice: String) throws {
            let field = try field(["le-security = authenticated"])
            let pairing = try Opening(field, near: try Radio.address(of: 5), seconds: atBeacon == nil ? 30 : 60)
            try pairing.callFromDevice()
            #expect(try pairing.beaconDigits() == pairing.deviceDigits())
            pairing.answer(beacon: atBeacon, device: atDevice)
            #expect(pairing.device?.wait() == 1, "\(pairing.said)")
            // After an answer it stays open for another device: there is no need to wait for its end each time.
            #expect((atBeacon == nil ? pairing.beacon.wait() : pairing.beacon.end(with: SIGINT)) == 1)
            #expect(pairing.said.contains("nobody has paired"))
            let after = try Radio.settings(of: 4)
            #expect(after.isDisjoint(with: ["bondable", "discoverable"]))
            try expectRefusal(way(.le))
        }

        @Test("a beacon that is interrupted during pairing closes what it has opened")
        func interrupted() throws {
            let field = try field(["l2cap-security = authenticated"])
            let pairing = try Opening(field, near: try Radio.address(of: 5), seconds: 60)
            #expect(try Radio.settings(of: 4).contains("bondable"))
            #expect(pairing.beacon.end(with: SIGINT) == 1)
            let after = try Radio.settings(of: 4)
            #expect(after.isDisjoint(with: ["bondable", "discoverable"]))
        }

        @Test("a device that cannot show digits is refused; when the time is over no device can pair")
        func withoutDigits() throws {
            let field = try field(["l2cap-security = authenticated"])
            let pairing = try Opening(field, near: try Radio.address(of: 5), seconds: 20)
            let settings = try Radio.settings(of: 4)
            #expect(settings.isSuperset(of: ["bondable", "discoverable"]))
            try? Radio.adapter("pair", "5", "4")  // its side may take it for done, and then loses it
            try pairing.beacon.hear("has paired without numbers: forgotten")
            #expect(pairing.beacon.wait() == 1)
            #expect(pairing.said.contains("nobody has paired"))
            let after = try Radio.settings(of: 4)
            #expect(after.isDisjoint(with: ["bondable", "discoverable"]))
            // The device may have kept its key, and would then be paired already.
            _ = try bench("pair", "--remove", "\(try Radio.address(of: 4))", "--adapter", "\(try Radio.address(of: 5))")
            try pairing.callFromDevice()
            #expect(pairing.device?.wait() == 1)
            #expect(pairing.said.contains("answers and does not pair: it is not open for pairing"))
            #expect(pairing.said.contains("hint: open it first, at the beacon: srup-beacon pair"))
            #expect(!pairing.said.contains("yes/no"))
            try expectRefusal(way(.l2cap))
        }
    }
}

/// One pairing period of a beacon: `srup-beacon pair` at the beacon, `srup-bench pair` at the device, and the test as
/// the person at both.
final class Opening {
    let beacon: Dialogue
    private(set) var device: Dialogue?
    private let (address, near): (BluetoothAddress, BluetoothAddress)

    init(_ field: RadioFixture, near: BluetoothAddress, seconds: Int) throws {
        (address, self.near) = (try Radio.address(of: 4), near)
        beacon = try Dialogue(
            Network.products + "/srup-beacon",
            ["pair", "--config", field.beacon.configuration, "--seconds", "\(seconds)"])
        try beacon.hear("open for pairing for \(seconds) s")
    }

    func callFromDevice() throws {
        try Radio.settle(for: .le)
        device = try Dialogue(
            Network.products + "/srup-bench", ["pair", "\(address)", "--adapter", "\(near)", "--seconds", "30"])
    }

    private static func digits(_ dialogue: Dialogue?) throws -> Substring {
        guard let dialogue else { throw NotInTime(what: "a dialogue") }
        try dialogue.hear("[yes/no]")
        guard let match = dialogue.said.firstMatch(of: /show ([0-9]{6})\?/) else {
            throw NotInTime(what: "six digits in: \(dialogue.said)")
        }
        return match.1
    }

    func beaconDigits() throws -> Substring { try Opening.digits(beacon) }
    func deviceDigits() throws -> Substring { try Opening.digits(device) }

    func answer(beacon: String?, device: String) {
        if let beacon { self.beacon.answer(beacon) }
        self.device?.answer(device)
    }

    /// How both commands end: the beacon's first.
    func ends() -> [Int32?] { [beacon.wait(), device?.wait()] }

    /// The output of both.
    var said: String { "beacon: \(beacon.said)\ndevice: \(device?.said ?? "")" }
}
