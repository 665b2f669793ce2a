import BootTime
import ProofLink
import SRUP

/// A bound of `[link]` that a correct proof did not meet. Meeting it does not prove a distance.
public enum UnmetBound: Hashable, Sendable {
    /// From CHALLENGE to the proof; nil: the challenge's departure was not seen.
    case roundTrip(Duration?, maximum: Duration)
    /// The received signal in dBm; nil: it was not reported.
    case signal(Int8?, minimum: Int8, Transport)

    /// What was measured and what the bound is, named as its setting.
    public var message: String {
        switch self {
        case .roundTrip(let measured, let maximum):
            (measured.map { "the round trip took \(UnmetBound.milliseconds($0)) ms" }
                ?? "the round trip was not measured")
                + ", max-round-trip is \(maximum.wholeMilliseconds) ms"
        case .signal(let measured?, let minimum, _):
            "the signal was \(measured) dBm, min-rssi is \(minimum) dBm"
        case .signal(nil, let minimum, let transport):
            (transport.reportsSignal
                ? "the adapter reported no signal strength for this link"
                : "\(transport.rawValue) reports no signal strength")
                + ", min-rssi is \(minimum) dBm"
        }
    }

    /// With three decimals: a bound is a whole number of milliseconds, and a proof that misses it may do so by a few microseconds.
    private static func milliseconds(_ duration: Duration) -> String {
        let microseconds = duration.wholeMicroseconds
        let decimals = String(microseconds % 1_000)
        return "\(microseconds / 1_000)." + String(repeating: "0", count: 3 - decimals.count) + decimals
    }
}

extension [UnmetBound] {
    /// All of them in one clause.
    public var message: String { map(\.message).joined(separator: "; ") }
}

// Correct proofs from outside the configured bounds (docs/proof-link.md, "Outcomes").
extension Observer {
    /// Over LE a missing measurement may be there the next time; on the other transports there never is one.
    func lacksSignal(_ peer: Peer) -> Bool {
        policy.minimumSignal != nil && peer.transport.reportsSignal && peer.signal == nil
    }

    /// What a proof over a link does not meet. A bound that is set and cannot be checked is not met.
    func unmetBounds(_ peer: Peer, _ roundTrip: Duration?) -> [UnmetBound] {
        var unmet: [UnmetBound] = []
        if let bound = policy.maximumRoundTrip, roundTrip.map({ $0 > bound }) ?? true {
            unmet.append(.roundTrip(roundTrip, maximum: bound))
        }
        if let bound = policy.minimumSignal, peer.signal.map({ $0 < bound }) ?? true {
            unmet.append(.signal(peer.signal, minimum: bound, peer.transport))
        }
        return unmet
    }

    /// A correct proof from outside the bounds. It is not counted: the device is the right one, and may come nearer. What the
    /// device is told does not depend on this.
    mutating func noteTooFar(
        _ exchange: RequestID, _ peer: Peer, _ mode: Mode, _ roundTrip: Duration?, _ unmet: [UnmetBound]
    ) -> [Effect] {
        guard var observation = observations[exchange] else { return [] }
        let evidence = Evidence(
            peer: peer, mode: mode, roundTrip: roundTrip, attempts: observation.mismatches + 1, grade: .reachable,
            isTimed: false, unmet: unmet)
        (observation.unmet, observation.tooFarEvidence) = (unmet, evidence)
        // What is said of false proofs is what was seen of them.
        if observation.mismatches == 0 { observation.lastEvidence = evidence }
        observations[exchange] = observation
        return [.report(.tooFar(exchange, device: observation.device, peer, unmet))]
    }
}
