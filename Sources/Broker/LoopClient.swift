import CLinux
import CMosquitto
import EventLoop
import Glibc

/// One client's connection to a broker, driven by a loop of the caller's: for a process with many clients, which must not need a thread for
/// each. MQTT 3.1.1 over TLS, QoS 1, a clean session. It connects once; after `lost` it can be started again.
///
/// What is delivered counts as kept: it is acknowledged after `happened` has returned.
///
/// `@unchecked Sendable`: used on the loop's thread only.
package final class LoopClient: @unchecked Sendable {
    /// What a client reports, on the loop's thread.
    package enum Event: Sendable {
        /// The broker has accepted the connection; the subscriptions have been sent.
        case connected
        /// The broker has granted every subscription: from now on no message is missed.
        case subscribed
        /// These messages have come.
        case received([Incoming])
        /// The connection has ended, or was not made.
        case lost(BrokerFault)
    }

    private let loop: Loop
    private var settings: BrokerLink.Settings
    private let address: String
    private let happened: @Sendable (Event) -> Void
    private var session: BrokerSession?
    private var watch: Loop.Watch?
    private var socket: Int32 = -1
    private var watchesWriting = false
    private var isConnected = false
    private var ungranted: Set<String> = []

    /// Reads of one turn, so that a broker that sends without end does not keep the loop from the other clients.
    private static let readBatch = 8

    /// A client that has not been started.
    /// - Parameters:
    ///   - settings: the first broker counts, and the subscriptions, QoS 1.
    ///   - address: a numeric one of the broker's: `BrokerAddress.reach`.
    package init(
        _ loop: Loop, _ settings: BrokerLink.Settings, over address: String,
        happened: @escaping @Sendable (Event) -> Void
    ) {
        (self.loop, self.settings, self.address, self.happened) = (loop, settings, address, happened)
        self.settings.keepsSession = false
    }

    deinit { drop() }

    /// Whether the broker has granted every subscription.
    package var isReady: Bool { isConnected && ungranted.isEmpty }

    /// Begins to connect.
    package func start() {
        precondition(session == nil, "a client that is connected already")
        mosquitto_lib_init()
        (isConnected, ungranted) = (false, Set(settings.subscriptions))
        do throws(BrokerFault) {
            session = try BrokerSession(settings, settings.brokers[0], over: address)
            follow()
        } catch { happened(.lost(error)) }
    }

    /// Publishes with QoS 1; the message is lost where the client is not connected.
    package func publish(_ message: Outgoing) {
        guard isConnected else { return }
        perform { session throws(BrokerFault) in
            try session.publish(message)
            if session.wantsToWrite { try session.write() }
        }
    }

    /// Keeps the connection alive. To be called about once a second.
    package func tick() { perform { session throws(BrokerFault) in try session.tick() } }

    /// Ends the connection without a report.
    package func stop() {
        session?.sayGoodbye()
        drop()
    }

    private func drop() {
        if let watch { loop.unwatch(watch, socket) }
        (watch, socket, session, isConnected) = (nil, -1, nil, false)
    }

    private func perform(_ body: (BrokerSession) throws(BrokerFault) -> Void) {
        guard let session else { return }
        do throws(BrokerFault) {
            try body(session)
            follow()
        } catch {
            drop()
            happened(.lost(error))
        }
    }

    /// Watches for what libmosquitto waits for.
    private func follow() {
        guard let session else { return }
        let wantsToWrite = session.wantsToWrite
        guard watch == nil || wantsToWrite != watchesWriting else { return }
        if let watch { loop.unwatch(watch, socket) }
        (socket, watchesWriting) = (session.socket, wantsToWrite)
        let events = EPOLLIN.rawValue | (wantsToWrite ? EPOLLOUT.rawValue : 0)
        watch = loop.watch(socket, for: events) { [weak self] ready in self?.turn(ready) }
    }

    private func turn(_ ready: UInt32) {
        perform { session throws(BrokerFault) in
            let isReadable = ready & ~EPOLLOUT.rawValue != 0
            // Until the broker has answered, libmosquitto would spin on a dead socket (see BrokerLink.round).
            if !isConnected, ready & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
                throw session.take().fault ?? session.unreachable ?? .closed
            }
            if ready & EPOLLOUT.rawValue != 0, isConnected || !isReadable { try session.write() }
            guard isReadable else { return }
            var reads = 0
            repeat {
                try session.read()
                try note(session.take(), session)
                reads += 1
            } while self.session === session && session.isBuffered && reads < LoopClient.readBatch
            // Acknowledgements of what has been delivered.
            if self.session === session, isConnected, session.wantsToWrite { try session.write() }
        }
    }

    private func note(_ collected: BrokerSession.Collected, _ session: BrokerSession) throws(BrokerFault) {
        if let fault = collected.fault { throw fault }
        if collected.connected {
            isConnected = true
            try session.subscribe(to: settings.subscriptions)
            happened(.connected)
        }
        for (topic, granted) in collected.grants {
            // What comes with QoS 0 may be lost without a sign.
            guard granted == 1 || granted == 2 else {
                throw granted == 0 ? .subscriptionLowered(topic) : .subscriptionRefused(topic)
            }
            ungranted.remove(topic)
            if ungranted.isEmpty { happened(.subscribed) }
        }
        if !collected.messages.isEmpty { happened(.received(collected.messages)) }
    }
}
