import BootTime
import SRUP

/// An observation that has no verdict yet, for reports.
public struct OpenObservation: Equatable, Sendable {
    /// Who asked, under which token.
    public let exchange: RequestID
    /// The device that is expected.
    public let device: Identifier
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public let deadline: Instant
    /// False proofs so far.
    public let mismatches: Int
    /// What the right proofs lacked; nil: none has come.
    public let lacking: ProofShortcoming?
    /// Of `.tooFar`: what the last one did not meet.
    public let unmet: [UnmetBound]

    package init(
        exchange: RequestID, device: Identifier, deadline: Instant, mismatches: Int, lacking: ProofShortcoming?,
        unmet: [UnmetBound]
    ) {
        (self.exchange, self.device, self.deadline) = (exchange, device, deadline)
        (self.mismatches, self.lacking, self.unmet) = (mismatches, lacking, unmet)
    }
}

/// What the right proofs of an open observation lacked. The names are those in `status`.
public enum ProofShortcoming: String, CaseIterable, Codable, Sendable {
    /// The device proved the value in keyed mode, and has not signed it.
    case unsigned
    /// The device proved the value from outside the configured bounds.
    case tooFar
}
