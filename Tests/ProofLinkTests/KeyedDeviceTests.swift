import Keys
import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, "Keyed mode": the device's end, in every state, for every frame.
@Suite struct KeyedDeviceTests {
    /// A state, and how a session gets there.
    enum Place: CaseIterable {
        case awaitingHello, claimedNothing, claimed, proving, ended

        func session() throws -> DeviceSession {
            var session = Given.deviceSession([.keyed, .challenge], value: self == .claimedNothing ? nil : Given.value)
            if self == .awaitingHello { return session }
            _ = try session.receive(KeyedDeviceTests.hello(Given.keyedModes))
            if self == .claimed || self == .claimedNothing { return session }
            _ = try session.receive(.challenge(Given.challenge))
            if self == .ended { _ = try session.receive(.outcome(.fail, tag: LinkFrame.noTag)) }
            return session
        }
    }

    static func hello(_ modes: Modes, _ beacon: Identifier = Given.beacon) -> LinkFrame {
        .hello(version: 1, modes: modes, beacon: beacon, nonce: Given.linkNonce)
    }

    static let others = Outcome.allCases.filter { $0 != .valid }

    /// The columns of the table.
    static let frames: [[LinkFrame]] = [
        [hello(Given.keyedModes), hello(.keyed)], [hello(.challenge), hello([.challenge, .value])],
        [hello(.value), hello([])],
        [hello(Given.keyedModes, Identifier(9)), hello(Given.keyedModes, Identifier(0))],
        [.wait(seconds: 9)], [.challenge(Given.challenge)],
        [.outcome(.valid, tag: Given.outcomeTag(.valid))],
        [LinkFrame.noTag, Given.outcomeTag(.fail), Given.keyedTag, Given.validTag].map { .outcome(.valid, tag: $0) },
        others.map { .outcome($0, tag: Given.outcomeTag($0)) }
            + others.map { .outcome($0, tag: Given.outcomeTag($0, nonce: KeyedContext.noNonce)) },
        others.map { .outcome($0, tag: LinkFrame.noTag) } + others.map { .outcome($0, tag: Given.outcomeTag(.valid)) },
        [
            .ready(mode: .challenge, device: Given.device), .claim(Given.claim), .sign(last: true, [1]),
            .proof(nonce: Given.deviceNonce, tag: Given.keyedTag), .value(Given.value),
        ],
    ]

    /// C: send CLAIM. S: send READY. P: prove and sign. W: wait. E: the end, the beacon proved itself. e: the end, it did not.
    /// Refused: m mode, b other beacon, r rogue, full stop out of turn.
    static let table: [(String, Place)] = [
        // HELLO, HELLO of version 1, -mode, -beacon, WAIT, CHALLENGE, valid + tag, valid - tag, other + tag, other - tag, device's
        ("CSmb..rree.", .awaitingHello),
        ("....W.rree.", .claimedNothing),
        ("....WPrree.", .claimed),
        ("......ErEe.", .proving),
        ("...........", .ended),
    ]

    private func letter(_ frame: LinkFrame, _ session: inout DeviceSession) -> Character {
        do {
            switch try session.receive(frame) {
            case .send(.claim): return "C"
            case .send(.ready(.challenge, _)): return "S"
            case .send: return "?"
            case .prove(.proof(Given.deviceNonce, Given.keyedTag), signing: Given.keyedProof.signedBytes): return "P"
            case .prove: return "?"
            case .wait: return "W"
            case .awaitValue: return "A"
            case .end(_, beaconProved: true): return "E"
            case .end(_, beaconProved: false): return "e"
            }
        } catch {
            switch error {
            case .version: return "v"
            case .modeNotOffered: return "m"
            case .otherBeacon: return "b"
            case .rogueBeacon: return "r"
            case .outOfTurn: return "."
            }
        }
    }

    @Test("each frame in each state does what the table says, and a refused one changes nothing", arguments: table)
    func product(row: String, place: Place) throws {
        #expect(row.count == Self.frames.count)
        for (column, expected) in zip(Self.frames, row) {
            for frame in column {
                var session = try place.session()
                let before = session.state
                #expect(letter(frame, &session) == expected, "\(frame) while \(before)")
                if "mbr.".contains(expected) { #expect(session.state == before) }
            }
        }
    }

    @Test("the table has every state once")
    func tableIsComplete() {
        #expect(Set(Self.table.map(\.1)) == Set(Place.allCases) && Self.table.count == Place.allCases.count)
    }

    @Test("CLAIM says nothing while the value is not there, and comes again once, when it is")
    func claims() throws {
        var session = Given.deviceSession([.keyed], value: nil)
        #expect(try session.receive(Self.hello(Given.keyedModes)) == .send(.claim(KeyedContext.noClaim)))
        #expect(session.take(value: Given.value) == .send(.claim(Given.claim)))
        #expect(session.take(value: Given.otherValue) == nil)
        session = Given.deviceSession([.keyed])
        #expect(try session.receive(Self.hello(Given.keyedModes)) == .send(.claim(Given.claim)))
        #expect(session.take(value: Given.otherValue) == nil)
    }

    @Test("where a device wants keyed mode alone, a HELLO without it is left")
    func noDowngrade() {
        var session = Given.deviceSession([.keyed])
        #expect(throws: DeviceSession.Refusal.modeNotOffered([.keyed])) { try session.receive(Self.hello(.challenge)) }
    }

    @Test("a private beacon is taken for the one that the join names, and by a join that names none for none")
    func hidden() throws {
        var session = Given.deviceSession([.keyed])
        var context = Given.keyed
        context.modes = .keyed
        let claim = context.claim(Given.keys.claim, hmacSHA256)
        #expect(try session.receive(Self.hello(.keyed, Identifier(0))) == .send(.claim(claim)))
        session = Given.deviceSession([.keyed], expecting: nil)
        #expect(throws: DeviceSession.Refusal.otherBeacon(Identifier(0))) {
            try session.receive(Self.hello(.keyed, Identifier(0)))
        }
    }

    @Test("a mode that was taken out of HELLO on the way makes the claim fit nothing")
    func strippedModes() throws {
        var session = Given.deviceSession([.keyed])
        #expect(try session.receive(Self.hello(.keyed)) != .send(.claim(Given.claim)))
    }
}
