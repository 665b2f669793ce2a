import Nearby
import Observing
import OperatorText
import SRUP

/// A person's order about a membership, checked.
struct CheckedOrder {
    /// What decides whether an order is taken.
    struct Situation {
        /// Our own.
        var identity: Identifier
        var servers: [Identifier: Configuration.Server]
        var memberships: [Identifier: Membership]
        /// Why nothing can be recorded; nil: it can.
        var journalFault: String?
        /// The servers to which nothing can be sent, because it is not known above which sequence ids.
        var awaited: Set<Identifier>
    }

    enum Action: Equatable {
        /// again: also where the beacon is a member already.
        case join(JoinMode, again: Bool)
        case resign
        case deregister
    }

    /// nil: nothing is left to do.
    var action: Action?
    /// The observer's nearby address, as given in the order.
    var observerAddress: NearbyAddress?

    /// - Parameters:
    ///   - observerAddress: where a server's observer is, as far as it is known.
    /// - Throws: why it is not accepted, and what to do.
    init(
        _ order: MembershipOrder, _ server: Identifier, in situation: Situation,
        observerAddress: (Identifier) -> NearbyAddress?
    ) throws(OperatorFault) {
        guard situation.servers[server] != nil else {
            throw OperatorFault(
                "\(server) is not a server in the configuration",
                hint: "add a section [server \(server.topicForm)], and reload")
        }
        if let fault = situation.journalFault { throw OperatorFault(fault, hint: "see srup-beacon status") }
        guard !situation.awaited.contains(server) else {
            throw OperatorFault(SequenceStarts.finding, hint: SequenceStarts.hint)
        }
        let membership = situation.memberships[server] ?? .stranger
        switch order {
        case .join(let mode, let address, again: false):
            guard !membership.isMember else {
                throw OperatorFault(
                    "server \(server): this beacon is a member already", hint: ServerSigns.askAgain(server))
            }
            try join(server, mode, at: address, again: false, in: situation, observerAddress)
        case .join(let mode, let address, again: true):
            guard !membership.isMember || membership == .member else {
                throw OperatorFault(
                    "server \(server): this beacon's request to leave is not answered yet",
                    hint: "wait for the answer: srup-beacon servers")
            }
            try join(server, mode, at: address, again: true, in: situation, observerAddress)
        case .resign:
            try CheckedOrder.checkMember(membership, server)
            action = .resign
        case .deregister:
            try CheckedOrder.checkMember(membership, server)
            action = .deregister
        }
    }

    private static func checkMember(_ membership: Membership, _ server: Identifier) throws(OperatorFault) {
        guard membership.isMember else {
            throw OperatorFault("server \(server): this beacon is not a member", hint: "join first: srup-beacon join")
        }
    }

    private mutating func join(
        _ server: Identifier, _ mode: MembershipOrder.WantedMode, at address: NearbyAddress?, again: Bool,
        in situation: Situation, _ knownAddress: (Identifier) -> NearbyAddress?
    ) throws(OperatorFault) {
        let joinMode: JoinMode
        switch mode {
        case .configured: joinMode = situation.servers[server]?.terms.joinMode ?? .simple
        case .simple: joinMode = .simple
        case .human: joinMode = .human
        case .observed(let observer):
            guard let observer, observer != situation.identity else {
                throw OperatorFault("the observer is not another beacon", hint: "name it: --observed ID")
            }
            joinMode = .observed(by: observer)
        }
        if case .observed = joinMode {
            observerAddress = address
            guard observerAddress != nil || knownAddress(server) != nil else {
                throw OperatorFault(
                    "where the observer is near by is not known",
                    hint:
                        "say it: --at rfcomm:AA:BB:CC:DD:EE:FF, or set observer-address in [server \(server.topicForm)]"
                )
            }
        }
        // A value that is being shown stays: another request would make the server think of another.
        if case .presenting(_, joinMode) = situation.memberships[server] { return }
        action = .join(joinMode, again: again)
    }
}
