import BootTime
import Observing

// Reports of the shell's own state to the operator.
extension Shell {
    func makeReports() -> Reports {
        Reports(events, clock: clock) { [unowned self] server in
            assumeIsolated { $0.configuration.servers[server] != nil }
        }
    }

    func take(_ report: Report) {
        var request: Instant?
        if case .message(let moment) = arrival { request = moment }
        reports.report(report, requestedAt: request)
        if case .answered(let exchange, _, let verdict, _, _, _) = report {
            verdictsToday.note(verdict, to: exchange.server, at: wallSeconds())
        }
        if case .membership = report {
            unanswered.look()
            notifier.tellStatus()
        }
    }

    /// Which observations a link is asked about, said when it is asked: what happens on it from here on belongs to them.
    func reportChallenge(_ link: LinkID) {
        for (exchange, device) in observer.asked(over: link) {
            events.say(
                .info, about: "challenged", "\(link): \(device) is challenged, token \(exchange.token)",
                .of("challenged", exchange, device: device, link: link))
        }
    }

    func makeNotifier() -> ServiceNotifier {
        ServiceNotifier(
            startup.service, clock: clock,
            outlets: ServiceNotifier.Outlets(
                turnBroker: { [unowned self] done in
                    assumeIsolated { [loop] in $0.broker.link?.turn { loop.perform(done) } }
                },
                askJournal: { [unowned self] in assumeIsolated { $0.askJournal() } },
                status: { [unowned self] in assumeIsolated { $0.statusLine } }))
    }

    func askJournal() {
        do {
            try journal?.answer()
        } catch {
            journalFailed(error)
        }
    }

    var state: DaemonState {
        DaemonState(
            now: clock.now, startedAt: startup.startedAt, configuration: configuration, observer: observer,
            journal: journal, health: recovery.health, broker: broker, brokerSessions: brokerSessions,
            brokerVisits: brokerVisits,
            listeners: listeners, links: links, adapters: adapters, reports: reports,
            unanswered: silentServers,
            identityKey: runningKey.report(isAnythingOpen: observer.openObservations > 0), renewal: renewal,
            neighbours: neighbours, startedAtWallSeconds: startup.wallSeconds)
    }

    package var statusReport: StatusReport { state.report }

    /// Everything that is counted, as Prometheus reads it.
    var exposition: String { state.exposition }

    /// One line for the service manager.
    var statusLine: String {
        if let failure = recovery.health.failure { return failure.message }
        let members = observer.memberships.values.filter(\.isMember).count
        let isClosed = listeners.listeners.allSatisfy { $0.fault != nil } ? "no transport is listened on; " : ""
        return isClosed + "\(broker.message); joined to \(members) of \(configuration.servers.count) servers"
    }
}
