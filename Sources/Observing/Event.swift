import BootTime
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
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    /// The server that asked.
    public let server: Identifier
    /// Its token, echoed in the answer.
    public let token: Token
    /// An exchange of a server's.
    public init(server: Identifier, token: Token) { (self.server, self.token) = (server, token) }
    /// Both, for a log line.
    public var description: String { "\(token) of \(server)" }
}

/// What the shell knows about a server's message: the history is too long to be kept in memory, and messages arrive in batches.
public struct MessageContext: Equatable, Sendable {
    /// The verdict that the journal holds for the message's sender and token.
    public var verdict: Verdict?
    /// With that verdict: its evidence, as the JSON object that was recorded.
    public var evidence: String?
    /// With that verdict: the proof in keyed mode that decided it, as `KeyedProof.encoded`.
    public var proof: [UInt8]?
    /// Another server whose observation under the same token the journal holds: a plain token belongs to the server that used it
    /// first.
    public var tokenOwner: Identifier?
    /// A newer request of the same server for the same device has arrived already, and waits to be handled.
    public var isOvertaken: Bool

    /// The context of one message.
    public init(
        verdict: Verdict? = nil, evidence: String? = nil, proof: [UInt8]? = nil, tokenOwner: Identifier? = nil,
        isOvertaken: Bool = false
    ) {
        (self.verdict, self.evidence, self.proof) = (verdict, evidence, proof)
        (self.tokenOwner, self.isOvertaken) = (tokenOwner, isOvertaken)
    }
}

/// Something happened.
public enum Event: Sendable {
    /// A server's message, its signature checked, and what the shell knows about its token.
    case message(Verified<Message>, MessageContext = MessageContext())
    /// A person or the configuration wants us joined to a server in this manner; the token is one that nobody has seen. A request that
    /// waits already in this manner is repeated under its own.
    case join(Identifier, Token, JoinMode = .simple)
    /// A person wants us to ask a server again that we are a member of: it has lost its state and does not know us.
    case joinAgain(Identifier, Token, JoinMode = .simple)
    /// A person wants us to resign from a server (§6).
    case resign(Identifier, Token)
    /// A person wants us to deregister (§6).
    case deregister(Identifier, Token)
    /// The answer to `Effect.wantToken`: what waits for a server's answer is asked again. The token is for a new request; a
    /// repetition keeps its own.
    case again(Identifier, Token)
    /// The answer to `Effect.act`: whether it was done.
    case acted(RequestID, done: Bool)
    /// The answer to `Effect.fetch`: what became of it.
    case fetched(RequestID, Fetched)
    /// The answer to `Effect.install` and `Effect.confirm`: whether the ordered version has come up.
    case activated(RequestID, done: Bool)
    /// A device has opened a link. The bytes are fresh and random.
    case connected(LinkID, Peer, linkNonce: [UInt8], challenge: [UInt8])
    /// A frame has arrived over a link.
    case received(LinkID, LinkFrame)
    /// Something that is not a frame has arrived over a link.
    case malformed(LinkID)
    /// The last CHALLENGE over a link has left. The round trip starts at the moment that is given, just before it was sent, or
    /// now. The signal was measured before that, if the controller reports it.
    case challengeLeft(LinkID, signal: Int8? = nil, at: Instant? = nil)
    /// A link has ended, and not by an effect of ours.
    case disconnected(LinkID, LinkLoss = .byDevice)
    /// The end of our record was signed: one JSON object for the servers, each with a token that names it and us.
    case recordSigned(head: String, tokens: [Identifier: Token])
    /// Time has passed.
    case tick
}

/// How a link ended that the observer has not ended.
public enum LinkLoss: CaseIterable, Hashable, Sendable {
    /// The device has closed it, or is out of reach.
    case byDevice
    /// The adapter does not carry it any more.
    case adapterLost
    /// The device did not take a frame.
    case notTaken
    /// The journal cannot be written: nothing is acted on.
    case notRecorded
}

/// Something to do, in the order given: if one fails, those after it are not done.
public enum Effect: Equatable, Sendable {
    /// Write to the journal.
    case record(Change)
    /// Sign this, with its sequence id, into the outbox; it leaves once the journal holds it.
    case send(Message, to: Identifier)
    /// Send a frame over a link. Only once the journal holds all that stands before it.
    case tell(LinkID, LinkFrame)
    /// Close a link. The observer has forgotten it.
    case close(LinkID)
    /// Deliver `Event.again` with a fresh token.
    case wantToken(Identifier)
    /// Do what a server has ordered, and deliver `Event.acted`.
    case act(Action, RequestID)
    /// Fetch an update's file and check it, from where it was broken off if it was, and give us `Event.fetched`. What else
    /// is being fetched is given up.
    case fetch(Update)
    /// Give up what is being fetched, and put away what is here of it.
    case discardUpdate
    /// Hand an update's file to the updater, and deliver `Event.activated`: no if it does not get that far; yes once its
    /// version runs, which may be in another process.
    case install(Update)
    /// We were started during an activation: find out which version runs, and deliver `Event.activated`.
    case confirm(Update)
    /// Show our own value: to a human, who asks for it (`Observer.presented`), or to the observer over a link.
    case present(Identifier, JoinMode)
    /// A server has deregistered us: once the broker has all outgoing messages, our keys are destroyed and the
    /// beacon ends.
    case destroy(Identifier)
    /// Log and count.
    case report(Report)
}

