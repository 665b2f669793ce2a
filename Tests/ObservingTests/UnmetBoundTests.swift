import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

extension [Effect] {
    /// The bounds in the reports of proofs from too far.
    fileprivate var unmet: [[UnmetBound]] {
        compactMap { if case .report(.tooFar(_, _, _, let unmet)) = $0 { unmet } else { nil } }
    }
}

@Suite("A right proof from outside the bounds")
struct UnmetBoundTests {
    private let far = Peer(transport: .le, address: "D1", kind: .leRandom, signal: -80)

    /// A proof of each mode.
    private func prove(_ mode: Mode, _ harness: inout Harness, _ value: Secret = secret(7), from peer: Peer) -> [Effect]
    {
        switch mode {
        case .keyed:
            let link = harness.claimed(from: peer)
            harness.now = harness.now + .milliseconds(30)
            return harness.proveKeyed(value, over: link)
        case .value:
            let link = harness.ready(from: peer, mode: .value)
            return harness.handle(.received(link, .value(value)))
        case .challenge: return harness.prove(value, over: harness.ready(from: peer))
        }
    }

    @Test("is reported with what was measured and the bound, and not as a false proof", arguments: Mode.allCases)
    func reported(mode: Mode) {
        var harness = Harness(
            Policy { ($0.minimumSignal, $0.modes) = (-60, [.value, .challenge, .keyed]) })
        harness.ask()
        let effects = prove(mode, &harness, from: far)
        #expect(effects.unmet == [[.signal(-80, minimum: -60, .le)]])
        #expect(!effects.contains { if case .report(.mismatch) = $0 { true } else { false } })
        #expect(harness.observer.open.map(\.unmet) == [[.signal(-80, minimum: -60, .le)]])
        #expect(harness.observer.open.map(\.mismatches) == [0])
    }

    @Test("each bound says what was measured, or that nothing was, or that this transport has no signal strength")
    func messages() {
        let bounds: [(UnmetBound, String)] = [
            (
                .roundTrip(.microseconds(20_004), maximum: .milliseconds(20)),
                "the round trip took 20.004 ms, max-round-trip is 20 ms"
            ),
            (.roundTrip(nil, maximum: .milliseconds(20)), "the round trip was not measured, max-round-trip is 20 ms"),
            (.signal(-80, minimum: -60, .le), "the signal was -80 dBm, min-rssi is -60 dBm"),
            (
                .signal(nil, minimum: -60, .le),
                "the adapter reported no signal strength for this link, min-rssi is -60 dBm"
            ),
            (.signal(nil, minimum: -60, .rfcomm), "rfcomm reports no signal strength, min-rssi is -60 dBm"),
            (.signal(nil, minimum: -60, .l2cap), "l2cap reports no signal strength, min-rssi is -60 dBm"),
        ]
        for (bound, message) in bounds { #expect(bound.message == message) }
        #expect(bounds.prefix(1).map(\.0).message + "; x" == bounds[0].1 + "; x")
    }

    @Test(
        "beside false proofs of others it changes neither the verdict nor its evidence, as after a restart, and is still told apart",
        arguments: [Mode.challenge, .keyed])
    func amongFalseOnes(mode: Mode) throws {
        for isFalseLast in [true, false] {
            var harness = Harness(Policy { ($0.minimumSignal, $0.maximumRoundTrip) = (-60, .milliseconds(20)) })
            harness.ask()
            let near = Peer(transport: .le, address: "stranger", signal: -20)
            if !isFalseLast { _ = prove(mode, &harness, secret(8), from: near) }
            _ = prove(mode, &harness, from: far)
            if isFalseLast { _ = prove(mode, &harness, secret(8), from: near) }
            #expect(harness.observer.open.map(\.mismatches) == [1] && harness.observer.open.map(\.lacking) == [.tooFar])
            let effects = harness.advance(.seconds(120))
            #expect(effects.reasons == [.deadlineAfterMismatch] && effects.responses == [.observedJoinInvalid])
            #expect(effects.evidence.first??.peer.address == "stranger")
        }
    }

    @Test("alone it is the reason at the deadline, with its evidence", arguments: [Mode.challenge, .keyed])
    func alone(mode: Mode) throws {
        var harness = Harness(Policy { ($0.minimumSignal, $0.maximumRoundTrip) = (-60, .milliseconds(20)) })
        harness.ask()
        _ = prove(mode, &harness, from: far)
        let effects = harness.advance(.seconds(120))
        #expect(effects.reasons == [.tooFar] && effects.responses == [.observedJoinFail])
        let evidence = try #require(effects.evidence.first ?? nil)
        #expect(evidence.peer.address == "D1" && evidence.unmet.count == 2)
        guard case .answered(_, _, .failed, .tooFar, nil, evidence.unmet)? = effects.answers.first else {
            Issue.record("\(effects)")
            return
        }
    }

    @Test("over LE without a signal strength the device is told the same as anyone, and the reason is not silence")
    func unmeasured() {
        var harness = Harness(Policy { $0.minimumSignal = -60 })
        harness.ask()
        let silent = Peer(transport: .le, address: "D1")
        for (value, wanted) in [(secret(8), [[UnmetBound]]()), (secret(7), [[.signal(nil, minimum: -60, .le)]])] {
            let link = harness.ready(from: silent)
            let effects = harness.prove(value, over: link)
            #expect(effects.outcomes == [link: .busy] && effects.unmet == wanted)
            let claimed = harness.claimed(from: silent)
            let keyed = harness.proveKeyed(value, over: claimed)
            #expect(keyed.outcomes == [claimed: .busy] && keyed.unmet == wanted)
        }
        #expect(harness.observer.open.map(\.mismatches) == [0])
        #expect(harness.advance(.seconds(120)).reasons == [.tooFar])
    }

    @Test("its evidence names the bounds that were not met, and other evidence none")
    func json() {
        var evidence = Evidence(
            peer: far, mode: .challenge, roundTrip: .milliseconds(30), attempts: 1, grade: .reachable, isTimed: false)
        #expect(!evidence.json.contains("max_round_trip_us") && !evidence.json.contains("min_signal_dbm"))
        evidence.unmet = [
            .roundTrip(.milliseconds(30), maximum: .milliseconds(20)), .signal(-80, minimum: -60, .le),
        ]
        #expect(evidence.json.contains("\"max_round_trip_us\":20000,\"min_signal_dbm\":-60"))
    }
}

extension [Effect] {
    fileprivate var answers: [Report] {
        compactMap { if case .report(let report) = $0, case .answered = report { report } else { nil } }
    }
}
