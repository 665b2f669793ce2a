import BootTime
import Observing
import ProofLink

// Nearby devices: what comes over their links is handled, one read in one transaction.
extension Shell {
    func makeListeners() -> LinkListeners {
        LinkListeners(
            configuration.listeners, loop: loop, clock: clock, log: log,
            changed: { [unowned self] in assumeIsolated { $0.listenersChanged() } },
            accepted: { [unowned self] in
                let (accepted, transport) = ($0, $1)
                assumeIsolated { $0.links.take(accepted, transport) }
            })
    }

    func makeLinks() -> DeviceLinks {
        DeviceLinks(
            loop: loop, clock: clock, events: events,
            outlets: DeviceLinks.Outlets(
                deliver: { [unowned self] events, moment in assumeIsolated { $0.take(events, arrivedAt: moment) } },
                canRecord: { [unowned self] in assumeIsolated { $0.journal != nil } },
                carried: { [unowned self] adapter in assumeIsolated { $0.adapters.carried(adapter) } },
                measureSignal: { [unowned self] peer, adapter, then in
                    assumeIsolated { $0.adapters.measureSignal(of: peer, over: adapter, then: then) }
                },
                refuse: { [unowned self] reason, link in assumeIsolated { $0.reports.refuse(reason, link) } }))
    }

    private func take(_ events: [Event], arrivedAt moment: Instant?) {
        guard let moment else {
            for event in events {
                if case .connected(_, let peer, _, _) = event { reports.linkOpened(over: peer.transport) }
                handle(event)
            }
            return
        }
        arrival = .frame(moment)
        transact { for event in events { try feed(event, &$0) } }
        arrival = nil
    }
}
