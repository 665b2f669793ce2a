import Nearby
import Observing
import OperatorText
import SRUP

/// The result of an order to the running beacon.
public struct OrderReply: Codable, Equatable, Sendable {
    /// Why it was refused; nil: it was accepted.
    public var refusal: String?
    /// What to do then.
    public var hint: String?
}

/// Our membership state at one server, for a person who waits.
public struct StandingReport: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var membership: Membership.State
    /// How we join, while a join waits for its answer.
    public var joinMode: JoinMode.Kind?
    /// The value that a human must compare, 32 hexadecimal digits, while it is shown. For the beacon's user only.
    public var value: String?
    /// Whether a broker is connected.
    public var isConnected: Bool
    /// What is wrong, where the broker is not connected, or the server's messages are refused.
    public var fault: String?

    // A beacon that was started before an update says "manner".
    private enum CodingKeys: String, CodingKey {
        case membership, value, isConnected, fault
        case joinMode = "manner"
    }
}

/// A person's orders, over the control socket.
public enum Order {
    /// Joins a server; returns once the request is on disk.
    /// - Parameters:
    ///   - joinMode: nil: as the configuration has it.
    ///   - address: where the observer is near by, for an observed join.
    ///   - again: also where we are a member already.
    /// - Throws: `OperatorFault` where it is not accepted, or no beacon runs.
    public static func join(
        _ server: Identifier, _ joinMode: JoinMode?, at address: NearbyAddress? = nil, again: Bool = false,
        of configuration: Configuration
    ) throws {
        try send(.join(MembershipOrder.WantedMode(joinMode), at: address, again: again), server, configuration)
    }

    /// Asks a server to let us go (§6).
    /// - Throws: as `join`.
    public static func resign(_ server: Identifier, of configuration: Configuration) throws {
        try send(.resign, server, configuration)
    }

    /// Asks a server to take us out of the system (§6). If it does, our keys are destroyed, and the beacon ends.
    /// - Throws: as `join`.
    public static func deregister(_ server: Identifier, of configuration: Configuration) throws {
        try send(.deregister, server, configuration)
    }

    /// What to do about a server that was restarted without its state.
    public static func askAgain(_ server: Identifier) -> String { ServerSigns.askAgain(server) }

    /// Our membership state at a server.
    /// - Throws: `OperatorFault` where no beacon runs.
    public static func standing(_ server: Identifier, of configuration: Configuration) throws -> StandingReport {
        try Inquiry.decoded(
            StandingReport.self, try Control.ask(configuration.stateFolder + "/control", .standing(server)))
    }

    private static func send(_ order: MembershipOrder, _ server: Identifier, _ configuration: Configuration) throws {
        let reply = try Inquiry.decoded(
            OrderReply.self, try Control.ask(configuration.stateFolder + "/control", .order(order, server)))
        if let refusal = reply.refusal { throw OperatorFault(refusal, hint: reply.hint ?? "see srup-beacon status") }
    }
}

extension Shell {
    /// Carries out an order about a server, or says why not.
    func obey(_ order: MembershipOrder, _ server: Identifier) -> OrderReply {
        do {
            perform(
                try CheckedOrder(order, server, in: situation, observerAddress: { ownProofs.address(for: $0) }), server)
            return OrderReply()
        } catch {
            return OrderReply(refusal: error.message, hint: error.hint(for: .beacon))
        }
    }

    private var situation: CheckedOrder.Situation {
        CheckedOrder.Situation(
            identity: configuration.identity, servers: configuration.servers, memberships: observer.memberships,
            journalFault: journal == nil ? recovery.health.failure?.message ?? "the journal is not open" : nil,
            areSequencesUnknown: journal?.sequencesUnknown ?? false)
    }

    private func perform(_ order: CheckedOrder, _ server: Identifier) {
        if let address = order.observerAddress { ownProofs.note(address, for: server) }
        switch order.action {
        case .join(let joinMode, again: let again):
            let event = again ? joinAgainEvent(server, joinMode) : joinEvent(server, joinMode)
            if let event { handle(event) }
            broker.publishing.tryAgain(server)
        case .resign: handle(.resign(server, freshToken(for: server)))
        case .deregister: handle(.deregister(server, freshToken(for: server)))
        case nil: break
        }
    }

    func standing(_ server: Identifier) -> StandingReport {
        let standing = observer.memberships[server] ?? .stranger
        var report = StandingReport(membership: standing.state, joinMode: standing.joinMode?.kind, isConnected: false)
        switch broker.state {
        case .connected:
            report.isConnected = true
            report.fault = reports.signs[server]?.explained(standing, server)?.next
        case .connecting: break
        case .lost(let address, let fault): report.fault = "\(address): \(fault.message)"
        }
        if standing.joinMode == .human {
            report.value = observer.presented(to: server).map { $0.withBytes { hexadecimal($0) } }
        }
        return report
    }
}
