import BootTime
import EventLoop
import Glibc
import Synchronization

/// A test of one broker, apart from the beacon's own connection.
extension BrokerLink {
    /// Whether a broker accepts us with these files: TLS, and its answer to CONNECT, since with TLS 1.3 a client certificate
    /// is looked at only after the handshake. The brokers are tried in turn until one answers.
    /// - Throws: `BrokerFault`: of the last broker.
    public static func tryOut(
        _ brokers: [BrokerAddress], clientID: String, tls: TLSFiles
    ) throws(BrokerFault) {
        try tls.check()
        var fault = BrokerFault.silent
        for broker in brokers {
            do throws(BrokerFault) {
                try visit(broker, clientID: clientID + "-trial", tls: tls)
                return
            } catch {
                // It wants another client id, but it has checked the certificate by then.
                if error == .refused(code: 2) { return }
                if case .certificateRefused = error { throw error }
                fault = error
            }
        }
        throw fault
    }

    /// The outcome of a publication.
    public enum Echo: Sendable {
        /// It came back over a subscription.
        case heard
        /// The broker has ended the connection.
        case ended
        /// Nothing.
        case none
    }

    /// Connects, subscribes, publishes one byte if wanted, and disconnects. It uses a client id of its own and
    /// leaves no session, so that a beacon that is connected meanwhile is not disturbed.
    /// - Parameter topics: are subscribed to.
    /// - Parameter published: where the byte goes; at QoS 1.
    /// - Returns: the outcome for the byte, within two seconds.
    /// - Throws: `BrokerFault`.
    @discardableResult
    public static func visit(
        _ broker: BrokerAddress, clientID: String, tls: TLSFiles, topics: [String] = [],
        publishingTo published: String? = nil
    ) throws(BrokerFault) -> Echo {
        var settings = Settings(
            brokers: [broker], clientID: clientID, tls: tls, subscriptions: topics, maximumPayload: 1)
        (settings.keepsSession, settings.initialRetry) = (false, .milliseconds(200))
        return try visit(settings, publishingTo: published)
    }

    static func visit(_ settings: Settings, publishingTo published: String?) throws(BrokerFault) -> Echo {
        struct Seen {
            var answer: BrokerFault??
            var echo = Echo.none
            /// Connections that ended without a reason: the second one tells whether it was the subscription.
            var ends = 0
        }
        let seen = Mutex(Seen())
        let link = BrokerLink(settings) { messages in
            if messages.contains(where: { $0.topic == published }) { seen.withLock { $0.echo = .heard } }
            return true
        } happened: { happening in
            switch happening {
            case .connected: seen.withLock { $0.answer = $0.answer ?? .some(nil) }
            case .lost(_, let fault):
                seen.withLock {
                    if $0.answer != nil, $0.echo == .none { $0.echo = .ended }
                    $0.ends += 1
                    if !fault.isClosing || $0.ends > 1 || settings.subscriptions.isEmpty {
                        $0.answer = $0.answer ?? fault
                    }
                }
            case .acknowledged, .notSubscribed: break
            }
        }
        link.start()
        defer { link.stop() }
        // One attempt goes over each address of the name.
        let giveUp = Instant.now + settings.connectLimit * HostAddresses.limit + .seconds(5)
        while seen.withLock({ $0.answer == nil }), .now < giveUp { usleep(5_000) }
        guard let answer = seen.withLock({ $0.answer }) else { throw .silent }
        if let answer { throw answer }
        guard let published else { return .none }
        link.publish([Outgoing(id: 1, topic: published, payload: [0])], over: 1)
        let enough = Instant.now + .seconds(2)
        while seen.withLock({ $0.echo == .none }), .now < enough { usleep(5_000) }
        return seen.withLock { $0.echo }
    }
}
