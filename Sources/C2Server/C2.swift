import Bench
import Keys
import ProofLink
import SRUP

/// A C2 server's decisions about joins, as a value: messages and the time in, effects out. No socket, no clock; keys,
/// values and tokens are lent to it. Stricter than the reference in one place: a verdict counts only from the observer
/// that was asked, under the token that it was asked with.
///
/// Joins before human eyes are in C2Members.swift, with leaving and commands.
///
///     OBS_JOIN_REQ ──policy, may observe──────▶ open ──RESPONSE 60 from the observer, T3──▶ accepted  (50, T2)
///          │                                     ├──── RESPONSE 6E from the observer, T3──▶ refused   (5E, T2)
///          └──else──▶ refused at once (5E, T1)   └──── RESPONSE 6F, or the window ───────▶ failed    (5F, T2)
public struct C2: Sendable {
    /// What becomes of a join.
    public enum Decision: String, Codable, Sendable {
        /// The device is joined.
        case accepted
        /// The device showed a wrong value, or the policy does not want it.
        case refused
        /// Nothing was observed.
        case failed

        /// What the device is told.
        var status: Status {
            switch self {
            case .accepted: .joinSuccess
            case .refused: .joinRefused
            case .failed: .joinFail
            }
        }
    }

    /// What the server is to do, in order.
    public enum Effect: Equatable, Sendable {
        /// Note what came: the message, where it has the shape of one, and why it was refused, where it was.
        case record(Message?, frame: [UInt8], refused: String?)
        /// Sign this and publish it on the topic of a node.
        case send(Message, to: Identifier)
        /// On purpose: publish the frame of the OBSERVE_REQ with this token a second time, byte for byte.
        case sendAgain(Token, to: Identifier)
        /// Tell the operator.
        case say(String)
        /// A join is decided, by this observer or by a human. The answer to the device stands before this.
        case decided(Decision, device: Identifier, observer: Identifier?, Grounds)
        /// Show this value to the operator, who compares it with what the device shows, and says `Command.accept` or
        /// `refuse`.
        case moderate(device: Identifier, Secret)
    }

    /// Why a message is refused, as it is counted.
    public enum Refusal: String, CaseIterable, Sendable {
        /// Not a frame.
        case frame
        /// A sender whose key is not in the keyring.
        case sender
        /// A signature that does not hold.
        case signature
        /// A sequence id that is not greater than the peer's counter.
        case sequence
        /// A verdict that nobody asked this sender for under this token, or one that is no verdict.
        case verdict
        /// A message that this server does not serve, or not to this sender.
        case unserved
        /// A request of a node that asks too often.
        case rate

        /// Whether it is known who has sent the message: not where no key has verified it.
        var isOfVerifiedSender: Bool {
            switch self {
            case .frame, .sender, .signature: false
            case .sequence, .verdict, .unserved, .rate: true
            }
        }
    }

