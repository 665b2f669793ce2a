import Broker
import EventLoop
import SRUP

// Visits to the brokers that are not in use.
extension Shell {
    func makeBrokerVisits() -> BrokerVisits {
        BrokerVisits(
            configuration.brokers, configuration.brokerPolicy, clock: clock, events: events,
            outlets: BrokerVisits.Outlets(
                begin: { [unowned self] broker in assumeIsolated { $0.visit(broker) } },
                upTo: { .milliseconds(Int64.random(in: 0...max(1, $0.wholeMilliseconds))) }, wallSeconds: wallSeconds))
    }

    private func visit(_ broker: BrokerAddress) {
        var settings = linkSettings
        settings.brokers = [broker]
        let loop = loop
        visit = SessionVisit.begin(
            settings, deliver: { [unowned self] in keep($0) },
            happened: { [unowned self] event in
                loop.perform { self.assumeIsolated { $0.visitHappened(event, at: broker) } }
            })
    }

    private func visitHappened(_ event: SessionVisit.Event, at broker: BrokerAddress) {
        switch event {
        case .connected(let hadSession):
            noteSession(at: broker, hadSession)
            // What it had acknowledged goes to it again when the beacon connects to it.
            if !hadSession { forgetAcknowledgements(of: broker) }
            brokerVisits.visited(hadSession: hadSession)
        case .ended(let fault):
            visit = nil
            brokerVisits.ended(fault)
        }
    }

    /// How the brokers are reached, and as whom.
    var linkSettings: BrokerLink.Settings {
        var settings = BrokerLink.Settings(
            brokers: configuration.brokers, clientID: configuration.mqttClientID, tls: configuration.tls,
            subscriptions: [Topic.of(device: configuration.identity)], maximumPayload: UnverifiedFrame.maximumLength)
        (settings.initialRetry, settings.maximumRetry) = configuration.reconnect
        settings.use(configuration.brokerPolicy)
        return settings
    }

    /// Keeps a batch from a broker, on the broker's thread.
    /// - Returns: whether the journal has it.
    nonisolated func keep(_ batch: [Incoming]) -> Bool {
        let moment = clock.now
        var rest = batch[...]
        while !rest.isEmpty {
            let piece = rest
            let taken = loop.performAndWait { self.assumeIsolated { $0.take(piece, arrivedAt: moment) } }
            guard let taken else { return false }
            rest = rest.dropFirst(taken)
        }
        return true
    }
}
