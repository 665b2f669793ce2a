import BootTime
import Broker
import EventLoop
import OperatorText

/// Holds a session at every broker of the list: those that are not in use are visited soon after the start, and then from time to time, so
/// that they keep what is published for this beacon while it is away.
///
/// The nodes of one cluster share the session: a visit to another node ends the beacon's own connection. Where that has happened at two
/// visits in succession, none is made for a day: it may have been two coincidences.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class BrokerVisits: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// Begins a visit to a broker: what becomes of it comes to `visited` and `ended`.
        let begin: (BrokerAddress) -> Void
        /// A random time up to this.
        let upTo: (Duration) -> Duration
        /// Seconds since 1970.
        let wallSeconds: () -> Int64
    }

    /// What is known of the session at one broker; times in seconds since 1970.
    struct Standing: Equatable {
        /// Since when it has one, as far as this run knows; nil: it is not known to have one.
        var since: Int64?
        /// When this beacon was last there.
        var last: Int64?
        /// Why the last visit failed; nil: it did not.
        var fault: BrokerFault?
        fileprivate var failures = 0
        fileprivate var due = Instant.boot
    }

    /// Within which time after the start, and around each later moment, visits are spread. Longer: a request in that time may not be kept.
    static let spread = Duration.seconds(10)
    /// The pause after a visit that failed, and the random part after it at most; each further one doubles it, up to the interval.
    static let initialRetry = Duration.seconds(30)
    /// The longest such pause: ten minutes with the random part. Longer: a broker that is back holds a session later.
    static let maximumRetry = Duration.seconds(300)
    /// Within which time of the visit's acceptance the beacon's own connection must end for the visit to be the cause. Longer: more
    /// coincidences count.
    static let takeover = Duration.seconds(2)
    /// How long none is made where brokers seem to share the session; at least the interval. Shorter: in a cluster the beacon's own
    /// connection ends more often.
    static let abstention = Duration.seconds(86_400)

    let brokers: [BrokerAddress]
    private let policy: BrokerPolicy
    private let clock: any LoopClock
    private let events: EventLog
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in look() }
    private(set) var standings: [BrokerAddress: Standing] = [:]
    /// The brokers share the session: so it is configured, or so it seems.
    private(set) var areShared = false
    /// When visits begin again, where brokers seem to share the session; nil: they do not, or it is configured.
    private(set) var resumption: Instant?
    private var current: BrokerAddress?
    /// The visit that is under way.
    private var underWay: (broker: BrokerAddress, acceptedAt: Instant?, endedConnectionAt: Instant?)?
    /// Visits in succession at which the beacon's own connection has ended.
    private var ends = 0

    init(
        _ brokers: [BrokerAddress], _ policy: BrokerPolicy, clock: any LoopClock, events: EventLog, outlets: Outlets
    ) {
        (self.brokers, self.policy, self.clock, self.events, self.outlets) = (brokers, policy, clock, events, outlets)
        areShared = policy.sessions == .shared
    }

    /// Whether brokers that are not in use are visited.
    var areMade: Bool { brokers.count > 1 && !areShared }

    /// The beacon's own connection is there.
    /// - Parameter hadSession: whether the broker had a session of ours.
    func connected(to broker: BrokerAddress, hadSession: Bool) {
        current = broker
        held(at: broker, hadSession: hadSession)
        for one in brokers where areMade && one != broker && standings[one] == nil {
            standings[one] = Standing(due: clock.now + outlets.upTo(BrokerVisits.spread))
        }
        look()
    }

    /// The beacon's own connection has ended.
    func lost(_ broker: BrokerAddress, _ fault: BrokerFault) {
        guard current == broker else { return }
        current = nil
        standings[broker]?.last = outlets.wallSeconds()
        standings[broker]?.due = next
        if fault.isClosing { underWay?.endedConnectionAt = clock.now }
        timer.set(at: nil)
    }

    /// The broker has accepted the visit that is under way, and granted the subscription.
    func visited(hadSession: Bool) {
        guard let broker = underWay?.broker else { return }
        underWay?.acceptedAt = clock.now
        held(at: broker, hadSession: hadSession)
        events.logger.info("visited the broker \(broker): it keeps what is published for this beacon")
    }

    /// The visit that was under way has ended.
    /// - Parameter fault: nil: it held.
    func ended(_ fault: BrokerFault?) {
        guard let (broker, acceptedAt, endedConnectionAt) = underWay else { return }
        underWay = nil
        let (wasAccepted, endedConnection) = (acceptedAt != nil, endedConnectionAt != nil)
        // Back at this broker, the beacon has ended the visit itself.
        if wasAccepted || fault?.isClosing == true && broker != current {
            count(endedConnectionAt.map { isTakeover($0, acceptedAt ?? clock.now) } ?? false)
        }
        var standing = standings[broker] ?? Standing()
        let isOurs = broker == current || wasAccepted && endedConnection
        if let fault, fault != .leftToReturn, !isOurs {
            standing.failures += 1
            let pause = min(
                BrokerVisits.initialRetry * (1 << min(standing.failures - 1, 16)), policy.visit,
                BrokerVisits.maximumRetry)
            standing.due = clock.now + pause + outlets.upTo(pause)
            if fault != standing.fault {
                events.logger.warning(
                    "\(broker) could not be visited: \(fault.message); hint: \(fault.hint(for: .beacon))",
                    metadata: .of("broker-visit-failed"))
            }
            standing.fault = fault
        } else {
            (standing.fault, standing.failures) = (nil, 0)
            // One that was broken off is made again soon.
            standing.due = fault == nil ? next : clock.now + BrokerVisits.initialRetry
        }
        standings[broker] = standing
        look()
    }

    /// Whether a visit has ended the beacon's own connection.
    private func count(_ endedConnection: Bool) {
        ends = endedConnection ? ends + 1 : 0
        guard ends >= 2, !areShared else { return }
        areShared = true
        let abstention = max(BrokerVisits.abstention, policy.visit)
        resumption = clock.now + abstention
        events.logger.warning(
            """
            the beacon's connection has ended at two visits to other brokers: they seem to share the session, as the nodes of a cluster \
            do, and none is visited for \(abstention.wholeSeconds / 3_600) h; hint: if they are nodes of one cluster, set [broker] sessions = shared
            """, metadata: .of("broker-visits-ended"))
    }

    /// Whether the visit that was accepted then can have ended the connection.
    private func isTakeover(_ ended: Instant, _ accepted: Instant) -> Bool {
        max(ended, accepted) - min(ended, accepted) <= BrokerVisits.takeover
    }

    /// Brokers that seemed to share the session are visited again: one more end suffices then.
    private func resumeIfDue() {
        guard let resumption, resumption <= clock.now else { return }
        (areShared, self.resumption, ends) = (false, nil, 1)
        for broker in brokers where broker != current {
            standings[broker, default: Standing()].due = clock.now + outlets.upTo(BrokerVisits.spread)
        }
    }

    /// When visits begin again, in seconds since 1970; nil: see `resumption`.
    var resumptionSeconds: Int64? { resumption.map { outlets.wallSeconds() + ($0 - clock.now).wholeSeconds } }

    /// The moment of the next visit, if it is counted from now.
    private var next: Instant { clock.now + policy.visit - outlets.upTo(min(BrokerVisits.spread, policy.visit / 10)) }

    private func held(at broker: BrokerAddress, hadSession: Bool) {
        let now = outlets.wallSeconds()
        var standing = standings[broker] ?? Standing()
        if !hadSession || standing.since == nil { standing.since = now }
        (standing.last, standing.fault, standing.failures) = (now, nil, 0)
        standing.due = next
        standings[broker] = standing
    }

    /// Begins the visit that is due; one at a time, and only while the beacon's own connection is there.
    private func look() {
        guard underWay == nil, let current else { return timer.set(at: nil) }
        resumeIfDue()
        guard areMade else { return timer.set(at: resumption) }
        let waiting = brokers.filter { $0 != current }.compactMap { one in standings[one].map { (one, $0.due) } }
        guard let (broker, due) = waiting.min(by: { $0.1 < $1.1 }) else { return }
        guard due <= clock.now else { return timer.set(at: due) }
        underWay = (broker, nil, nil)
        outlets.begin(broker)
    }
}
