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
            var session = Sample.deviceSession(
                [.keyed, .challenge], value: self == .claimedNothing ? nil : Sample.value)
            if self == .awaitingHello { return session }
            _ = try session.receive(KeyedDeviceTests.hello(Sample.keyedModes))
            if self == .claimed || self == .claimedNothing { return session }
            _ = try session.receive(.challenge(Sample.challenge))
            if self == .ended { _ = try session.receive(.outcome(.fail, tag: LinkFrame.noTag)) }
            return session
        }
    }

    static func hello(_ modes: Modes, _ beacon: Identifier = Sample.beacon) -> LinkFrame {
        .hello(version: 1, modes: modes, beacon: beacon, nonce: Sample.linkNonce)
    }

    static let others = Outcome.allCases.filter { $0 != .valid }

    /// The columns of the table.
    static let frames: [[LinkFrame]] = [
        [hello(Sample.keyedModes), hello(.keyed)], [hello(.challenge), hello([.challenge, .value])],
        [hello(.value), hello([])],
        [hello(Sample.keyedModes, Identifier(9)), hello(Sample.keyedModes, Identifier(0))],
        [.wait(seconds: 9)], [.challenge(Sample.challenge)],
        [.outcome(.valid, tag: Sample.outcomeTag(.valid))],
        [
            LinkFrame.noTag, Sample.outcomeTag(.fail), Sample.keyedTag, Sample.validTag,
            Sample.outcomeTag(.valid, nonce: KeyedContext.noNonce),
        ].map { .outcome(.valid, tag: $0) },
        others.map { .outcome($0, tag: Sample.outcomeTag($0)) }
            + others.map { .outcome($0, tag: Sample.outcomeTag($0, nonce: KeyedContext.noNonce)) },
        others.map { .outcome($0, tag: LinkFrame.noTag) } + others.map { .outcome($0, tag: Sample.outcomeTag(.valid)) },
        [
            .ready(mode: .challenge, device: Sample.device), .claim(Sample.claim), .sign(last: true, [1]),
            .proof(nonce: Sample.deviceNonce, tag: Sample.keyedTag), .value(Sample.value),
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
            case .prove(.proof(Sample.deviceNonce, Sample.keyedTag), signing: Sample.keyedProof.signedBytes): return "P"
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

    @Test("each frame in each state has the effect in the table, and a refused one changes nothing", arguments: table)
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

    @Test("CLAIM is empty while there is no value, and is sent once more when there is one")
    func claims() throws {
        var session = Sample.deviceSession([.keyed], value: nil)
        #expect(try session.receive(Self.hello(Sample.keyedModes)) == .send(.claim(KeyedContext.noClaim)))
        #expect(session.take(value: Sample.value) == .send(.claim(Sample.claim)))
        #expect(session.take(value: Sample.otherValue) == nil)
        session = Sample.deviceSession([.keyed])
        #expect(try session.receive(Self.hello(Sample.keyedModes)) == .send(.claim(Sample.claim)))
        #expect(session.take(value: Sample.otherValue) == nil)
    }

    @Test("a device that requires keyed mode leaves after a HELLO without it")
    func noDowngrade() {
        var session = Sample.deviceSession([.keyed])
        #expect(throws: DeviceSession.Refusal.modeNotOffered([.keyed])) { try session.receive(Self.hello(.challenge)) }
    }

    @Test("a private beacon is assumed to be the one that the join names, and a join that names none refuses it")
    func hidden() throws {
        var session = Sample.deviceSession([.keyed])
        var context = Sample.keyed
        context.modes = .keyed
        let claim = context.claim(Sample.keys.claim, hmacSHA256)
        #expect(try session.receive(Self.hello(.keyed, Identifier(0))) == .send(.claim(claim)))
        session = Sample.deviceSession([.keyed], expecting: nil)
        #expect(throws: DeviceSession.Refusal.otherBeacon(Identifier(0))) {
            try session.receive(Self.hello(.keyed, Identifier(0)))
        }
    }

    @Test(
        "a private beacon may offer modes that we do not know; one that offers a mode without privacy must name itself")
    func hiddenModes() throws {
        let later = Modes(rawValue: Modes.keyed.rawValue | 0x80)
        var session = Sample.deviceSession([.keyed])
        var context = Sample.keyed
        context.modes = later
        let claim = context.claim(Sample.keys.claim, hmacSHA256)
        #expect(try session.receive(Self.hello(later, Identifier(0))) == .send(.claim(claim)))
        for expected in [Sample.beacon, nil] {
            var other = Sample.deviceSession([.keyed, .challenge], expecting: expected)
            #expect(throws: DeviceSession.Refusal.otherBeacon(Identifier(0))) {
                try other.receive(Self.hello([.keyed, .challenge], Identifier(0)))
            }
        }
    }

    @Test("if a mode is removed from HELLO in transit, the claim does not match")
    func strippedModes() throws {
        var session = Sample.deviceSession([.keyed])
        #expect(try session.receive(Self.hello(.keyed)) != .send(.claim(Sample.claim)))
    }
}
