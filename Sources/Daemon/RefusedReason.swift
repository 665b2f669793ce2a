import Observing
import ProofLink

/// Why something was refused: the names in `status`, in the metric `refused_total`, and in docs/operations.md.
enum RefusedReason: Hashable {
    /// A message with a valid signature.
    case message(Refusal.Name)
    /// What came from the broker is not a message of SRUP.
    case malformedFrame
    /// A message of a sender whose key we do not have.
    case unknownSender
    /// A message whose signature does not hold.
    case badSignature
    /// A proof that does not match.
    case falseProof
    /// A proof that matches, from outside the configured bounds.
    case tooFar
    /// A link whose packets are too short for the proof link.
    case shortPackets
    /// A link that ended with another outcome than *valid*.
    case link(Outcome)

    /// All of them.
    static let all =
        [malformedFrame, unknownSender, badSignature] + Refusal.Name.allCases.map { message($0) } + [
            falseProof, tooFar, shortPackets,
        ]
        + Outcome.allCases.filter { $0 != .valid }.map { link($0) }

    var name: String {
        switch self {
        case .message(let name): name.rawValue
        case .malformedFrame: "malformed-frame"
        case .unknownSender: "unknown-sender"
        case .badSignature: "bad-signature"
        case .falseProof: "false-proof"
        case .tooFar: "too-far"
        case .shortPackets: "mtu"
        case .link(let outcome): "link-\(outcome)".replacing(" ", with: "-")
        }
    }
}
