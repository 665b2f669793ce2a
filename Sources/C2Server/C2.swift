import Bench
import BootTime
import Keys
import ProofLink
import SRUP

/// A C2 server's decisions about joins, as a value: messages and the time in, effects out. It has no socket and no clock; keys,
/// values and tokens come from its dependencies. It is stricter than the reference in one respect: a verdict counts only from the
/// observer that was asked, under the token that it was asked with.
///
/// Human-moderated joins, leaving and commands are in C2Members.swift.
///
///     OBS_JOIN_REQ ──policy, may observe──────▶ open ──RESPONSE 60 from the observer, T3──▶ accepted  (50, T2)
///          │                                     ├──── RESPONSE 6E from the observer, T3──▶ refused   (5E, T2)
///          └──otherwise▶ refused at once (5E, T1)   └──── RESPONSE 6F, or the window ───────▶ failed    (5F, T2)
public struct C2: Sendable {
    /// The result of a join.
    public enum Decision: String, CaseIterable, Codable, Sendable {
        /// The device is joined.
        case accepted
        /// The device showed a wrong value, or the policy refuses it.
        case refused
        /// Nothing was observed.
        case failed

        /// The status in the answer to the device.
        var status: Status {
            switch self {
            case .accepted: .joinSuccess
            case .refused: .joinRefused
            case .failed: .joinFail
            }
        }
    }

    /// What the server must do, in this order.
    public enum Effect: Equatable, Sendable {
        /// Record what was received: the message, if the bytes have the shape of one, and why it was refused, if it was.
        case record(Message?, frame: [UInt8], refused: String?)
        /// Sign this and publish it on the topic of a node.
        case send(Message, to: Identifier)
        /// Deliberately publish the frame of the OBSERVE_REQ with this token a second time, byte for byte.
        case sendAgain(Token, to: Identifier)
        /// Tell the operator.
        case say(String)
        /// A join is decided, by this observer or by a person. The answer to the device comes before this effect.
        case decided(Decision, device: Identifier, observer: Identifier?, Grounds)
        /// Sign this ID_REQUEST of the server's own and publish it. The history does not have it.
        case ask(Message, to: Identifier)
        /// Note this answer to it, which the history does not have either.
        case answered(Message, frame: [UInt8])
        /// Show this value to the operator, who compares it with what the device shows, and orders `accept` or `refuse`.
        case moderate(device: Identifier, Secret)
    }

