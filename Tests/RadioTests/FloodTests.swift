import Foundation
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    /// The attacker has an address of its own, hci3's; the expected device must get through all the same.
    @Suite("Floods", .serialized)
    struct FloodTests {
        /// For each attack and transport, so that every attack is met 51 times.
        static let rounds = 17

        private func expectJoins(
            under attack: Attack, over transport: Transport, _ field: Field, _ configuration: String,
            afterFalseProofs count: Int = 0, _ location: SourceLocation = #_sourceLocation
        ) throws {
            let way = try Radio.deviceWay(transport)
            let attacker = Attacker(attack, over: try Radio.strangerWay(transport))
            defer { _ = try? attacker.stop() }
            try eventually("the attacker has a link") { attacker.links > 0 }
            var joins: [Field.Join] = []
            for _ in 0..<Self.rounds {
                let before = attacker.falseProofs
                let join = try field.join(
                    way,
                    asked: { try eventually("\(count) false proofs") { attacker.falseProofs >= before + count } })
                #expect(field.server.verdicts(join.token) == [.observedJoinValid], sourceLocation: location)
                #expect(join.links <= 2, "the stranger takes the device's place", sourceLocation: location)
                joins.append(join)
            }
            print(
                "\(attack) over \(transport), \(configuration): \(joins.count) of \(joins.count) joins valid in",
                "\(joins.map(\.links).reduce(0, +)) links; \(medianAndWorst(joins.map(\.answered)));",
                "attacker: \(try attacker.stop())")
            #expect(field.beacon.isRunning, sourceLocation: location)
        }

        @Test("the expected device joins as a beacon is installed", arguments: Attack.allCases, Radio.transports)
        func asInstalled(_ attack: Attack, _ transport: Transport) throws {
            let isHeldOff = attack == .garbage || attack == .impostor  // from the last transport's attack
            try expectJoins(under: attack, over: transport, try Field.with(fresh: isHeldOff), "defaults")
        }

        /// Hold-offs of a moment stand for an attacker who has a new address for each proof.
        @Test(
            "the expected device joins after five false proofs each time, where more are needed to decide",
            arguments: Radio.transports)
        func impostorOfManyAddresses(_ transport: Transport) throws {
            let field = try Field.with(
                observation: ["mismatches = 100"], link: ["hold-off-first = 0.01", "hold-off-longest = 0.02"])
            try expectJoins(
                under: .impostor, over: transport, field, "mismatches = 100, hold-offs of 10 to 20 ms",
                afterFalseProofs: 5)
        }
    }
}
