import BootTime
import EventLoop
import Glibc
import Synchronization

/// A short connection to one broker, so that it holds our session and keeps what is published for us: it connects, subscribes, takes what
/// the broker has kept, and disconnects. Nothing is published. It has threads of its own until its end.
public final class SessionVisit: Sendable {
    /// What a visit reports, on a thread of its own.
    public enum Event: Sendable {
        /// The broker has accepted us and granted the subscriptions.
        /// - `hadSession`: it had a session of ours.
        case connected(hadSession: Bool)
        /// The visit has ended; nil: it held. It reports nothing after this.
        case ended(BrokerFault?)
    }

    /// When nothing has come for so long, the broker has delivered what it had kept. Longer: the visit lasts longer.
    static let quiet = Duration.seconds(1)
    /// A visit ends after this in any case. Longer: a broker that never stops sending keeps it longer.
    static let longest = Duration.seconds(60)

    private struct Seen {
        var connected: Bool?
        var fault: BrokerFault?
        var newest: Instant?
        var stopping = false
    }

    private let settings: BrokerLink.Settings
    private let deliver: @Sendable ([Incoming]) -> Bool
    private let happened: @Sendable (Event) -> Void
    private let seen = Mutex(Seen())
    private let link = Mutex<BrokerLink?>(nil)

    /// A visit that has begun.
    /// - Parameters:
    ///   - settings: as for the link; its one broker is visited.
    ///   - deliver: keeps a batch, and returns whether it has been kept; only then is it acknowledged. On a thread of the visit's.
    public static func begin(
        _ settings: BrokerLink.Settings, deliver: @escaping @Sendable ([Incoming]) -> Bool,
        happened: @escaping @Sendable (Event) -> Void
    ) -> SessionVisit {
        let visit = SessionVisit(settings, deliver, happened)
        startThread("broker visit") { visit.run() }
        return visit
    }

    private init(
        _ settings: BrokerLink.Settings, _ deliver: @escaping @Sendable ([Incoming]) -> Bool,
        _ happened: @escaping @Sendable (Event) -> Void
    ) {
        precondition(settings.brokers.count == 1, "a visit is to one broker")
        (self.settings, self.deliver, self.happened) = (settings, deliver, happened)
    }

    /// Ends it soon. From any thread.
    public func stop() { seen.withLock { $0.stopping = true } }

    private func run() {
        let link = BrokerLink(
            settings,
            deliver: { [self] batch in
                let isKept = deliver(batch)
                seen.withLock { $0.newest = .now }
                return isKept
            },
            happened: { [self] event in
                seen.withLock { seen in
                    switch event {
                    case .connected(_, _, let hasSession):
                        (seen.connected, seen.newest) = (hasSession, .now)
                    case .lost(_, let fault): seen.fault = seen.fault ?? fault
                    case .notSubscribed, .acknowledged: break
                    }
                }
                // One attempt: a second one could end the connection that the caller has there by now.
                if case .lost = event { self.link.withLock { $0 }?.end() }
            })
        self.link.withLock { $0 = link }
        link.start()
        let fault = follow(link)
        link.stop()
        self.link.withLock { $0 = nil }
        happened(.ended(fault))
    }

    /// Waits for the visit's end.
    private func follow(_ link: BrokerLink) -> BrokerFault? {
        let begin = Instant.now
        var isReported = false
        // One attempt goes over each address of the name, and to the subscription over one.
        let giveUp = begin + settings.connectLimit * (HostAddresses.limit + 1) + .seconds(5)
        while true {
            usleep(50_000)
            let now = seen.withLock { $0 }
            if let hadSession = now.connected, !isReported {
                isReported = true
                happened(.connected(hadSession: hadSession))
            }
            if let fault = now.fault { return fault }
            if now.stopping { return now.connected == nil ? .leftToReturn : nil }
            guard now.connected != nil, let newest = now.newest else {
                if .now > giveUp { return .silent }
                continue
            }
            if .now - newest >= SessionVisit.quiet || .now - begin >= SessionVisit.longest { return nil }
        }
    }
}
