import BootTime
import CLinux
import CMosquitto
import EventLoop
import Glibc
import Synchronization

/// The connection to the brokers: MQTT 3.1.1 over TLS with a client certificate, QoS 1, a persistent session. It is kept up
/// for the life of the process. It has a thread of its own, because looking up a name blocks.
///
/// A batch of messages is given to `deliver` and acknowledged only if that returns true; otherwise the connection is closed,
/// and the broker sends them again. Outgoing messages are not kept here across connections: the caller publishes again
/// whatever is still unacknowledged after `connected`.
public final class BrokerLink: Sendable {
    /// What the link reports about itself, on its own thread.
    public enum Event: Sendable {
        /// Connected and subscribed, for the Nth time; unacknowledged messages must be published again.
        /// - `hasSession`: the broker has had a session of ours: what was published meanwhile has been kept.
        case connected(BrokerAddress, connection: Int, hasSession: Bool = true)
        /// Not connected any more, or still not.
        case lost(BrokerAddress, BrokerFault)
        /// The broker has these messages of ours.
        case acknowledged([Int64])
        /// The connection goes on without a filter that was added, or with less than was requested for it.
        case notSubscribed(BrokerFault)
    }

    /// libmosquitto's version.
    public static var libraryVersion: String {
        var (major, minor, revision) = (Int32(0), Int32(0), Int32(0))
        mosquitto_lib_version(&major, &minor, &revision)
        return "\(major).\(minor).\(revision)"
    }

    struct Shared {
        /// The outgoing messages of this connection, sent as the broker acknowledges earlier ones.
        var outgoing: [Outgoing] = []
        /// Filters beyond the settings' own that the link's thread has not taken yet.
        var added: [String] = []
        /// Those of them that it must forget.
        var withdrawn: [String] = []
        /// The brokers whose CONNACK told of a new session that has not been reported yet.
        var newSessions: Set<BrokerAddress> = []
        var connection = 0
        var connected = false
        var certificates: [BrokerAddress: Int64] = [:]
        var stopping = false
        var stopped = false
        var hurry = false
        /// How often the files have changed: a connection that was started with older ones is closed.
        var files = 0
        var turns: [@Sendable () -> Void] = []
    }

    /// A connection that ends sooner than this after it was made counts as a failed attempt.
    static let settled = Duration.seconds(30)

