import BootTime
import Broker
import EventLoop
import Keys
import Observing
import SRUP

// Messages: what comes from a broker, what goes to one, and what a broker acknowledges.
extension Shell {
    func makeBroker() -> BrokerPort {
        BrokerPort(
            events: events, clock: clock,
            outlets: BrokerPort.Outlets(
                outbox: { [unowned self] in assumeIsolated { $0.outbox } },
                delivered: { [unowned self] ids in assumeIsolated { $0.recordDelivered(ids) } }))
    }

    func makeIntake() -> MessageIntake {
        MessageIntake(
            configuration.identity, keyring: { [unowned self] in assumeIsolated { $0.materials.keyring } },
            clock: clock,
            reports: reports)
    }

    /// The beginning of a batch from the broker, as much of it as one turn has time for.
    /// - Returns: how many messages have been taken, once the journal has what they caused; nil where it does not.
    func take(_ batch: ArraySlice<Incoming>, arrivedAt moment: Instant) -> Int? {
        arrival = .message(moment)
        defer { arrival = nil }
        var taken = 0
        let isKept = transact { transaction in
            taken = try intake.take(batch, isShared: configuration.servers.count > 1, context: { try context(of: $0) })
            {
                try feed($0, &transaction)
            }
        }
        Checkpoint.pass()
        return isKept ? taken : nil
    }

    /// What the journal knows about a message's token. A token that names its parties belongs to them alone.
    private func context(of message: Message) throws -> MessageContext {
        var context = MessageContext()
        if case .response = message.body { return context }
        if case .observationRequest = message.body {
            context.verdict = try journal?.verdict(of: RequestID(server: message.sender, token: message.token))
        }
        guard message.token.parties == nil else { return context }
        let others = observer.memberships.keys.filter { $0 != message.sender }
        context.tokenOwner = try journal?.owner(of: message.token, among: others)
        return context
    }

    func brokerHappened(_ event: BrokerLink.Event) {
        broker.take(event)
        switch event {
        case .connected:
            reports.brokerConnected()
            updateActivation.versionHasComeUp()
        case .lost: break
        case .acknowledged: deregistration.finishIfAllHasLeft()
        }
        notifier.tellStatus()
    }

    /// Everything that no broker has acknowledged, in the order in which it was signed; nil where it cannot be read.
    private var outbox: [Publishing.Queued]? {
        do {
            return try journal?.outbox()
        } catch {
            journalFailed(error)
            return nil
        }
    }

    /// The broker has acknowledged these messages: the last step of an observation.
    private func recordDelivered(_ ids: [Int64]) -> [(exchange: RequestID, device: Identifier)]? {
        var told: [(exchange: RequestID, device: Identifier)] = []
        guard transact({ _ in told = try journal?.delivered(ids, at: wallSeconds()) ?? [] }) else { return nil }
        return told
    }
}
