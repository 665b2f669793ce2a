import BootTime
import ProofLink
import SRUP

/// Why a sealed value cannot be used.
public enum UnsealError: Error, Equatable, Sendable {
    /// It does not open under our key.
    case seal
    /// It opens, but does not contain a value.
    case value

    var reason: Reason {
        switch self {
        case .seal: .sealUnopened
        case .value: .notAValue
        }
    }
}

/// Opens a sealed value with our key; supplied by `Keys`. The same bytes give the same result.
public typealias Unsealer = @Sendable (_ sealed: [UInt8]) -> Result<Secret, UnsealError>

/// The beacon's decisions: events in, effects out. A value: no socket, no clock, no randomness, no logger.
///
/// One observation, from the server's request to the one verdict:
///
///                       ┌── not a value, names us, too many ────────────────────────▶ failed
///     OBSERVE_REQ ──────┤
///                       └──▶ open ──┬── right proof before the deadline ────────────▶ valid
///                                   ├── `mismatchLimit` false values (value mode) ──▶ invalid
///                                   ├── deadline, a false proof came ───────────────▶ invalid
///                                   ├── deadline, nobody came ──────────────────────▶ failed
///                                   └── superseded, withdrawn, machine restarted ───▶ failed
///
/// After the verdict everything for that observation is ignored on purpose, except the server's repeated question, which
/// gets the same verdict again.
public struct Observer: Sendable {
    /// Who we are.
    public let identity: Identifier
    /// Our numbers. A change is in force from the next event; deadlines that are set stay.
    public var policy: Policy
    /// What the configuration says about each server; the defaults apply to one that is not listed here.
    public var terms: [Identifier: ServerPermissions] = [:]
    /// Makes the answer to ID_REQUEST, one JSON object, when a server asks.
    public var identify: @Sendable (IdentityQuestion) -> String = { _ in "{}" }
    /// Whether there is a program that installs updates.
    public var hasUpdater = true
    /// How long `Action.identify` is to last.
    public internal(set) var identifySeconds: UInt32 = 60

    /// The update that we are busy with.
    public internal(set) var update: Update?
    /// The answers to the last ACTIVATEs, the newest last.
    var activations: [Activation] = []

    /// Opens what is sealed to us; changes where our key does.
    public var unseal: Unsealer { didSet { unopenedSeals = UnopenedSeals() } }
    let authenticate: Authenticator
    var servers: [Identifier: ServerState] = [:]
    var observations: [RequestID: Observation] = [:]
    var exchanges: [Identifier: [RequestID]] = [:]
    var links: [LinkID: Link] = [:]
    var linksOfPeer: [String: Int] = [:]
    var holdOffs = HoldOffs()
    var unopenedSeals = UnopenedSeals()
    var plainTokens = PlainTokens()
    /// The journal was lost: a server of which no sequence id is known may have sent us something before.
    var sequencesLost = false
    /// A server has deregistered us: nothing is accepted any more.
    var isExpelled = false
    var agenda = Agenda<Due>()

    /// An observer that has nothing open.
    /// - Parameters:
    ///   - unseal: opens what is sealed to us.
    ///   - authenticate: HMAC-SHA256.
    public init(
        identity: Identifier, policy: Policy, unseal: @escaping Unsealer, authenticate: @escaping Authenticator
    ) {
        (self.identity, self.policy, self.unseal, self.authenticate) = (identity, policy, unseal, authenticate)
    }

    /// Our state with a server, and both directions' sequence ids (docs/protocol.md, "Sequence ids").
    struct ServerState: Equatable, Sendable {
        var membership = Membership.stranger
        /// nil: not known, because we never heard from it or the journal was lost. Only the answer to a join request
        /// that echoes our fresh token is believed then.
        var lastAccepted: SequenceID?
        var lastSent = SequenceID(0)
        var joinAttempts = 0
        /// When the next token is wanted; agenda entries for an earlier attempt are no longer valid.
        var joinDue: Instant?
        /// The mode of the next join.
        var joinMode = JoinMode.simple
        /// A simple request has been sent in place of another, only to learn the server's sequence id.
        var isEstablishing = false
        /// Our own value, while we show it.
        var presented: Secret?
        var isPaused = false
        var requests = RateBucket()
        var commands = RateBucket()
    }