    /// How a device asks to join (§5.2).
    public enum JoinMode: String, CaseIterable, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case simple, human, observed
    }

    /// The server's numbers and wishes.
    public struct Policy: Sendable {
        /// How each of these devices may join, and no others; nil: all known ones, in every joinMode.
        public var joinModes: [Identifier: Set<JoinMode>]?
        /// Nanoseconds after which a join before human eyes that nobody has decided has failed.
        public var humanWindow: Int64 = 600_000_000_000
        /// Devices that may not resign, nor deregister.
        public var keeps: Set<Identifier> = []
        /// The devices that may join by observation; all known ones where nil.
        public var accepted: Set<Identifier>?
        /// Nodes that may observe, from this run on. An observer vouches for devices, so nobody may unless it is given.
        public var observers: Set<Identifier> = []
        /// Nanoseconds after which the server gives up on an observer. Longer than the beacon's own window (120 s), so that
        /// the observer's word comes first.
        public var window: Int64 = 180_000_000_000
        /// How much must be known of a device's proof, from this run on; what is less is refused. nil: as an earlier run has
        /// kept it, and *reachable* where none has.
        public var requires: Grade?
        /// Beacons that observe together, by the site's name.
        public var sites: [String: Site] = [:]
        /// Open joins at a time: more would let one device fill the memory.
        public var limit = 1_024
        /// Devices whose OBSERVE_REQ is published a second time after their join was decided.
        public var replaysRequestsOf: Set<Identifier> = []

        /// The default policy.
        public init() {}
    }

    /// What the server cannot make itself: lent by `Keys`.
    public struct Dependencies: Sendable {
        /// A new token.
        public var token: @Sendable () -> Token
        /// A new token that says for whom the command is.
        public var commandToken: @Sendable (Identifier) -> Token
        /// A new token that names this server and the observer that is asked.
        public var observationToken: @Sendable (_ observer: Identifier) -> Token
        /// A new value.
        public var value: @Sendable () -> Secret
        /// A value sealed to a node; nil where that fails.
        public var seal: @Sendable (Secret, Identifier) -> Octets?
        /// HMAC-SHA256.
        public var authenticate: Authenticator = hmacSHA256

        /// These dependencies.
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
        let deadline: Int64
        /// The observer that the device has named: of this site, where several were asked.
        let named: Identifier
        /// What was sealed to both.
        let value: Secret
        /// Several beacons were asked.
        let isOfQuorum: Bool
        /// How often the observer was asked.
        var asks = 1
        /// Messages of evidence that have come.
        var evidence = 0
        /// What they show.
        var grade = Grade.reachable
        /// What was wrong with a proof that came.
        var fault: String?
    }

    /// A join that a human decides.
    struct Moderated: Equatable {
        /// T2: what the device's answer carries.
        let answerToken: Token
        let deadline: Int64
    }

    /// The server's own identity.
    public let own: Identifier
    /// The counters, one per peer.
    public internal(set) var counter: ReferenceCounter
    /// How many messages were refused, by reason.
    public internal(set) var refusals: [Refusal: Int] = [:]
    let policy: Policy
    let dependencies: Dependencies
    /// Who is joined, by which way.
    var joined: Set<Identifier> = []
    /// Who may observe, and who may not although the registry's type says so: given by the command line, an order, or the
    /// console.
    var given: [Identifier: Bool] = [:]
    /// How much must be known of a device's proof: by the command line, an order, or the console; nil: nobody has said it.
    var required: Grade?
    /// Who may observe by its type at the registry, unless `given` says otherwise.
    var registryObservers: Set<Identifier> = []
    /// The open joins by T3, the token that the observer's verdict carries.
    var open: [Token: Join] = [:]
    /// The tokens of beacons that were still asked when their site had decided, the newest last: what comes under them comes late.
    var late: [Token] = []
    /// What the beacons have said of joins that several were asked about, by the token of the device's answer.
    var votes: [Token: Votes] = [:]
    /// The open joins that a human decides; one a device.
    var moderated: [Identifier: Moderated] = [:]
    /// What commands wait for, by their token.
    var asked: [Token: Asked] = [:]
    /// Who stands on the beacon's lifeline besides those who may observe: nodes that have joined simply.
    var beacons: Set<Identifier> = []
    /// The token of the last INITIATE to each node, which ACTIVATE must carry.
    var updates: [Identifier: Token] = [:]
    /// Out of the system: nothing of theirs is believed any more.
    var deregistered: Set<Identifier> = []
    /// How those went that have left and not joined again.
    var departed: [Identifier: MembershipState] = [:]
    /// What an earlier run has left open.
    var leftOpen: Set<Unanswered> = []
    /// The joins that ended last, for the console; the newest last.
    var ended: [Ended] = []
    var rates = C2Rates()
    /// When `receive` or `tick` was called last.
    var now: Int64 = 0

    /// A server that nobody has joined yet.
    public init(
        own: Identifier, policy: Policy, dependencies: Dependencies, counter: ReferenceCounter = ReferenceCounter()
    ) {
        (self.own, self.policy, self.dependencies, self.counter) = (own, policy, dependencies, counter)
        required = policy.requires
        for node in policy.observers { given[node] = true }
    }

    /// Which lifeline a node stands on.
    public func role(of node: Identifier) -> Role {
        node == own ? .c2 : beacons.contains(node) || mayObserve(node) ? .beacon : .device
    }

    /// Whether a node may observe.
    public func mayObserve(_ node: Identifier) -> Bool { given[node] ?? registryObservers.contains(node) }

    /// When `tick` is due, in nanoseconds; nil where no join is open.
    public var nextDeadline: Int64? {
        (open.values.map(\.deadline) + moderated.values.map(\.deadline)).min()
    }

    /// Gives up on the observers whose window has passed.
    public mutating func tick(at now: Int64) -> [Effect] {
        self.now = now
        let late = open.filter { $0.value.deadline <= now }.sorted { $0.value.deadline < $1.value.deadline }
        let unseen = moderated.filter { $0.value.deadline <= now }.keys.sorted { $0.number < $1.number }
        return late.flatMap { token, join -> [Effect] in
            // The first of a site's beacons has closed those of the others.
            guard open[token] != nil else { return [] }
            return [.say("no verdict of \(join.observer) on \(join.device) within the window")]
                + decide(.failed, token, join, "its observer has given no verdict in time")
        }
            + unseen.flatMap {
                [.say("nobody has decided on \($0) within the window")]
                    + decide(.failed, $0, "nobody has decided in time")
            }
    }

    /// - Parameter grade: of the evidence, where the observer has said *valid*.
    mutating func decide(
        _ decision: Decision, _ token: Token, _ join: Join, _ reason: String, grade: Grade? = nil
    ) -> [Effect] {
        open[token] = nil
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
        Message(sequence: counter.next(to: peer), sender: own, token: token, body: body)
    }
}

extension C2 {
    /// Whether the observer's verdict under this token is still awaited.
    public func isOpen(_ token: Token) -> Bool { open[token] != nil }
}