/// What the journal must hold.
public enum Change: Equatable, Sendable {
    /// A message with this sequence id was accepted from a server.
    case accepted(Identifier, SequenceID)
    /// Our membership state with a server.
    case membership(Identifier, Membership)
    /// Whether a server has paused us.
    case paused(Identifier, Bool)
    /// The update that we are busy with; nil: none.
    case update(Update?)
    /// The answer to an ACTIVATE; the newest ones are kept.
    case activation(Activation)
    /// An observation is open; `frame` is the request as it came.
    case opened(RequestID, device: Identifier, frame: [UInt8], deadline: Instant)
    /// So many false proofs have come for an open observation.
    case mismatches(RequestID, Int)
    /// The one verdict. An open observation of this exchange, if there is one, is closed by it.
    case answered(RequestID, device: Identifier, Verdict, Reason, Evidence?)
    /// The proof in keyed mode that decided it, as `KeyedProof.encoded`: for a server that asks again. It follows its verdict.
    case proof(RequestID, [UInt8])
}

/// Why a message with a valid signature is refused.
public enum Refusal: Equatable, Hashable, Sendable {
    /// Its sender is not one of our servers.
    case notOurServer
    /// Its sequence id is not above the last accepted from this sender.
    case replayed(SequenceID, last: SequenceID)
    /// Its sequence id leaves no numbers for those after it.
    case sequenceTooHigh(SequenceID)
    /// This sender may not send this type to us now.
    case notNow(Membership)
    /// A type that this beacon does not serve.
    case notServed
    /// A command whose token does not name us, or names another device: it may be meant for another node.
    case notForUs
    /// A command that the configuration does not let this server give.
    case notAllowed
    /// What it carries does not open under our key: it is for another node.
    case notSealedToUs
    /// What it carries opens under our key and is not a value.
    case notAValue
    /// Its token is one of this other server's.
    case tokenOfAnother(Identifier)
    /// Its token has more bytes than we keep.
    case tokenTooLong(Int)
    /// More requests or commands of this server than its rate allows.
    case tooFast

    /// The reasons' names, as the counters have them.
    public enum Name: String, CaseIterable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case notOurServer = "not-our-server", replayed, sequenceTooHigh = "sequence-too-high",
            notNow = "not-now", notServed = "not-served", notForUs = "not-for-us",
            notAllowed = "not-allowed", notSealedToUs = "not-sealed-to-us", notAValue = "not-a-value",
            tokenOfAnother = "token-of-another-server", tokenTooLong = "token-too-long", tooFast = "too-fast"
    }

    /// The reason's name.
    public var name: Name {
        switch self {
        case .notOurServer: .notOurServer
        case .replayed: .replayed
        case .sequenceTooHigh: .sequenceTooHigh
        case .notNow: .notNow
        case .notServed: .notServed
        case .notForUs: .notForUs
        case .notAllowed: .notAllowed
        case .notSealedToUs: .notSealedToUs
        case .notAValue: .notAValue
        case .tokenOfAnother: .tokenOfAnother
        case .tokenTooLong: .tokenTooLong
        case .tooFast: .tooFast
        }
    }
}

/// Something worth a line in the log and a count.
public enum Report: Equatable, Sendable {
    /// A message was refused.
    case refused(Refusal, sender: Identifier, type: MessageType)
    /// An observation was opened.
    case opened(RequestID, device: Identifier)
    /// An observation has its verdict; of *valid*, how much its evidence shows; of *too far*, what was not met.
    case answered(
        RequestID, device: Identifier, Verdict, Reason, Evidence.Grade? = nil, _ unmet: [UnmetBound] = [])
    /// A server asked again what is open or answered already.
    case repeated(RequestID, Verdict?)
    /// A false proof came for an open observation.
    case mismatch(RequestID, device: Identifier, Peer, count: Int)
    /// A correct proof came for an open observation, from outside the configured bounds.
    case tooFar(RequestID, device: Identifier, Peer, [UnmetBound])
    /// Our membership state with a server changed.
    case membership(Identifier, Membership)
    /// A server refused our resignation or deregistration with this status.
    case declined(Identifier, Status)
    /// A server has told us to join.
    case commanded(Identifier)
    /// A server's order was carried out, or was not.
    case acted(RequestID, UInt8, Status)
    /// How far an update is.
    case update(Update)
    /// An order to update, or to activate, was answered so at once.
    case updateDeclined(RequestID, Status)
    /// The beacon ended a link with this outcome.
    case ended(LinkID, Peer, device: Identifier?, Outcome)
    /// A link ended without an outcome of the beacon's.
    case lost(LinkID, Peer, device: Identifier?, LinkLoss)
    /// A device named itself on a link.
    case ready(LinkID, Peer, device: Identifier)
}