    /// One question that has no verdict yet.
    struct Observation: Sendable {
        let device: Identifier
        let value: Secret
        let deadline: Instant
        /// False proofs of either mode: evidence, and the reason for *invalid* at the deadline.
        var mismatches = 0
        /// False values shown in value mode: as many as the policy allows decide at once.
        var falseValues = 0
        /// What the last proof that was correct, and from outside the configured bounds, did not meet; empty: there was none.
        var unmet: [UnmetBound] = []
        /// Of that proof.
        var tooFarEvidence: Evidence?
        /// The value was proved in keyed mode, and the signature has not come.
        var wasUnsigned = false
        /// What keyed mode derives from the value.
        let keys: KeyedKeys
        /// The addresses held off for false proofs of this observation, the newest: a newer request forgives them.
        var heldOff: [String] = []
        var lastEvidence: Evidence?

        init(_ device: Identifier, _ value: Secret, deadline: Instant, keys: KeyedKeys) {
            (self.device, self.value, self.deadline, self.keys) = (device, value, deadline, keys)
        }

        /// What the right proofs lacked that have come; nil: none has come.
        var lacking: ProofShortcoming? { wasUnsigned ? .unsigned : unmet.isEmpty ? nil : .tooFar }

        /// The verdict where the deadline has come and no proof has decided, why, and what was seen. False proofs come first: they alone
        /// are in the journal, and a restart must not change the verdict.
        var verdictAtDeadline: (Verdict, Reason, Evidence?) {
            guard mismatches == 0 else { return (.invalid, .deadlineAfterMismatch, lastEvidence) }
            return switch lacking {
            case .unsigned: (.failed, .unsigned, lastEvidence)
            case .tooFar: (.failed, .tooFar, tooFarEvidence)
            case nil: (.failed, .silence, lastEvidence)
            }
        }
    }

    /// One link of a device's.
    struct Link: Sendable {
        var peer: Peer
        let openedAt: Instant
        var session: BeaconSession
        var deadline: Instant
        var challengeLeft: Instant?
        var claim: FittedClaim?
    }

    enum Due: Sendable {
        case observation(RequestID)
        case link(LinkID)
        case join(Identifier)
    }

    /// The moment at which the next `Event.tick` may have something to do; nil: never, as things stand.
    public var nextDeadline: Instant? { agenda.next }

    /// How many observations are open.
    public var openObservations: Int { observations.count }

    /// How many links are held.
    public var openLinks: Int { links.count }

    /// Our membership state with every server that we know.
    public var memberships: [Identifier: Membership] { servers.mapValues(\.membership) }

    /// The value that we are to show for a join that waits for its answer.
    public func presented(to server: Identifier) -> Secret? { servers[server]?.presented }

    /// Whether a server has paused us.
    public func isPaused(by server: Identifier) -> Bool { servers[server]?.isPaused ?? false }

    /// What is open.
    public var open: [OpenObservation] {
        observations.map { exchange, one in
            OpenObservation(
                exchange: exchange, device: one.device, deadline: one.deadline, mismatches: one.mismatches,
                lacking: one.lacking, unmet: one.lacking == .tooFar ? one.unmet : [])
        }
    }

    /// The links that are held: who is there, which device it says that it is, and how far the link has come.
    public var heldLinks: [(id: LinkID, peer: Peer, device: Identifier?, state: HeldLinkState, since: Instant)] {
        links.map { id, link in (id, link.peer, link.session.device, link.session.heldState, link.openedAt) }
    }

    /// Which open observations a link's device is asked about.
    public func asked(over link: LinkID) -> [(exchange: RequestID, device: Identifier)] {
        guard let device = links[link]?.session.device else { return [] }
        if let claim = links[link]?.claim { return [(claim.exchange, device)] }
        return (exchanges[device] ?? []).map { ($0, device) }
    }

