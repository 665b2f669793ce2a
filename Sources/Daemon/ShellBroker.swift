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
                outbox: { [unowned self] broker in assumeIsolated { $0.outbox(for: broker) } },
                delivered: { [unowned self] ids, broker in assumeIsolated { $0.recordDelivered(ids, to: broker) } },
                forgotten: { [unowned self] broker in assumeIsolated { $0.forgetAcknowledgements(of: broker) } }))
    }

    func makeBrokerSessions() -> BrokerSessions {
        BrokerSessions(
            clientID: configuration.mqttClientID, events: events,
            outlets: BrokerSessions.Outlets(
                isKnown: { [unowned self] session in assumeIsolated { try? $0.journal?.knowsSession(session) } },
                note: { [unowned self] session in
                    assumeIsolated { shell in
                        _ = shell.transact { _ in try shell.journal?.noteSession(session, at: wallSeconds()) }
                    }
                }, wallSeconds: wallSeconds))
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
            if let answer = try journal?.answer(to: RequestID(server: message.sender, token: message.token)) {
                (context.verdict, context.evidence, context.proof) = answer
            }
        }
        guard message.token.parties == nil else { return context }
        let others = observer.memberships.keys.filter { $0 != message.sender }
        context.tokenOwner = try journal?.owner(of: message.token, among: others)
        return context
    }

    func brokerHappened(_ event: BrokerLink.Event) {
        broker.take(event)
        switch event {
        case .connected(let address, _, let hasSession):
            reports.brokerConnected()
            noteSession(at: address, hasSession)
            brokerVisits.connected(to: address, hadSession: hasSession)
            updateActivation.versionHasComeUp()
        case .lost(let address, let fault): brokerVisits.lost(address, fault)
        case .notSubscribed: break
        case .acknowledged: deregistration.finishIfAllHasLeft()
        }
        unanswered.look()
        notifier.tellStatus()
    }

    /// Whether a broker had a session of ours, as its CONNACK says.
    func noteSession(at broker: BrokerAddress, _ hasSession: Bool) {
        if brokerSessions.connected(to: broker, hasSession: hasSession) { reports.brokerSessionLost() }
    }

    /// Everything that a broker must get, in the order in which it was signed; nil where it cannot be read.
    private func outbox(for broker: BrokerAddress) -> [Publishing.Queued]? {
        do {
            return try journal?.outbox(for: receipt(of: broker))
        } catch {
            journalFailed(error)
            return nil
        }
    }

    /// A broker has acknowledged these messages: the last step of an observation.
    private func recordDelivered(
        _ ids: [Int64], to broker: BrokerAddress
    ) -> [(exchange: RequestID, device: Identifier)]? {
        var told: [(exchange: RequestID, device: Identifier)] = []
        let receipt = receipt(of: broker)
        guard transact({ _ in told = try journal?.delivered(ids, at: wallSeconds(), by: receipt) ?? [] }) else {
            return nil
        }
        return told
    }

    private func receipt(of broker: BrokerAddress) -> Journal.Receipt {
        Journal.Receipt(by: broker, at: clock.now, kept: configuration.brokerPolicy.republish)
    }

    /// What a broker has acknowledged is published to it again.
    func forgetAcknowledgements(of broker: BrokerAddress) {
        guard (try? journal?.hasAcknowledged(broker)) == true else { return }
        transact { _ in try journal?.forgetAcknowledgements(of: broker) }
    }
}
