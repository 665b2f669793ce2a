import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, "Order": the beacon's end, in every state, for every frame.
@Suite struct BeaconSessionTests {
    /// A state, and how a session gets there.
    enum Place: CaseIterable {
        case greeting, holdingChallenge, holdingValue, challengedChallenge, challengedValue
        case presentedChallenge, presentedValue, ended

        func session(offering modes: Modes = Sample.both) throws -> BeaconSession {
            var session = Sample.beaconSession(offering: modes)
            let mode: Mode =
                switch self {
                case .holdingValue, .challengedValue, .presentedValue: .value
                case .greeting, .holdingChallenge, .challengedChallenge, .presentedChallenge, .ended: .challenge
                }
            if self == .greeting { return session }
            _ = try session.receive(.ready(mode: mode, device: Sample.device))
            if self == .holdingChallenge || self == .holdingValue { return session }
            _ = session.sendChallenge()
            if self == .challengedChallenge || self == .challengedValue { return session }
            _ = try session.receive(mode == .value ? value : proof)
            if self == .presentedChallenge || self == .presentedValue { return session }
            session.end()
            return session
        }
    }

    static let proof = LinkFrame.proof(nonce: Sample.deviceNonce, tag: Sample.proofTag)
    static let value = LinkFrame.value(Sample.value)

    /// The columns of the tables.
    static let frames: [LinkFrame] = [
        Sample.beaconSession().hello, .ready(mode: .challenge, device: Sample.device),
        .ready(mode: .value, device: Sample.device), .wait(seconds: 1), .challenge(Sample.challenge), proof, value,
        .outcome(.valid, tag: Sample.validTag),
    ]

    /// R: ready. P: presented. A full stop: out of turn.
    static let table: [(String, Place)] = [
        // HELLO, READY by challenge, READY by value, WAIT, CHALLENGE, PROOF, VALUE, OUTCOME
        (".RR.....", .greeting),
        ("........", .holdingChallenge),
        ("........", .holdingValue),
        (".....P..", .challengedChallenge),
        ("......P.", .challengedValue),
        ("........", .presentedChallenge),
        ("........", .presentedValue),
        ("........", .ended),
    ]

    private func letter(_ frame: LinkFrame, _ session: inout BeaconSession) -> Character {
        do {
            switch try session.receive(frame) {
            case .ready: return "R"
            case .presented: return "P"
            case .claim, .proved, .piece, .signed: return "?"
            }
        } catch { return "." }
    }

    @Test("the table has every state once")
    func tableIsComplete() {
        #expect(Set(Self.table.map(\.1)).count == Place.allCases.count && Self.table.count == Place.allCases.count)
    }

    @Test("each frame in each state has the effect in the table, and one out of turn changes nothing", arguments: table)
    func product(row: String, place: Place) throws {
        #expect(row.count == Self.frames.count)
        for (frame, expected) in zip(Self.frames, row) {
            var session = try place.session()
            let before = session.state
            #expect(letter(frame, &session) == expected, "\(frame) while \(before)")
            if expected == "." { #expect(session.state == before) }
        }
    }

    @Test(
        "READY is accepted in the modes that HELLO offered, and in no other",
        arguments: [
            (Modes([.challenge]), ".R......"), (Modes([.value]), "..R....."), (Sample.both, ".RR....."),
            (Modes([]), "........"),
        ])
    func offered(modes: Modes, row: String) throws {
        for (frame, expected) in zip(Self.frames, row) {
            var session = try Place.greeting.session(offering: modes)
            #expect(letter(frame, &session) == expected, "\(frame) where \(modes) is offered")
        }
    }

    @Test("HELLO has version 1, the modes, the beacon's identity, and this link's nonce")
    func hello() {
        #expect(
            Sample.beaconSession(offering: [.challenge]).hello
                == .hello(version: 1, modes: [.challenge], beacon: Sample.beacon, nonce: Sample.linkNonce))
    }

    @Test("the states follow each other as in the diagram, and the device is known from READY to the end")
    func states() throws {
        var session = Sample.beaconSession()
        #expect(session.state == .greeting && session.device == nil)
        #expect(try session.receive(.ready(mode: .challenge, device: Sample.device)) == .ready(Sample.device))
        #expect(session.state == .holding(.challenge, Sample.device) && session.device == Sample.device)
        #expect(session.sendChallenge() == .challenge(Sample.challenge))
        #expect(session.state == .challenged(.challenge, Sample.device) && session.device == Sample.device)
        #expect(try session.receive(Self.proof) == .presented(.proof(Sample.context, tag: Sample.proofTag)))
        #expect(session.state == .presented(.challenge, Sample.device) && session.device == Sample.device)
        session.end()
        #expect(session.state == .ended && session.device == nil)
    }

    @Test("a session can end in every state, and reads nothing afterwards", arguments: Place.allCases)
    func ends(place: Place) throws {
        var session = try place.session()
        session.end()
        #expect(session.state == .ended)
        for frame in Self.frames { #expect(throws: BeaconSession.OutOfTurn()) { try session.receive(frame) } }
    }

    @Test("a presentation is bound to its link: nonce, challenge and both identities are the session's own")
    func presentation() throws {
        var session = try Place.challengedValue.session()
        #expect(try session.receive(Self.value) == .presented(.value(Sample.value)))
        session = BeaconSession(
            beacon: Identifier(7), modes: [.challenge], linkNonce: Array(repeating: 1, count: 16),
            challenge: Array(repeating: 2, count: 32))
        _ = try session.receive(.ready(mode: .challenge, device: Identifier(8)))
        _ = session.sendChallenge()
        let context = ProofContext(
            linkNonce: Array(repeating: 1, count: 16), challenge: Array(repeating: 2, count: 32),
            deviceNonce: Sample.deviceNonce, beacon: Identifier(7), device: Identifier(8))
        #expect(try session.receive(Self.proof) == .presented(.proof(context, tag: Sample.proofTag)))
    }
}
