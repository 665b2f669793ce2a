import BootTime
import Broker
import EventLoop
import OperatorText

/// Holds a session at every broker of the list: those that are not in use are visited soon after the start, and then from time to time, so
/// that they keep what is published for this beacon while it is away.
///
/// The nodes of one cluster share the session: a visit to another node ends the beacon's own connection. Where that has happened at two
/// visits in succession, no more are made.
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
    /// The pause after a visit that failed; each further one doubles it, up to the interval.
    static let initialRetry = Duration.seconds(30)

    let brokers: [BrokerAddress]
    private let policy: BrokerPolicy
    private let clock: any LoopClock
    private let events: EventLog
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in look() }
    private(set) var standings: [BrokerAddress: Standing] = [:]
    /// The brokers turned out to share the session.
    private(set) var areShared = false
    private var current: BrokerAddress?
    /// The visit that is under way.
    private var underWay: (broker: BrokerAddress, wasAccepted: Bool, endedConnection: Bool)?
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
        guard areMade else { return }
        for one in brokers where one != broker && standings[one] == nil {
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
        if fault.isClosing { underWay?.endedConnection = true }
        timer.set(at: nil)
    }

    /// The broker has accepted the visit that is under way, and granted the subscription.
    func visited(hadSession: Bool) {
        guard let broker = underWay?.broker else { return }
        underWay?.wasAccepted = true
        held(at: broker, hadSession: hadSession)
        events.logger.info("visited the broker \(broker): it keeps what is published for this beacon")
    }

    /// The visit that was under way has ended.
    /// - Parameter fault: nil: it held.
    func ended(_ fault: BrokerFault?) {
        guard let (broker, wasAccepted, endedConnection) = underWay else { return }
        underWay = nil
        // Back at this broker, the beacon has ended the visit itself.
        if wasAccepted || fault?.isClosing == true && broker != current { count(endedConnection) }
        var standing = standings[broker] ?? Standing()
        let isOurs = broker == current || wasAccepted && endedConnection
        if let fault, fault != .leftToReturn, !isOurs {
            standing.failures += 1
            let pause = min(BrokerVisits.initialRetry * (1 << min(standing.failures - 1, 16)), policy.visit)
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
        events.logger.warning(
            """
            the beacon's connection has ended at each visit to another broker: the brokers share the session, as the nodes of a cluster \
            do, and no more visits are made; hint: set [broker] sessions = shared
            """, metadata: .of("broker-visits-ended"))
    }

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
        guard areMade, underWay == nil, let current else { return timer.set(at: nil) }
        let waiting = brokers.filter { $0 != current }.compactMap { one in standings[one].map { (one, $0.due) } }
        guard let (broker, due) = waiting.min(by: { $0.1 < $1.1 }) else { return }
        guard due <= clock.now else { return timer.set(at: due) }
        underWay = (broker, false, false)
        outlets.begin(broker)
    }
}
