import Foundation
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    /// The attacker has its own address, hci3's; the expected device must get through nevertheless.
    @Suite("Floods", .serialized)
    struct FloodTests {
        /// - Parameter count: false proofs before the device's, each time.
        private func expectJoins(
            under attack: Attack, over transport: Transport, _ field: RadioFixture, afterFalseProofs count: Int = 0,
            _ location: SourceLocation = #_sourceLocation
        ) throws {
            let way = try Radio.deviceWay(transport)
            let attacker = Attacker(attack, over: try Radio.strangerWay(transport))
            defer { _ = try? attacker.stop() }
            // By then it has all its links: the beacon has closed the rest. An impostor waits on its first link.
            try eventually("the attack is under way") {
                attacker.links > 0 && (attack == .impostor || attacker.attempts >= 50)
            }
            var joins: [RadioFixture.Join] = []
            for _ in 0..<Scale.floodJoins {
                let before = attacker.falseProofs
                let logged = field.beacon.logged.count
                let join = try field.join(
                    way,
                    asked: { try eventually("\(count) false proofs") { attacker.falseProofs >= before + count } })
                #expect(field.server.verdicts(join.token) == [.observedJoinValid], sourceLocation: location)
                // That is how a device learns that there is no room. A link that is slow, or that the controllers
                // lose, ends in another way, and is not the attacker's doing.
                #expect(
                    !join.before.contains(.busy),
                    "the stranger takes the device's place: \(join.before)\n\(field.beacon.logged.dropFirst(logged))",
                    sourceLocation: location)
                if !join.before.isEmpty {
                    print("again after \(join.before):\n\(field.beacon.logged.dropFirst(logged))")
                }
                joins.append(join)
            }
            let again = joins.map(\.before.count).reduce(0, +)
            print(
                "\(attack) over \(transport): \(joins.count) of \(joins.count) joins valid,",
                "\(again) links tried again; \(medianAndWorst(joins.map(\.answered)));",
                "attacker: \(try attacker.stop())")
            #expect(field.beacon.isRunning, sourceLocation: location)
        }

        @Test(
            "the expected device joins: its link is not turned away, whatever a stranger does",
            arguments: Attack.allCases, Radio.transports)
        func oneStranger(_ attack: Attack, _ transport: Transport) throws {
            // A processor that is emulated needs ten times as long: so does the time that the expected device has for its
            // proof. A stranger has one address here, and so as many as four places of a beacon's 64: with 16 it would
            // soon have all, if it could have more than four.
            let field = try RadioFixture.with(
                link: ["links = 16", "hold-off-first = 10", "proof = 20"],
                fresh: attack == .garbage || attack == .impostor)  // held off since the last transport's attack
            try expectJoins(under: attack, over: transport, field)
        }

        /// Short hold-offs stand for an attacker who has a new address for each proof.
        @Test(
            "the expected device joins after five false proofs each time: their number does not decide",
            arguments: Radio.transports)
        func impostorOfManyAddresses(_ transport: Transport) throws {
            let field = try RadioFixture.with(
                link: ["hold-off-first = 0.1", "hold-off-longest = 0.1", "proof = 20"])
            try expectJoins(under: .impostor, over: transport, field, afterFalseProofs: 5)
        }
    }
}
