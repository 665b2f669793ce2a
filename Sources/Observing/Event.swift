import ProofLink
import SRUP

/// One link of the shell's, from accept to close. Never used twice in the life of the process.
public struct LinkID: Hashable, Sendable, CustomStringConvertible {
    /// Counts up from 1.
    public let number: UInt64
    /// The link of this number.
    public init(_ number: UInt64) { self.number = number }
    /// The number.
    public var description: String { "link \(number)" }
}

/// What names an observation for its server: who asked, under which token.
public struct Exchange: Hashable, Sendable, CustomStringConvertible {
    /// The server that asked.
    public let server: Identifier
    /// Its token, echoed in the answer.
    public let token: Token
    /// An exchange of a server's.
    public init(server: Identifier, token: Token) { (self.server, self.token) = (server, token) }
    /// Both, for a log line.
    public var description: String { "\(token) of \(server)" }
}

/// Something happened.
public enum Event: Sendable {
    /// A server's message, its signature checked. `answered` is the verdict that the journal holds for this sender and
    /// token, if any: the history is too long to be kept in memory.
    case message(Verified<Message>, answered: Verdict?)
    /// The shell wants us joined to a server, and gives a token that nobody has seen.
    case join(Identifier, Token)
    /// A device has opened a link. The bytes are fresh and random.
    case connected(LinkID, Peer, linkNonce: [UInt8], challenge: [UInt8])
    /// A frame has come over a link.
    case received(LinkID, LinkFrame)
    /// Something that is no frame has come over a link.
    case malformed(LinkID)
    /// The last CHALLENGE over a link has left: the round trip starts now. The signal was measured just before, where the
    /// controller tells.
    case challengeLeft(LinkID, signal: Int8? = nil)
    /// The device has closed its link, or the radio has.
    case disconnected(LinkID)
    /// Time has passed.
    case tick
}

/// Something to do, in the order given: where one fails, those after it are not done.
public enum Effect: Equatable, Sendable {
    /// Write to the journal.
    case record(Change)
    /// Sign this, with its sequence id, into the outbox; it leaves once the journal holds it.
    case send(Message, to: Identifier)
    /// Send a frame over a link. Only once the journal holds all that stands before it.
    case tell(LinkID, LinkFrame)
    /// Close a link. The observer has forgotten it.
    case close(LinkID)
    /// Give us `Event.join` with a fresh token.
    case wantToken(Identifier)
    /// Log and count.
    case report(Report)
}

/// What the journal must hold.
public enum Change: Equatable, Sendable {
    /// A message with this sequence id was accepted from a server.
    case accepted(Identifier, SequenceID)
    /// Our standing with a server.
    case membership(Identifier, Membership)
    /// An observation is open; `frame` is the request as it came.
    case opened(Exchange, device: Identifier, frame: [UInt8], deadline: Instant)
    /// So many false proofs have come for an open observation.
    case mismatches(Exchange, Int)
    /// The one verdict. An open observation of this exchange, if there is one, is closed by it.
    case answered(Exchange, device: Identifier, Verdict, Reason, Evidence?)
}

/// Our standing with a server.
public enum Membership: Equatable, Sendable {
    /// Never joined, or lost: we join when the shell says so.
    case stranger
    /// JOIN_REQ has gone with this token.
    case joining(Token)
    /// The server has said yes.
    case member
    /// The server has said no: we ask again, seldom.
    case refused
    /// The server has let us go: we do not ask again by ourselves.
    case terminated
}

/// Why a message whose signature held is not acted on.
public enum Refusal: Equatable, Hashable, Sendable {
    /// Its sender is no server of ours.
    case notOurServer
    /// Its sequence id is not above the last accepted from this sender.
    case replayed(SequenceID, last: SequenceID)
    /// Its sequence id leaves no room for those after it.
    case sequenceTooHigh(SequenceID)
    /// This sender may not send this type to us now.
    case notNow(Membership)
    /// A type that this beacon does not serve.
    case notServed

    /// The reason's name as a counter has it.
    public var name: String {
        switch self {
        case .notOurServer: "not-our-server"
        case .replayed: "replayed"
        case .sequenceTooHigh: "sequence-too-high"
        case .notNow: "not-now"
        case .notServed: "not-served"
        }
    }
}

extension Membership: Hashable {}

/// Something worth a line in the log and a count.
public enum Report: Equatable, Sendable {
    /// A message was refused.
    case refused(Refusal, sender: Identifier, type: MessageType)
    /// An observation was opened.
    case opened(Exchange, device: Identifier)
    /// An observation has its verdict.
    case answered(Exchange, device: Identifier, Verdict, Reason)
    /// A server asked again what is open or answered already.
    case repeated(Exchange, Verdict?)
    /// A false proof came for an open observation.
    case mismatch(Exchange, device: Identifier, Peer, count: Int)
    /// Our standing with a server changed.
    case membership(Identifier, Membership)
    /// The beacon ended a link with this outcome.
    case ended(LinkID, Peer, device: Identifier?, Outcome)
    /// A device named itself on a link.
    case ready(LinkID, Peer, device: Identifier)
}
