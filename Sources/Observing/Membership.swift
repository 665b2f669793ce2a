import SRUP

/// How we ask a server to let us join (§5.2).
public enum JoinMode: Hashable, Sendable {
    /// JOIN_REQ: the server decides by itself.
    case simple
    /// HM_JOIN_REQ: a person compares the value that we show with the one that the server shows (§5.2.1).
    case human
    /// OBS_JOIN_REQ: another beacon compares (§5.2.2).
    case observed(by: Identifier)

    /// The mode without the observer. The names are those in the journal, in the configuration and in `status`.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case simple, human, observed
    }

    /// The mode without the observer.
    public var kind: Kind {
        switch self {
        case .simple: .simple
        case .human: .human
        case .observed: .observed
        }
    }

    var request: Body {
        switch self {
        case .simple: .joinRequest
        case .human: .humanJoinRequest
        case .observed(let observer): .observedJoinRequest(observer: observer)
        }
    }
}

/// Our membership state with a server.
///
///                                  ┌── 5E, 5F ──▶ refused (asked again, seldom)
///     stranger ──▶ joining ────────┼── 50 ──────▶ member ──▶ resigning ── 70 ──▶ resigned
///        ▲            │ the value  │               │  ▲           └────── 7F ──▶ member
///        │            ▼            │               │  └── 8F ── deregistering ── 80 ──▶ deregistered
///        │        presenting ──────┘               │                   ▲
///        │                                         ├───────────────────┘
///        └── JOIN_CMD ── terminated ◀─ TERMINATE ──┴── DEREGISTER_CMD ──▶ deregistered
public enum Membership: Hashable, Sendable {
    /// Never joined, or lost: we join when the shell says so.
    case stranger
    /// Our request to join has been sent with this token, once or several times.
    case joining(Token, JoinMode = .simple)
    /// The server has sent the value that we are to show, under this token: its answer will carry it.
    case presenting(Token, JoinMode)
    /// The server has accepted us.
    case member
    /// The server has refused us: we ask again, at long intervals.
    case refused
    /// The server has ended our membership: we do not ask again unless told to.
    case terminated
    /// RESIGN_REQ has been sent with this token; until it is answered we are a member.
    case resigning(Token)
    /// The server has accepted our resignation: nothing from it is accepted until a person joins again.
    case resigned
    /// DEREGISTER_REQ has been sent with this token; until it is answered we are a member.
    case deregistering(Token)
    /// The server has deregistered us: the end of this identity.
    case deregistered

    /// The state without tokens. The names are those in the journal, in the log and in `status`.
    public enum State: String, CaseIterable, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case stranger, joining, presenting, member, refused, terminated, resigning, resigned, deregistering,
            deregistered
    }

    /// The state without tokens.
    public var state: State {
        switch self {
        case .stranger: .stranger
        case .joining: .joining
        case .presenting: .presenting
        case .member: .member
        case .refused: .refused
        case .terminated: .terminated
        case .resigning: .resigning
        case .resigned: .resigned
        case .deregistering: .deregistering
        case .deregistered: .deregistered
        }
    }

    /// Whether the server's questions and commands are accepted.
    public var isMember: Bool {
        switch self {
        case .member, .resigning, .deregistering: true
        case .stranger, .joining, .presenting, .refused, .terminated, .resigned, .deregistered: false
        }
    }

    /// Of the request that awaits its answer, or of the value that we show.
    public var token: Token? {
        switch self {
        case .joining(let token, _), .presenting(let token, _), .resigning(let token), .deregistering(let token): token
        case .stranger, .member, .refused, .terminated, .resigned, .deregistered: nil
        }
    }

    /// The mode of the join that waits for its answer.
    public var joinMode: JoinMode? {
        switch self {
        case .joining(_, let joinMode), .presenting(_, let joinMode): joinMode
        case .stranger, .member, .refused, .terminated, .resigning, .resigned, .deregistering, .deregistered: nil
        }
    }

    /// The token under which the same request waits for its answer already; nil: it does not wait.
    func waiting(for request: Membership) -> Token? {
        switch (self, request) {
        case (.joining(let token, let joinMode), .joining(_, let wanted)) where joinMode == wanted: token
        case (.resigning(let token), .resigning), (.deregistering(let token), .deregistering): token
        case (.stranger, _), (.joining, _), (.presenting, _), (.member, _), (.refused, _), (.terminated, _),
            (.resigning, _), (.resigned, _), (.deregistering, _), (.deregistered, _):
            nil
        }
    }

    /// Whether a message of ours must be sent again at some point: it waits for an answer, or was refused.
    var asksAgain: Bool {
        switch self {
        case .stranger, .joining, .presenting, .refused, .resigning, .deregistering: true
        case .member, .terminated, .resigned, .deregistered: false
        }
    }
}

/// What the configuration says about a server: how we join it, and what it may order.
public struct ServerPermissions: Equatable, Sendable {
    /// How we join unless told otherwise.
    public var joinMode = JoinMode.simple
    /// Whether JOIN_CMD from it is obeyed.
    public var commandsJoin = true
    /// Whether DEREGISTER_CMD from it is obeyed.
    public var deregisters = true
    /// Whether INITIATE and ACTIVATE from it are obeyed.
    public var updates = true
    /// Whether its commands must carry a token that names us. Nothing else that is signed tells whom a command is for:
    /// without this, a command meant for another device is obeyed here if the broker lets someone copy it to our topic.
    public var isAddressedToUs = true
    /// Whether it accepts DATA that it has not asked for: evidence, and what a web server said. As with proofs, the reference ends at it
    /// unless its program expects it.
    public var takesData = true
    /// Whether it accepts OBSERVATION_PROOF just before a verdict. The reference's client ends at a DATA that it does not expect.
    public var takesProofs = true

    /// Joined simply, everything allowed, and commands must name us.
    public init() {}
}
