import Keys
import SRUP
import Testing

@testable import ProofLink

/// docs/proof-link.md, "Order": the device's end, in every state, for every frame.
@Suite struct DeviceSessionTests {
    /// A state, and how a session gets there. `readyKnowing` is `ready` with the value at hand.
    enum Place: CaseIterable {
        case awaitingHello, ready, readyKnowing, challenged, proving, ended

        func session(_ mode: Mode) throws -> DeviceSession {
            let knows = self == .readyKnowing || self == .proving || self == .ended
            var session = Sample.deviceSession(mode, value: knows ? Sample.value : nil)
            if self == .awaitingHello { return session }
            _ = try session.receive(DeviceSessionTests.hello)
            if self == .ready || self == .readyKnowing { return session }
            _ = try session.receive(.challenge(Sample.challenge))
            if self == .challenged || self == .proving { return session }
            _ = try session.receive(.outcome(.fail, tag: LinkFrame.noTag))
            return session
        }
    }

    static let hello = LinkFrame.hello(
        version: 1, modes: Sample.both, beacon: Sample.beacon, nonce: Sample.linkNonce)
    static let proof = LinkFrame.proof(nonce: Sample.deviceNonce, tag: Sample.proofTag)
    static let otherOutcomes = Outcome.allCases.filter { $0 != .valid }

    /// The columns of the tables; the third offers only the mode that the device does not speak.
    static func frames(_ mode: Mode) -> [[LinkFrame]] {
        let (beacon, nonce) = (Sample.beacon, Sample.linkNonce)
        return [
            [hello], [2, 0, 255].map { .hello(version: $0, modes: Sample.both, beacon: beacon, nonce: nonce) },
            [mode == .value ? .challenge : .value, []].map {
                .hello(version: 1, modes: $0, beacon: beacon, nonce: nonce)
            },
            [.hello(version: 1, modes: Sample.both, beacon: Identifier(9), nonce: nonce)],
            [.wait(seconds: 120)], [.challenge(Sample.challenge)],
            [.outcome(.valid, tag: Sample.validTag)],
            [LinkFrame.noTag, Sample.proofTag, Sample.validTag.reversed()].map { .outcome(.valid, tag: $0) },
            otherOutcomes.map { .outcome($0, tag: LinkFrame.noTag) },
            Sample.plainModes.map { .ready(mode: $0, device: Sample.device) }, [proof], [.value(Sample.value)],
        ]
    }

    /// S: send READY. P: send PROOF. V: send VALUE. W: wait. A: the value is awaited. E: the end, the beacon proved
    /// itself. e: the end, it did not. Refused: v version, m mode, b other beacon, r rogue, full stop out of turn.
    static let table: [(String, Mode, Place)] = [
        // HELLO, -version, -mode, -beacon, WAIT, CHALLENGE, valid + tag, valid − tag, other OUTCOME, READY, PROOF, VALUE
        ("Svmb..rre...", .challenge, .awaitingHello),
        ("....WArre...", .challenge, .ready),
        ("....WPrre...", .challenge, .readyKnowing),
        ("......rre...", .challenge, .challenged),
        ("......Ere...", .challenge, .proving),
        ("............", .challenge, .ended),
        ("Svmb..rre...", .value, .awaitingHello),
        ("....WArre...", .value, .ready),
        ("....WVrre...", .value, .readyKnowing),
        ("......rre...", .value, .challenged),
        ("......eee...", .value, .proving),
        ("............", .value, .ended),
    ]

    private func letter(_ frame: LinkFrame, _ session: inout DeviceSession) -> Character {
        do {
            switch try session.receive(frame) {
            case .send(.ready): return "S"
            case .send(.proof): return "P"
            case .send(.value): return "V"
            case .send: return "?"
            case .wait: return "W"
            case .awaitValue: return "A"
            case .prove: return "?"
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

    @Test(
        "each frame in each state and mode has the effect in the table, and a refused one changes nothing",
        arguments: table)
    func product(row: String, mode: Mode, place: Place) throws {
        #expect(row.count == Self.frames(mode).count)
        for (column, expected) in zip(Self.frames(mode), row) {
            for frame in column {
                var session = try place.session(mode)
                let before = session.state
                #expect(letter(frame, &session) == expected, "\(frame) while \(before)")
                if "vmbr.".contains(expected) { #expect(session.state == before) }
                if "Ee".contains(expected) { #expect(session.state == .ended) }
            }
        }
    }

    @Test("the table has every state in every mode")
    func tableIsComplete() {
        #expect(Self.table.count == Place.allCases.count * Sample.plainModes.count)
        for mode in Sample.plainModes {
            #expect(Set(Self.table.filter { $0.1 == mode }.map(\.2)) == Set(Place.allCases))
        }
    }

    @Test("a device never falls back to value mode: whatever a beacon sends, it does not show the value")
    func noFallback() throws {
        for place in Place.allCases {
            for frame in Self.frames(.challenge).joined() {
                var session = try place.session(.challenge)
                if case .send(.value) = try? session.receive(frame) { Issue.record("\(frame) made it show the value") }
                if case .send(.value) = session.take(value: Sample.value) { Issue.record("shown after \(frame)") }
            }
        }
        var session = Sample.deviceSession(.challenge)
        let valueOnly = LinkFrame.hello(
            version: 1, modes: [.value], beacon: Sample.beacon, nonce: Sample.linkNonce)
        #expect(throws: DeviceSession.Refusal.modeNotOffered([.challenge])) { try session.receive(valueOnly) }
    }

    @Test("a beacon other than the one that the join names is refused; a join that names none accepts any")
    func otherBeacon() throws {
        var session = Sample.deviceSession(.challenge, expecting: Identifier(1))
        #expect(throws: DeviceSession.Refusal.otherBeacon(Sample.beacon)) { try session.receive(Self.hello) }
        session = Sample.deviceSession(.challenge, expecting: nil)
        #expect(try session.receive(Self.hello) == .send(.ready(mode: .challenge, device: Sample.device)))
    }

    @Test("the value may come at any time, and is used when CHALLENGE arrives", arguments: Sample.plainModes)
    func takingTheValue(mode: Mode) throws {
        let shown = mode == .value ? LinkFrame.value(Sample.value) : Self.proof
        for place in Place.allCases {
            var session = try place.session(mode)
            #expect(session.take(value: Sample.value) == (place == .challenged ? .send(shown) : nil), "\(place)")
        }
        var session = try Place.ready.session(mode)
        _ = session.take(value: Sample.value)
        #expect(try session.receive(.challenge(Sample.challenge)) == .send(shown))
    }

    @Test("a value that arrives before the challenge replaces an earlier one")
    func newerValue() throws {
        var session = try Place.readyKnowing.session(.value)
        _ = session.take(value: Sample.otherValue)
        #expect(try session.receive(.challenge(Sample.challenge)) == .send(.value(Sample.otherValue)))
    }

    @Test("a value that arrives after the proof was sent does not make an honest beacon look like a rogue one")
    func lateValue() throws {
        var session = try Place.proving.session(.challenge)
        #expect(session.take(value: Sample.otherValue) == nil)
        #expect(
            try session.receive(.outcome(.valid, tag: Sample.validTag)) == .end(.valid, beaconProved: true))
    }
}