    /// How a device asks to join (§5.2).
    public enum JoinMode: String, CaseIterable, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case simple, human, observed
    }

    /// The server's settings.
    public struct Policy: Sendable {
        /// The join modes of each device that may join; nil: every known device may, in every join mode.
        public var joinModes: [Identifier: Set<JoinMode>]?
        /// Nanoseconds after which an undecided human-moderated join has failed.
        public var humanWindow = Duration.seconds(600)
        /// Devices that may not resign, nor deregister.
        public var keeps: Set<Identifier> = []
        /// The devices that may join by observation; all known ones where nil.
        public var accepted: Set<Identifier>?
        /// Nodes that may observe, from this run on. An observer vouches for devices, so no node may observe by default.
        public var observers: Set<Identifier> = []
        /// Nanoseconds that the server waits for an observer's verdict. Longer than the beacon's own window (120 s), so that
        /// the beacon's verdict arrives first.
        public var window = Duration.seconds(180)
        /// The required grade of evidence, from this run on; less is refused. nil: as an earlier run stored it, and *reachable*
        /// if none did.
        public var requires: Grade?
        /// Beacons that observe together, by the name of their site.
        public var sites: [String: Site] = [:]
        /// Open joins at a time, observed and human-moderated ones each: without it, devices could fill the memory.
        public var limit = C2.Policy.defaultLimit
        /// Requests to join that wait until one of them ends; further ones are not answered.
        public var waitingLimit = C2.Policy.defaultWaitingLimit
        /// How often the server asks its beacons by ID_REQUEST; zero: never.
        public var askInterval = Duration.zero
        /// Devices whose OBSERVE_REQ is published a second time after their join was decided.
        public var replaysRequestsOf: Set<Identifier> = []

        /// The default policy.
        public init() {}
    }

    /// What the server needs and does not create itself.
    public struct Dependencies: Sendable {
        /// A new token.
        public var token: @Sendable () -> Token
        /// A new token that names the node that a command is addressed to.
        public var commandToken: @Sendable (Identifier) -> Token
        /// A new token that names this server and the observer that is asked.
        public var observationToken: @Sendable (_ observer: Identifier) -> Token
        /// A new value.
        public var value: @Sendable () -> Secret
        /// A value sealed to a node; nil if that fails.
        public var seal: @Sendable (Secret, Identifier) -> Octets?
        /// HMAC-SHA256.
        public var authenticate: Authenticator = hmacSHA256
        /// The wall clock in microseconds since 1970, where sequence ids begin; nil: there is none.
        public var clock: @Sendable () -> Int64? = { nil }

        /// With `authenticate` as HMAC-SHA256.
        public init(
            token: @escaping @Sendable () -> Token, commandToken: @escaping @Sendable (Identifier) -> Token,
            observationToken: @escaping @Sendable (Identifier) -> Token,
            value: @escaping @Sendable () -> Secret,
            seal: @escaping @Sendable (Secret, Identifier) -> Octets?
        ) {
            (self.token, self.commandToken, self.observationToken) = (token, commandToken, observationToken)
            (self.value, self.seal) = (value, seal)
        }
    }

    struct Join: Equatable {
        let device: Identifier
        let observer: Identifier
        /// T2: what the device's answer carries.
        let answerToken: Token
        let deadline: Instant
        /// The observer that the device named; with a quorum, one of the site's beacons.
        let named: Identifier
        /// The value that was sealed to both.
        let value: Secret
        /// Several beacons were asked.
        let isOfQuorum: Bool
        /// The value, sealed to the observer.
        var sealed: Octets
        /// When the observer is asked the same again.
        var repetition: Repetition
        /// How often the observer was asked.
        var asks = 1
        /// Messages of evidence received so far.
        var evidence = 0
        /// The grade of that evidence.
        var grade = Grade.reachable
        /// What was wrong with a received proof.
        var fault: String?
    }

    /// A join that a person decides.
    struct Moderated: Equatable {
        /// T2: what the device's answer carries.
        let answerToken: Token
        let deadline: Instant
    }

    /// The server's own identity.
    public let own: Identifier
    /// The counters, one per peer.
    public internal(set) var counter: ReferenceCounter
    /// How many messages were refused, by reason.
    public internal(set) var refusals: [Refusal: Int] = [:]
    let policy: Policy
    let dependencies: Dependencies
    /// The members.
    var joined: Set<Identifier> = []
    /// Nodes that may observe, and nodes that may not although their type at the registry allows it: set by the command line, an
    /// order, or the console.
    var given: [Identifier: Bool] = [:]
    /// The required grade of evidence, set by the command line, an order, or the console; nil: nobody has set one.
    var required: Grade?
    /// Nodes that may observe by their type at the registry, unless `given` says otherwise.
    var registryObservers: Set<Identifier> = []
    /// The open joins by T3, the token that the observer's verdict carries.
    var open: [Token: Join] = [:]
    /// Tokens of beacons that had not answered when their site's join was decided, the newest last: their answers are late.
    var late: [Token] = []
    /// The verdicts so far in joins with a quorum, by the token of the device's answer.
    var votes: [Token: Votes] = [:]
    /// The requests that wait until there is room, the oldest first; one for each device.
    var waiting: [Waiting] = []
    /// The open joins that a person decides; one for each device.
    var moderated: [Identifier: Moderated] = [:]
    /// The commands that wait for their answer, by their token.
    var asked: [Token: Asked] = [:]
    /// The tokens of the server's own ID_REQUESTs to each node, the newest last, until they are answered.
    var probes: [Identifier: [Token]] = [:]
    /// Nodes on the beacon's lifeline besides those that may observe: nodes that joined by a simple join, unless they had asked for an
    /// observed join before.
    var beacons: Set<Identifier> = []
    /// The nodes that have asked for an observed join.
    var observed: Set<Identifier> = []
    /// Those of them that are sent again, as long as this run lasts.
    var repeatedCommands: [Token: RepeatedCommand] = [:]
    /// How many of them, and of the requests to observe, are sent to a node at a time.
    var repetitionPaces: [Identifier: RepetitionPace] = [:]
    /// Tokens of requests that were sent again and are answered, the newest last: another answer may come.
    var twice: [Token] = []
    /// The token of the last INITIATE to each node, which ACTIVATE must carry.
    var updates: [Identifier: Token] = [:]
    /// The staged update that is under way, or was last; until when each of its nodes must have answered.
    var staged: StagedUpdate?
    var stagedDeadlines: [Identifier: Instant] = [:]
    /// Permanently deregistered: none of their messages is accepted.
    var deregistered: Set<Identifier> = []
    /// How each former member left, unless it has joined again.
    var departed: [Identifier: MembershipState] = [:]
    /// The nodes that have asked this run to join: they know whether they are members.
    var hasAsked: Set<Identifier> = []
    /// When the nodes that may observe and have not joined are told to.
    var remindersDue: Instant?
    /// The ends of nodes' records of verdicts.
    var records: [Identifier: Record] = [:]
    /// The joins that an earlier run left open.
    var leftOpen: Set<Unanswered> = []
    /// The last finished joins, for the console; the newest last.
    var ended: [Ended] = []
    var rates = C2Rates()
    /// The time of the last call of `receive` or `tick`.
    var now = Instant.boot

    /// A server without members.
    public init(
        own: Identifier, policy: Policy, dependencies: Dependencies, counter: ReferenceCounter = ReferenceCounter()
    ) {
        (self.own, self.policy, self.dependencies, self.counter) = (own, policy, dependencies, counter)
        required = policy.requires
        for node in policy.observers { given[node] = true }
    }

    /// The lifeline of a node in diagrams.
    public func role(of node: Identifier) -> Role {
        node == own ? .c2 : beacons.contains(node) || mayObserve(node) ? .beacon : .device
    }

    /// Whether a node may observe.
    public func mayObserve(_ node: Identifier) -> Bool { given[node] ?? registryObservers.contains(node) }

    /// When `tick` is due; nil if nothing is.
    public var nextDeadline: Instant? {
        let others = [remindersDue, nextRepetition, nextAdmission, stagedDeadlines.values.min()].compactMap(\.self)
        return (open.values.map(\.deadline) + moderated.values.map(\.deadline) + others).min()
    }

    /// Fails the joins whose window has passed, and tells observers that have not joined.
    public mutating func tick(at now: Instant) -> [Effect] {
        self.now = now
        let late = open.filter { $0.value.deadline <= now }.sorted { $0.value.deadline < $1.value.deadline }
        let unseen = moderated.filter { $0.value.deadline <= now }.keys.sorted { $0.number < $1.number }
        return late.flatMap { token, join -> [Effect] in
            // The first of a site's beacons may have closed the others' entries.
            guard open[token] != nil else { return [] }
            return [.say("no verdict from \(join.observer) on \(join.device) in time")]
                + decide(.failed, token, join, "its observer gave no verdict in time")
        }
            + unseen.flatMap {
                [.say("nobody has decided on \($0) in time")]
                    + decide(.failed, $0, "nobody has decided in time")
            } + remindObservers(at: now) + repeatRequests(at: now) + admit(at: now) + tickStages()
    }

    /// - Parameter grade: of the evidence, if the observer said *valid*.
    mutating func decide(
        _ decision: Decision, _ token: Token, _ join: Join, _ reason: String, grade: Grade? = nil
    ) -> [Effect] {
        endWaiting(token)
        close(join)
        let grounds = Grounds(grade: grade, reason: reason)
        note(Ended(join, decision, grounds))
        if decision == .accepted { joined.insert(join.device) }
        let answer = message(.response(decision.status), join.answerToken, to: join.device)
        let again: [Effect] =
            policy.replaysRequestsOf.contains(join.device) ? [.sendAgain(token, to: join.observer)] : []
        return [.send(answer, to: join.device)] + again
            + [.decided(decision, device: join.device, observer: join.named, grounds)]
    }

    mutating func message(_ body: Body, _ token: Token, to peer: Identifier) -> Message {
        Message(sequence: counter.next(to: peer, clock: dependencies.clock()), sender: own, token: token, body: body)
    }
}

extension C2 {
    /// Whether the server waits for a verdict under this token.
    public func isOpen(_ token: Token) -> Bool { open[token] != nil }
}
