import C2Server
import Keys
import ProofLink
import SRUP
import Testing
import TestVectors

/// docs/proof-link.md, "Keyed mode" and "Quorum": how the server judges a device's signed proof.
@Suite("The server checks a device's signed proof")
struct C2KeyedTests {
    private static func body(_ data: [UInt8]) -> Body {
        .data(id: DataID.observationProof.octets, data: Octets(data))
    }

    /// The beacon forwards this proof and answers *valid*.
    private func verdict(on proof: TestProof?, _ server: inout ServerFixture) throws -> [C2.Effect] {
        server.withOpenJoin()
        return server.saysValid(after: try proof.map { [Self.body(try $0.data())] } ?? [])
    }

    @Test(
        "where keyed is required, a right proof is accepted and each false one is refused with its reason",
        arguments: TestProof.allCases)
    func required(proof: TestProof) throws {
        var server = ServerFixture { $0.requires = .keyed }
        let effects = try verdict(on: proof, &server)
        #expect(effects.decisions == [proof == .right ? .accepted : .refused])
        guard let fault = proof.fault else { return }
        let said = effects.said
        #expect(said.contains { $0.hasPrefix("refused DATA") && $0.contains(fault) }, "\(said)")
        #expect(
            said.contains { $0.contains("the device's proof is false: ") && $0.contains(fault) })
        #expect(effects.sent.count == 3 && effects.sent.last == "RESPONSE join refused #3 new-1 to device")
    }

    @Test("where keyed is required, valid without a proof is refused: the observer may be lying")
    func lyingBeacon() throws {
        var server = ServerFixture { $0.requires = .keyed }
        let effects = try verdict(on: nil, &server)
        #expect(effects.decisions == [.refused])
        #expect(effects.said.contains { $0.contains("the evidence is reachable, but keyed is required") })
    }

    @Test(
        "the observer's statement about a challenge counts as challenged, never as keyed",
        arguments: [("challenged", C2.Grade.challenged), ("keyed", .challenged), ("reachable", .reachable)])
    func word(grade: String, counts: C2.Grade) throws {
        for required in C2.Grade.allCases {
            var server = ServerFixture { $0.requires = required }
            server.withOpenJoin()
            let evidence = Body.data(
                id: DataID.observationEvidence.octets, data: Octets(#"{"mode":"challenge","grade":"\#(grade)"}"#.utf8)
            )
            let effects = server.saysValid(after: [evidence])
            #expect(effects.decisions == [counts >= required ? .accepted : .refused], "\(required)")
        }
    }

    @Test("by default a proof is checked as well, and valid without a proof is accepted")
    func byDefault() throws {
        var server = ServerFixture()
        #expect(try verdict(on: nil, &server).decisions == [.accepted])
        server = ServerFixture()
        #expect(
            try verdict(on: .right, &server).said.contains {
                $0.contains("the device holds the value and signed with its key")
            })
    }

    @Test("a proof counts only from the observer that was asked, under its token, up to a limit for each observation")
    func whose() throws {
        var server = ServerFixture { $0.requires = .keyed }
        server.withOpenJoin()
        let right = Self.body(try TestProof.right.data())
        #expect(server.hears(Roles.device.says(right, 4, "new-2")).refusal != nil)
        #expect(server.hears(Roles.beacon.says(right, 4, "another")).refusal != nil)
        for sequence in 5..<9 { server.hears(Roles.beacon.says(Self.body([]), UInt64(sequence), "new-2")) }
        #expect(server.hears(Roles.beacon.says(right, 9, "new-2")).refusal?.contains("more evidence") == true)
        let effects = server.hears(Roles.beacon.says(.response(.observedJoinValid), 10, "new-2"))
        #expect(effects.decisions.isEmpty && effects.askedUnder == "new-3")
    }

    @Test(
        "a false proof never counts; the observer is asked again, and then the device's own proof counts"
    )
    func askedAgain() throws {
        for required in C2.Grade.allCases {
            var server = ServerFixture { $0.requires = required }
            server.withOpenJoin()
            // A captured beacon, which has the value but not the device's key, was faster than the device.
            server.hears(Roles.beacon.says(Self.body(try TestProof.otherKey.data()), 4, "new-2"))
            let first = server.hears(Roles.beacon.says(.response(.observedJoinValid), 5, "new-2"))
            #expect(first.decisions.isEmpty && first.askedUnder == "new-3", "\(required)")
            server.hears(Roles.beacon.says(Self.body(try TestProof.right.data()), 20, "new-3"))
            let second = server.hears(Roles.beacon.says(.response(.observedJoinValid), 21, "new-3"))
            #expect(second.decisions == [.accepted], "\(required)")
        }
        var server = ServerFixture()
        #expect(try verdict(on: .otherKey, &server).decisions == [.refused])
    }
}

extension [C2.Effect] {
    /// What the operator sees.
    var said: [String] { compactMap { if case .say(let words) = $0 { words } else { nil } } }
}

extension TestProof {
    /// What the server reports about it.
    var fault: String? {
        switch self {
        case .right: nil
        case .otherServer: "it is for server"
        case .otherDevice: "it is from device"
        case .otherBeacon: "it is for beacon"
        case .otherValue: "its tag does not match the value"
        case .otherKey, .otherChallenge: "its signature is not the device's"
        case .unsigned, .cut, .nothing: "that are not a proof of keyed mode"
        }
    }
}
