import Nearby
import Observing
import OperatorText
import SRUP

/// A person's order about a membership, read from the control socket's words and checked.
struct CheckedOrder {
    /// What decides whether an order is taken.
    struct Situation {
        /// Our own.
        var identity: Identifier
        var servers: [Identifier: Configuration.Server]
        var memberships: [Identifier: Membership]
        /// Why nothing can be recorded; nil: it can.
        var journalFault: String?
        /// Whether the journal, and with it the sequence ids that were used, was lost.
        var areSequencesUnknown: Bool
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
    ///   - words: the order, the server, and for a join how, the observer and its address.
    ///   - observerAddress: where a server's observer is, as far as it is known.
    /// - Throws: why it is not taken, and what to do.
    init(
        _ words: [Substring], _ server: Identifier, in situation: Situation,
        observerAddress: (Identifier) -> NearbyAddress?
    ) throws(OperatorFault) {
        guard situation.servers[server] != nil else {
            throw OperatorFault(
                "\(server) is not a server in the configuration",
                hint: "add a section [server \(server.topicForm)], and reload")
        }
        if let fault = situation.journalFault { throw OperatorFault(fault, hint: "see srup-beacon status") }
        guard !situation.areSequencesUnknown else {
            throw OperatorFault(
                "the sequence ids that were used are not known", hint: "set sequence-floor in each [server ID]")
        }
        let membership = situation.memberships[server] ?? .stranger
        switch words[0] {
        case "join":
            guard !membership.isMember else {
                throw OperatorFault(
                    "server \(server): this beacon is a member already", hint: ServerSigns.askAgain(server))
            }
            try join(server, words, in: situation, observerAddress)
        case "join-again":
            guard !membership.isMember || membership == .member else {
                throw OperatorFault(
                    "server \(server): this beacon's request to leave is not answered yet",
                    hint: "wait for the answer: srup-beacon servers")
            }
            try join(server, words, in: situation, observerAddress)
        case "resign", "deregister":
            guard membership.isMember else {
                throw OperatorFault(
                    "server \(server): this beacon is not a member", hint: "join first: srup-beacon join")
            }
            action = words[0] == "resign" ? .resign : .deregister
        default: throw OperatorFault("unknown order", hint: "use the same version of srup-beacon for both")
        }
    }

    private mutating func join(
        _ server: Identifier, _ words: [Substring], in situation: Situation,
        _ knownAddress: (Identifier) -> NearbyAddress?
    ) throws(OperatorFault) {
        var manner = situation.servers[server]?.terms.manner ?? .simple
        switch words.dropFirst(2).first {
        case "simple": manner = .simple
        case "human": manner = .human
        case "observed":
            guard let observer = words.dropFirst(3).first.flatMap({ Identifier(hexadecimal: $0) }),
                observer != situation.identity
            else { throw OperatorFault("the observer is not another beacon", hint: "name it: --observed ID") }
            manner = .observed(by: observer)
        default: break
        }
        if case .observed = manner {
            observerAddress = NearbyAddress(words.dropFirst(4).joined(separator: " "))
            guard observerAddress != nil || knownAddress(server) != nil else {
                throw OperatorFault(
                    "where the observer is near by is not known",
                    hint:
                        "say it: --at rfcomm:AA:BB:CC:DD:EE:FF, or set observer-address in [server \(server.topicForm)]"
                )
            }
        }
        // A value that is being shown stays: another request would make the server think of another.
        if case .presenting(_, manner) = situation.memberships[server] { return }
        action = .join(manner, again: words[0] == "join-again")
    }
}
