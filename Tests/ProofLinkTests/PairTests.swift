import Keys
import SRUP
import Testing

@testable import ProofLink

/// Both ends exchange frames as bytes.
@Suite struct PairTests {
    /// When the device's own copy of the value arrives.
    enum Arrival: CaseIterable { case beforeTheLink, whileHeld, afterChallenge }

    /// A frame as the other end receives it.
    private func carried(_ frame: LinkFrame) throws -> LinkFrame { try LinkFrame(packet: frame.encoded) }

    private func frame(_ step: DeviceSession.Step?) throws -> LinkFrame {
        guard case .send(let frame) = step else {
            Issue.record("\(String(describing: step)) where a frame was wanted")
            throw LinkFrameError.packet(0)
        }
        return try carried(frame)
    }

    /// Plays one link up to the presentation.
    private func present(
        _ beacon: inout BeaconSession, _ device: inout DeviceSession, _ value: Secret, _ arrival: Arrival
    ) throws -> Presentation {
        if arrival == .beforeTheLink { #expect(device.take(value: value) == nil) }
        let ready = try frame(device.receive(carried(beacon.hello)))
        #expect(try beacon.receive(ready) == .ready(Sample.device))
        for seconds in [120, 60, 1] as [UInt16] {
            #expect(try device.receive(carried(.wait(seconds: seconds))) == .wait(seconds: seconds))
        }
        if arrival == .whileHeld { #expect(device.take(value: value) == nil) }
        var step: DeviceSession.Step? = try device.receive(carried(beacon.sendChallenge()))
        if arrival == .afterChallenge {
            #expect(step == .awaitValue)
            step = device.take(value: value)
        }
        guard case .presented(let presentation) = try beacon.receive(frame(step)) else {
            Issue.record("the beacon did not take it for a proof")
            throw BeaconSession.OutOfTurn()
        }
        return presentation
    }

    @Test(
        "with the same value on both sides the proof matches and the device hears valid, whenever its value comes",
        arguments: Sample.plainModes, Arrival.allCases)
    func sameValue(mode: Mode, arrival: Arrival) throws {
        var (beacon, device) = (Sample.beaconSession(), Sample.deviceSession(mode, value: nil))
        let presentation = try present(&beacon, &device, Sample.value, arrival)
        #expect(presentation.matches(Sample.value, hmacSHA256))
        let outcome = try carried(presentation.validOutcome(Sample.value, hmacSHA256))
        #expect(try device.receive(outcome) == .end(.valid, beaconProved: mode == .challenge))
        #expect(device.state == .ended)
    }

    @Test("with another value the proof does not match, and the device hears invalid", arguments: Sample.plainModes)
    func otherValue(mode: Mode) throws {
        var (beacon, device) = (Sample.beaconSession(), Sample.deviceSession(mode, value: nil))
        let presentation = try present(&beacon, &device, Sample.otherValue, .whileHeld)
        #expect(!presentation.matches(Sample.value, hmacSHA256))
        #expect(
            try device.receive(carried(.outcome(.invalid, tag: LinkFrame.noTag)))
                == .end(.invalid, beaconProved: false))
    }

    @Test("a rogue beacon without the value is detected, also if it sends the device's own tag back")
    func rogue() throws {
        for kind in 0..<4 {
            var (beacon, device) = (Sample.beaconSession(), Sample.deviceSession(.challenge, value: nil))
            guard case .proof(let context, let tag) = try present(&beacon, &device, Sample.value, .beforeTheLink) else {
                Issue.record("no proof")
                return
            }
            let guesses = [
                LinkFrame.noTag, tag, context.beaconTag(Sample.otherValue, .valid, hmacSHA256),
                context.beaconTag(Sample.value, .fail, hmacSHA256),
            ]
            let guess = try carried(.outcome(.valid, tag: guesses[kind]))
            #expect(throws: DeviceSession.Refusal.rogueBeacon) { try device.receive(guess) }
        }
    }

    @Test("an overheard proof is not valid on another link")
    func replay() throws {
        var (beacon, device) = (Sample.beaconSession(), Sample.deviceSession(.challenge))
        guard case .proof(_, let tag) = try present(&beacon, &device, Sample.value, .beforeTheLink) else {
            Issue.record("no proof")
            return
        }
        var next = BeaconSession(
            beacon: Sample.beacon, modes: [.challenge], linkNonce: Sample.linkNonce.reversed(),
            challenge: Sample.challenge.reversed())
        _ = try next.receive(.ready(mode: .challenge, device: Sample.device))
        _ = next.sendChallenge()
        guard case .presented(let presentation) = try next.receive(.proof(nonce: Sample.deviceNonce, tag: tag)) else {
            Issue.record("not taken for a proof")
            return
        }
        #expect(!presentation.matches(Sample.value, hmacSHA256))
    }
}
