import Keys
import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, "Keyed mode": the beacon's end, in every state, for every frame.
@Suite struct KeyedBeaconTests {
    /// A state, and how a session gets there.
    enum Place: CaseIterable {
        case greeting, claimedNothing, claimed, challenged, proved, partlySigned, ended

        func session(offering modes: Modes = Sample.keyedModes) throws -> BeaconSession {
            var session = Sample.beaconSession(offering: modes)
            if self == .greeting { return session }
            _ = try session.receive(.claim(self == .claimedNothing ? KeyedContext.noClaim : Sample.claim))
            if self == .claimedNothing || self == .claimed { return session }
            _ = session.sendChallenge(to: Sample.keyed)
            if self == .challenged { return session }
            _ = try session.receive(KeyedBeaconTests.proof)
            if self == .proved { return session }
            _ = try session.receive(.sign(last: false, [1]))
            if self == .ended { session.end() }
            return session
        }
    }

    static let proof = LinkFrame.proof(nonce: Sample.deviceNonce, tag: Sample.keyedTag)

    static let frames: [LinkFrame] = [
        Sample.beaconSession().hello, .ready(mode: .challenge, device: Sample.device),
        .ready(mode: .value, device: Sample.device), .claim(KeyedContext.noClaim), .claim(Sample.claim),
        .wait(seconds: 1), .challenge(Sample.challenge), proof, .value(Sample.value),
        .sign(last: false, [2]), .sign(last: true, [3]), .outcome(.valid, tag: Sample.outcomeTag(.valid)),
    ]

    /// R: ready. C: a claim. P: proved. p: a piece. S: signed. A full stop: out of turn.
    static let table: [(String, Place)] = [
        // HELLO, READY challenge, READY value, CLAIM nothing, CLAIM, WAIT, CHALLENGE, PROOF, VALUE, SIGN, SIGN last, OUTCOME
        (".R.CC.......", .greeting),
        ("....C.......", .claimedNothing),
        ("............", .claimed),
        (".......P....", .challenged),
        (".........pS.", .proved),
        (".........pS.", .partlySigned),
        ("............", .ended),
    ]

    private func letter(_ frame: LinkFrame, _ session: inout BeaconSession) -> Character {
        do {
            switch try session.receive(frame) {
            case .ready: return "R"
            case .claim: return "C"
            case .proved: return "P"
            case .piece: return "p"
            case .signed: return "S"
            case .presented: return "?"
            }
        } catch { return "." }
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

    @Test("the table has every state once")
    func tableIsComplete() {
        #expect(Set(Self.table.map(\.1)).count == Place.allCases.count && Self.table.count == Place.allCases.count)
    }

    @Test(
        "CLAIM is out of turn if HELLO did not offer keyed mode",
        arguments: [Modes.challenge, .value, [], Sample.both])
    func notOffered(modes: Modes) {
        var session = Sample.beaconSession(offering: modes)
        #expect(throws: BeaconSession.OutOfTurn()) { try session.receive(.claim(Sample.claim)) }
    }

    @Test("a signature is assembled from its pieces, and one that is too long is out of turn")
    func pieces() throws {
        var session = try Place.proved.session()
        let signature = (0..<512).map { UInt8(truncatingIfNeeded: $0) }
        let frames = KeyedProof.frames(of: signature)
        #expect(frames.count == 4)
        for frame in frames.dropLast() { #expect(try session.receive(frame) == .piece) }
        var whole = Sample.keyedProof
        whole.signature = signature
        #expect(try session.receive(try #require(frames.last)) == .signed(whole))

        session = try Place.proved.session()
        let piece = LinkFrame.sign(last: false, Array(repeating: 1, count: 128))
        for _ in 0..<16 { #expect(try session.receive(piece) == .piece) }
        #expect(throws: BeaconSession.OutOfTurn()) { try session.receive(.sign(last: true, [1])) }
    }

    @Test("for a beacon that accepts packets of 67 bytes only, the pieces are shorter, and none is longer than PROOF")
    func shortPieces() throws {
        var session = try Place.proved.session()
        let signature = (0..<256).map { UInt8(truncatingIfNeeded: $0) }
        let frames = KeyedProof.frames(of: signature, pieces: 63)
        #expect(frames.count == 5 && frames.allSatisfy { $0.encoded.count <= 67 })
        for frame in frames.dropLast() { #expect(try session.receive(frame) == .piece) }
        var whole = Sample.keyedProof
        whole.signature = signature
        #expect(try session.receive(try #require(frames.last)) == .signed(whole))
    }

    @Test("OUTCOME has a tag in every status once a claim has matched, and none before", arguments: Outcome.allCases)
    func outcomes(outcome: Outcome) throws {
        for place in Place.allCases where place != .ended {
            let frame = try place.session().outcome(outcome, Sample.keys.beacon, hmacSHA256)
            let tag =
                switch place {
                case .challenged: Sample.outcomeTag(outcome, nonce: KeyedContext.noNonce)
                case .proved, .partlySigned: Sample.outcomeTag(outcome)
                case .greeting, .claimed, .claimedNothing, .ended: LinkFrame.noTag
                }
            #expect(frame == .outcome(outcome, tag: tag), "\(place)")
        }
    }

    @Test("a private beacon does not name itself if it offers only keyed mode, and otherwise does")
    func hiding() {
        func named(_ modes: Modes) -> LinkFrame {
            BeaconSession(
                beacon: Sample.beacon, modes: modes, hidesIdentity: true, linkNonce: Sample.linkNonce,
                challenge: Sample.challenge
            ).hello
        }
        for (modes, beacon) in [
            (Modes.keyed, Identifier(0)), (Sample.keyedModes, Sample.beacon), (.challenge, Sample.beacon),
        ] {
            #expect(named(modes) == .hello(version: 1, modes: modes, beacon: beacon, nonce: Sample.linkNonce))
        }
    }
}