    let settings: Settings
    private let deliver: @Sendable ([Incoming]) -> Bool
    let happened: @Sendable (Event) -> Void
    let shared = Mutex(Shared())
    let wakeup = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))

    /// A link that has not been started.
    /// - Parameters:
    ///   - deliver: keeps a batch, and returns whether it has been kept. On the link's thread.
    ///   - happened: is told what happens. On the link's thread.
    public init(
        _ settings: Settings, deliver: @escaping @Sendable ([Incoming]) -> Bool,
        happened: @escaping @Sendable (Event) -> Void
    ) {
        precondition(!settings.brokers.isEmpty, "a link needs a broker")
        (self.settings, self.deliver, self.happened) = (settings, deliver, happened)
    }

    deinit { close(wakeup) }

    /// Starts the thread.
    public func start() {
        mosquitto_lib_init()
        startThread("broker link") { self.run() }
    }

    /// Publishes with QoS 1 over the connection of that number, and does nothing where it has ended: what is new must not
    /// overtake what is published again over the next one. From any thread.
    public func publish(_ messages: [Outgoing], over connection: Int) {
        let goes = shared.withLock { shared in
            guard shared.connected, shared.connection == connection else { return false }
            shared.outgoing += messages
            return true
        }
        if goes { wake() }
    }

    /// Subscribes to more filters, QoS 1, over this connection and all later ones. What is published afterwards leaves after
    /// it, so no answer to it is missed. One that the broker does not grant costs the others nothing. From any thread.
    public func subscribe(to topics: [String]) {
        shared.withLock { $0.added += topics }
        wake()
    }

    /// Tries the next broker now, without waiting for the retry. From any thread.
    public func hurry() {
        shared.withLock { $0.hurry = true }
        wake()
    }

    /// Disconnects and connects again at once, so that changed files are used, even if a connection is still being made;
    /// the session is kept. From any thread.
    public func reconnect() {
        shared.withLock { ($0.files, $0.hurry) = ($0.files + 1, true) }
        wake()
    }

    /// Calls `done` on the link's thread at its next turn: at once, whether it is connected, connecting or waiting to try
    /// again, but not while it is blocked by a name look-up or by storing a batch. From any thread.
    public func turn(_ done: @escaping @Sendable () -> Void) {
        shared.withLock { $0.turns.append(done) }
        wake()
    }

    /// When the certificate expires, in seconds since 1970, that each broker had at the last connection to it. From any thread.
    public var brokerCertificates: [BrokerAddress: Int64] { shared.withLock { $0.certificates } }

    /// Disconnects soon, and tries no other broker. From any thread.
    func end() {
        shared.withLock { $0.stopping = true }
        wake()
    }

    /// Disconnects from the broker; returns when the thread has ended or two seconds have passed. From any other thread.
    public func stop() {
        end()
        let deadline = Instant.now + .seconds(2)
        while !shared.withLock({ $0.stopped }), .now < deadline { usleep(2_000) }
    }

    func wake() {
        var one: UInt64 = 1
        Glibc.write(wakeup, &one, 8)
    }

    // MARK: - The link's thread

    private func run() {
        var generator = SystemRandomNumberGenerator()
        var rotation = BrokerRotation(settings, using: &generator)
        var (routes, subscriptions) = (BrokerRoutes(), SubscriptionPlan(required: settings.subscriptions))
        while !shared.withLock({ $0.stopping }) {
            // Looking up a name can take long, and fail before anything is waited for: turns are given in between.
            clearWakeup()
            let (broker, limit) = (rotation.broker, rotation.limit)
            let acknowledgementLimit = rotation.acknowledgementLimit
            let files = shared.withLock { $0.files }
            let made = routes.attempt(
                broker, settings, limit: limit, wakeup: wakeup,
                interruption: {
                    clearWakeup()
                    return interruption(files)
                },
                use: { session, giveUp in
                    var connectedAt: Instant?
                    let fault = use(
                        session, of: broker, until: giveUp, (limit, acknowledgementLimit), files, &subscriptions,
                        &connectedAt)
                    return BrokerRoutes.End(fault: fault, acceptedAt: connectedAt)
                })
            var end = BrokerRotation.End(fault: made.fault, lasted: made.acceptedAt.map { .now - $0 })
            let denied = subscriptions.ended(isClosing: end.fault.isClosing, at: .now)
            shared.withLock {
                end.wasSubscribed = $0.connected
                ($0.connected, $0.outgoing) = (false, [])
                // The hurry to come back ends here: it does not shorten a later pause.
                if end.fault == .leftToReturn { $0.hurry = false }
            }
            if shared.withLock({ $0.stopping }) { break }
            if let denied {
                let reason = BrokerFault.closedAtSubscribing(denied)
                if subscriptions.required.contains(denied) {
                    end.fault = reason
                } else {
                    happened(.notSubscribed(reason))
                }
            }
            let (fault, pause) = rotation.ended(end, using: &generator)
            happened(.lost(broker, fault))
            if pause > .zero { wait(pause) }
        }
        shared.withLock { $0.stopped = true }
    }

    /// What may be published now, in its order.
    private func takeOutgoing(_ room: Int) -> [Outgoing] {
        guard room > 0 else { return [] }
        return shared.withLock { shared in
            let taken = Array(shared.outgoing.prefix(room))
            shared.outgoing.removeFirst(taken.count)
            return taken
        }
    }

    func clearWakeup() {
        var count: UInt64 = 0
        Glibc.read(wakeup, &count, 8)
        let turns = shared.withLock { shared in
            defer { shared.turns = [] }
            return shared.turns
        }
        for done in turns { done() }
    }

    /// Why to disconnect, or to stop connecting; nil: it goes on.
    /// - Parameter files: how often the files had changed when the attempt began.
    private func interruption(_ files: Int) -> BrokerFault? {
        shared.withLock { $0.stopping ? .closed : $0.files != files ? .leftToReturn : nil }
    }

    /// One connection to its end.
    private func use(
        _ session: BrokerSession, of broker: BrokerAddress, until giveUp: Instant,
        _ limits: (answer: Duration, acknowledgement: Duration), _ files: Int, _ subscriptions: inout SubscriptionPlan,
        _ connectedAt: inout Instant?
    ) -> BrokerFault {
        var giveUp = giveUp
        do throws(BrokerFault) {
            var written: [@Sendable () -> Void] = []
            while true {
                if let fault = interruption(files) {
                    session.sayGoodbye()
                    return fault
                }
                try round(session, isConnected: connectedAt != nil, limits.acknowledgement)
                let collected = session.take()
                if !collected.acknowledged.isEmpty { happened(.acknowledged(collected.acknowledged)) }
                // Another client with our id may take the session at once: then both come together.
                if collected.connected { connectedAt = .now }
                if let fault = collected.fault { return fault }
                if collected.connected {
                    let ends = session.certificateEnds
                    shared.withLock { $0.certificates[broker] = ends }
                    if !collected.hasSession { shared.withLock { _ = $0.newSessions.insert(broker) } }
                    subscriptions.begin()
                }
                // Many filters may be requested one at a time.
                if !collected.grants.isEmpty { giveUp = .now + limits.answer }
                try note(collected.grants, &subscriptions)
                // Reported only when the broker has answered for every filter: from then on no published message is missed.
                if subscriptions.isComplete, !shared.withLock({ $0.connected }) {
                    let (connection, hasSession) = shared.withLock { shared in
                        shared.connection += 1
                        shared.connected = true
                        return (shared.connection, shared.newSessions.remove(broker) == nil)
                    }
                    happened(.connected(broker, connection: connection, hasSession: hasSession))
                }
                updateFilters(&subscriptions)
                try session.subscribe(to: subscriptions.next(at: .now))
                guard shared.withLock({ $0.connected }) || .now < giveUp else { return .silent }
                if let fault = unacknowledged(session, limits.acknowledgement) { return fault }
                if !collected.messages.isEmpty, !deliver(collected.messages) { return .notKept }
                for message in takeOutgoing(session.room) {
                    try session.publish(message)
                    if let isWritten = message.isWritten { written.append(isWritten) }
                }
                // Only now are the acknowledgements of this batch sent. Before that, the socket is checked first.
                if connectedAt != nil, session.wantsToWrite { try session.write() }
                if !written.isEmpty, !session.wantsToWrite {
                    for done in written { done() }
                    written = []
                }
            }
        } catch {
            // The end may have been read together with acknowledgements that came before it.
            let last = session.take()
            if last.connected { connectedAt = .now }
            if !last.acknowledged.isEmpty { happened(.acknowledged(last.acknowledged)) }
            return error
        }
    }
}