    /// Handles an event and returns the effects. What is due by now and could be affected comes first, so that a proof that
    /// arrives together with the deadline is too late.
    public mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        var effects = expire(before: event, at: now)
        switch event {
        case .message(let message, var context):
            // The journal was asked before what is due now was answered.
            context.add(effects, message.content)
            effects += take(message, context, at: now)
        case .join(let server, let token, let joinMode): effects += join(server, token, joinMode, at: now)
        case .joinAgain(let server, let token, let joinMode): effects += joinAgain(server, token, joinMode, at: now)
        case .resign(let server, let token): effects += resign(server, token, at: now)
        case .deregister(let server, let token): effects += deregister(server, token, at: now)
        case .again(let server, let token): effects += again(server, token, at: now)
        case .acted(let exchange, let done): effects.append(respond(exchange, done ? .actionSuccess : .actionFail))
        case .fetched(let exchange, let fetched): effects += take(fetched, exchange)
        case .activated(let exchange, let done): effects += activated(exchange, done: done)
        case .connected(let link, let peer, let linkNonce, let challenge):
            effects += connect(link, peer, linkNonce: linkNonce, challenge: challenge, at: now)
        case .received(let link, let frame): effects += receive(frame, over: link, at: now)
        case .malformed(let link): effects += holdOff(link, as: .malformed, at: now)
        case .challengeLeft(let link, let signal, let moment):
            noteChallengeLeft(link, signal, at: min(moment ?? now, now))
        case .disconnected(let link, let loss): effects += lost(link, loss)
        case .recordSigned(let head, let tokens): effects += tell(head: head, tokens)
        case .tick: break
        }
        tidyAgenda()
        return effects
    }

    /// Closed links leave their entries behind; if few entries are still valid, the agenda is rebuilt.
    private mutating func tidyAgenda() {
        let living = observations.count + links.count + servers.count
        guard agenda.count > 1_024 + 4 * living else { return }
        agenda = Agenda()
        for (exchange, observation) in observations { agenda.add(.observation(exchange), at: observation.deadline) }
        for (id, link) in links { agenda.add(.link(id), at: link.deadline) }
        for (server, standing) in servers {
            if let due = standing.joinDue { agenda.add(.join(server), at: due) }
        }
    }
}

extension MessageContext {
    /// Adds what these effects record about the message's token.
    fileprivate mutating func add(_ effects: [Effect], _ message: Message) {
        for case .record(let change) in effects {
            if case .answered(let exchange, _, let verdict, _, let evidence) = change, exchange.token == message.token {
                guard exchange.server == message.sender else {
                    tokenOwner = exchange.server
                    continue
                }
                (self.verdict, self.evidence, proof) = (verdict, evidence?.json, nil)
            }
            let asked = RequestID(server: message.sender, token: message.token)
            if case .proof(asked, let bytes) = change { proof = bytes }
        }
    }
}

extension BeaconSession {
    var awaitsProof: Bool {
        switch state {
        case .challenged, .challengedKeyed, .signing: true
        case .greeting, .holding, .claimed, .presented, .ended: false
        }
    }

    var isHeld: Bool {
        switch state {
        case .holding, .claimed: true
        case .greeting, .challenged, .challengedKeyed, .signing, .presented, .ended: false
        }
    }

    var heldState: HeldLinkState {
        switch state {
        case .greeting, .presented, .ended: .connected
        case .holding, .claimed: .waits
        case .challenged, .challengedKeyed: .challenged
        case .signing: .signs
        }
    }
}

/// How far a device's link has come. The names are those in `status`.
public enum HeldLinkState: String, CaseIterable, Codable, Sendable {
    /// The device has not named itself.
    case connected
    /// The device is ready, and its server has not asked yet.
    case waits
    /// CHALLENGE has been sent; the proof is awaited.
    case challenged
    /// The proof in keyed mode was right, and is not signed yet.
    case signs
}
