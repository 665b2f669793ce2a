import Bench
import SRUP

/// What a C2 server keeps of a node for its operator, across runs. No decision uses it.
public struct C2Facts: Equatable, Sendable {
    /// How a node's last join ended.
    public struct Join: Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var mode: C2.JoinMode, decision: C2.Decision
        /// The observer whose verdict decided it, otherwise the one that it named; nil in other modes.
        public var observer: Identifier?
        /// Why, as text.
        public var reason: String
        /// Of the evidence, if an observer said *valid*.
        public var grade: C2.Grade?
        /// Milliseconds since 1970.
        public var at: Int64
        /// Whether a beacon, or a person, has given a verdict; otherwise it was refused at once, or there was none in time.
        public var hasVerdict = true
    }

    /// When a message of it was accepted last, in milliseconds since 1970.
    public var heard: Int64?
    /// Set by the operator: never by a device.
    public var name, site: String?
    /// Its last answer to ID_REQUEST.
    public var told: C2Told?
    /// Its last join that has ended.
    public var join: Join?
    /// Whether this server has paused it, by its answer to the order; nil: as it told since.
    public var paused: Bool?

    /// Whether this server has paused it; nil: not known.
    public var isPaused: Bool? { paused ?? told?.paused }

    /// Nothing is known.
    public init() {}
}

extension C2Fleet {
    /// How a node is, for people.
    public enum State: String, CaseIterable, Sendable {
        /// Did not answer the last ID_REQUEST, and nothing else was heard of it since.
        case silent
        /// A beacon that this server has paused.
        case paused
        /// A member; nothing was heard of it recently, and nothing waits for its answer.
        case quiet
        /// A member that was heard recently.
        case heard
        /// Its key is known; it has not joined.
        case notJoined = "not-joined"
        /// Its membership has ended.
        case left
        /// Permanently removed.
        case deregistered
    }

    /// An order that expects an answer.
    public struct OrderRecord: Equatable, Sendable {
        /// In words.
        public let what: String
        let token: Token
        /// Milliseconds since 1970; nil: before the server's last start.
        public let ordered: Int64?
        /// Since when its answer is waited for, if that is not when it was ordered.
        var since: Int64?
        /// When the broker has acknowledged it.
        public internal(set) var sent: Int64?
        /// When it was answered, and how.
        public internal(set) var answered: Int64?
        /// The answer, as text.
        public internal(set) var answer: String?

        /// Whether it is late: without an answer after 30 s.
        public func isUnanswered(at now: Int64) -> Bool {
            answered == nil && now - (since ?? ordered ?? .min / 2) >= C2Fleet.answerWithin
        }
    }

    /// A node that the server knows.
    public struct Node: Equatable, Sendable {
        /// What is known of its record of verdicts (docs/audit.md).
        public struct Record: Equatable, Sendable {
            /// The last row that it has signed, and when, in seconds since 1970.
            public let row: Int64, signedAt: Int64
            /// Why the record cannot be trusted: it was cut or rewritten; nil: nothing contradicts it.
            public let fault: String?

            init(_ record: C2.Record) {
                (row, signedAt, fault) = (record.head.link.number, record.head.time, record.fault)
            }
        }

        /// Its identity.
        public let id: Identifier
        /// Its membership.
        public var membership = C2.MembershipState.known
        /// Its lifeline in diagrams.
        public var role = Role.device
        /// Whether it may observe.
        public var mayObserve = false
        /// What is kept of it.
        public var facts = C2Facts()
        /// The site of the command line that names it.
        public var givenSite: String?
        /// When the server asked it, in milliseconds since 1970, if nothing was heard of it since.
        public var asked: Int64?
        /// Its record of verdicts; nil: it has not sent the end of one.
        public var record: Record?
        /// The last orders that expect answers, the newest last.
        public var orders: [OrderRecord] = []
        /// As it was when the fleet last looked.
        public internal(set) var state = State.notJoined

        /// A node of which only the identity is known.
        public init(_ id: Identifier) { self.id = id }

        /// Where it is: as the operator says, as the command line says, or as it says itself.
        public var site: String { facts.site ?? givenSite ?? facts.told?.site ?? "" }
        /// What a list sorts by: the operator's name, otherwise the node's own.
        var shownName: String { facts.name ?? facts.told?.name ?? "" }
        /// Whether it is a member.
        public var isMember: Bool { membership == .joined || membership == .observer }
        /// Whether the server asks it by itself: members that may observe, or have told before that they are beacons.
        var isAsked: Bool { isMember && (mayObserve || facts.told?.observing != nil) }

        func state(at now: Int64) -> State {
            switch membership {
            case .deregistered: return .deregistered
            case .terminated, .resigned: return .left
            case .known: return .notJoined
            case .joined, .observer: break
            }
            if let asked, now - asked >= C2Fleet.answerWithin { return .silent }
            if facts.isPaused == true { return .paused }
            return facts.heard.map { now - $0 < C2Fleet.recently } == true ? .heard : .quiet
        }

        /// When its state changes by itself, in milliseconds since 1970.
        var changes: Int64? {
            guard isMember else { return nil }
            if let asked, state != .silent { return asked + C2Fleet.answerWithin }
            return state == .heard ? facts.heard.map { $0 + C2Fleet.recently } : nil
        }
    }
}
