import Glibc
import Synchronization

extension BrokerLink {
    /// Whether a broker takes us with these files: TLS, and its answer to CONNECT, since with TLS 1.3 a client certificate
    /// is looked at only after the handshake. It goes under a client id of its own and leaves no session, so that a beacon
    /// that is connected meanwhile is not disturbed. The brokers are tried in turn until one answers.
    /// - Throws: `BrokerFault`: of the last broker.
    public static func tryOut(
        _ brokers: [BrokerAddress], clientID: String, tls: TLSFiles
    ) throws(BrokerFault) {
        try tls.check()
        var fault = BrokerFault.silent
        for broker in brokers {
            fault = .silent
            var settings = Settings(
                brokers: [broker], clientID: clientID + "-trial", tls: tls, subscriptions: [], longestPayload: 0)
            settings.keepsSession = false
            let answer = Mutex<BrokerFault??>(nil)
            let link = BrokerLink(settings) { _ in
                true
            } happened: { happening in
                switch happening {
                case .connected: answer.withLock { $0 = $0 ?? .some(nil) }
                case .lost(_, let fault): answer.withLock { $0 = $0 ?? fault }
                case .acknowledged: break
                }
            }
            link.start()
            let giveUp = bootNanoseconds() + settings.connectLimit.inNanoseconds + 5_000_000_000
            while answer.withLock({ $0 == nil }), bootNanoseconds() < giveUp { usleep(5_000) }
            link.stop()
            guard let found = answer.withLock({ $0 }) else { continue }
            // Another client id than it wants: but it has looked at the certificate by then.
            guard let why = found, why != .refused(code: 2) else { return }
            if case .certificateRefused = why { throw why }
            fault = why
        }
        throw fault
    }
}
