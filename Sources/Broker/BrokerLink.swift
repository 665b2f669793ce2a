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

    /// Disconnects from the broker; returns when the thread has ended or two seconds have passed. From any other thread.
    public func stop() {
        shared.withLock { $0.stopping = true }
        wake()
        let deadline = Instant.now + .seconds(2)
        while !shared.withLock({ $0.stopped }), .now < deadline { usleep(2_000) }
    }

    private func wake() {
        var one: UInt64 = 1
        Glibc.write(wakeup, &one, 8)
    }

    // MARK: - The link's thread

    private func run() {
        var (attempt, failures, index) = (0, 0, 0)
        var (routes, subscriptions) = (BrokerRoutes(), SubscriptionPlan(required: settings.subscriptions))
        while !shared.withLock({ $0.stopping }) {
            // Looking up a name can take long, and fail before anything is waited for: turns are given in between.
            clearWakeup()
            let broker = settings.brokers[index % settings.brokers.count]
            index += 1
            let files = shared.withLock { $0.files }
            let end = routes.attempt(
                broker, settings, wakeup: wakeup,
                interruption: {
                    clearWakeup()
                    return interruption(files)
                },
                use: { session, giveUp in
                    var connectedAt: Instant?
                    let fault = use(session, of: broker, until: giveUp, files, &subscriptions, &connectedAt)
                    return BrokerRoutes.End(fault: fault, acceptedAt: connectedAt)
                })
            var (fault, connectedAt) = (end.fault, end.acceptedAt)
            let denied = subscriptions.ended(isClosing: fault.isClosing, at: .now)
            shared.withLock { ($0.connected, $0.outgoing) = (false, []) }
            if shared.withLock({ $0.stopping }) { break }
            let settled = connectedAt.map { .now - $0 >= BrokerLink.settled } ?? false
            (attempt, failures) = settled ? (0, 0) : (attempt + 1, connectedAt == nil ? 0 : failures + 1)
            if let denied {
                let reason = BrokerFault.closedAtSubscribing(denied)
                if subscriptions.required.contains(denied) { fault = reason } else { happened(.notSubscribed(reason)) }
            }
            if fault == .closed, failures >= 3 { fault = .closedAgainAndAgain(clientID: settings.clientID) }
            happened(.lost(broker, fault))
            // The others are tried at once: only after all of them have failed is there something to wait for.
            if index % settings.brokers.count == 0 { wait(attempt / settings.brokers.count) }
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
        _ session: BrokerSession, of broker: BrokerAddress, until giveUp: Instant, _ files: Int,
        _ subscriptions: inout SubscriptionPlan, _ connectedAt: inout Instant?
    ) -> BrokerFault {
        var giveUp = giveUp
        do throws(BrokerFault) {
            var written: [@Sendable () -> Void] = []
            while true {
                if let fault = interruption(files) {
                    session.sayGoodbye()
                    return fault
                }
                try round(session, isConnected: connectedAt != nil)
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
                if !collected.grants.isEmpty { giveUp = .now + settings.connectLimit }
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
                subscriptions.add(takeAdded())
                try session.subscribe(to: subscriptions.next(at: .now))
                guard shared.withLock({ $0.connected }) || .now < giveUp else { return .silent }
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

    /// Waits for something, and reads or writes it.
    private func round(_ session: BrokerSession, isConnected: Bool) throws(BrokerFault) {
        let interest = Int16(POLLIN) | (session.wantsToWrite ? Int16(POLLOUT) : 0)
        var descriptors = [
            pollfd(fd: session.socket, events: interest, revents: 0),
            pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
        ]
        // The wakeup descriptor says that something must be sent; libmosquitto's keep-alive wants to be called every few
        // seconds. It does not wait if bytes were read and not yet handled, because a round had reached its limit.
        let isBuffered = session.isBuffered
        poll(&descriptors, 2, isBuffered ? 0 : isConnected ? 2_000 : 200)
        if descriptors[1].revents != 0 { clearWakeup() }
        let readiness = descriptors[0].revents
        // Until the broker has answered, libmosquitto would spin on a dead socket forever (upstream #2421): what may
        // still be in it is read once, for the reason that it contains.
        if !isConnected, readiness & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 {
            let ended = session.unreachable ?? .closed
            do {
                try session.read()
            } catch {
                throw error == .closed ? ended : error
            }
            throw session.take().fault ?? ended
        }
        // Until then, too, reading comes before writing: a refusal explains why a write would fail. Nothing is written in
        // the same round, because acknowledgements may be waiting already.
        let readsOnly = !isConnected && readiness & Int16(POLLIN) != 0
        if readiness & Int16(POLLOUT) != 0, !readsOnly { try session.write() }
        if isBuffered || readiness & Int16(POLLIN | POLLHUP | POLLERR) != 0 { try session.read() }
        try session.tick()
    }
}
