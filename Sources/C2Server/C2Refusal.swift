extension C2 {
    /// Why a message is refused; each reason has a counter.
    public enum Refusal: String, CaseIterable, Sendable {
        /// Not a frame.
        case frame
        /// A sender whose key is not in the keyring.
        case sender
        /// A signature that is not valid.
        case signature
        /// A sequence id that is not greater than the peer's counter.
        case sequence
        /// A verdict that this sender was not asked for under this token, or a status that is not a verdict.
        case verdict
        /// A message that this server does not serve, or not to this sender.
        case unserved
        /// A request of a node that asks too often.
        case rate
        /// A second answer to a request that this server has repeated: the first one counts.
        case duplicate
        /// A request to join that finds too many waiting, or that has waited too long.
        case busy
        /// A node whose key this server does not have, to a server of its own: one subscription brings the topics of all nodes.
        case stranger

        /// Whether the sender of the message is known: a key has verified its signature.
        var isOfVerifiedSender: Bool {
            switch self {
            case .frame, .sender, .signature, .stranger: false
            case .sequence, .verdict, .unserved, .rate, .duplicate, .busy: true
            }
        }
    }
}
