import COpenSSL
import Glibc
import Synchronization

/// One broker looked at from outside the beacon's own connection.
extension BrokerLink {
    /// Whether a broker takes us with these files: TLS, and its answer to CONNECT, since with TLS 1.3 a client certificate
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
                // Another client id than it wants: but it has looked at the certificate by then.
                if error == .refused(code: 2) { return }
                if case .certificateRefused = error { throw error }
                fault = error
            }
        }
        throw fault
    }

    /// What came of something that was published.
    public enum Echo: Sendable {
        /// It came back over a subscription.
        case heard
        /// The broker has ended the connection.
        case ended
        /// Nothing.
        case none
    }

    /// Connects, subscribes, publishes one byte where that is wanted, and leaves. It goes under a client id of its own and
    /// leaves no session, so that a beacon that is connected meanwhile is not disturbed.
    /// - Parameter topics: are subscribed to.
    /// - Parameter published: where the byte goes; at QoS 1.
    /// - Returns: what came of the byte, within two seconds.
    /// - Throws: `BrokerFault`.
    @discardableResult
    public static func visit(
        _ broker: BrokerAddress, clientID: String, tls: TLSFiles, topics: [String] = [],
        publishingTo published: String? = nil
    ) throws(BrokerFault) -> Echo {
        struct Seen {
            var answer: BrokerFault??
            var echo = Echo.none
        }
        var settings = Settings(
            brokers: [broker], clientID: clientID, tls: tls, subscriptions: topics, longestPayload: 1)
        settings.keepsSession = false
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
                    $0.answer = $0.answer ?? fault
                }
            case .acknowledged: break
            }
        }
        link.start()
        defer { link.stop() }
        let giveUp = bootNanoseconds() + settings.connectLimit.inNanoseconds + 5_000_000_000
        while seen.withLock({ $0.answer == nil }), bootNanoseconds() < giveUp { usleep(5_000) }
        guard let answer = seen.withLock({ $0.answer }) else { throw .silent }
        if let answer { throw answer }
        guard let published else { return .none }
        link.publish([Outgoing(id: 1, topic: published, payload: [0])], over: 1)
        let enough = bootNanoseconds() + 2_000_000_000
        while seen.withLock({ $0.echo == .none }), bootNanoseconds() < enough { usleep(5_000) }
        return seen.withLock { $0.echo }
    }
}

extension BrokerAddress {
    /// What the name stands for, as numbers.
    /// - Throws: `BrokerFault.unknownHost`.
    public func numericHosts() throws(BrokerFault) -> [String] {
        try eachAddress { address in
            var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    address.ai_addr, address.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST) == 0
            else { return nil }
            return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private func eachAddress<Result>(_ body: (addrinfo) -> Result?) throws(BrokerFault) -> [Result] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let list else { throw .unknownHost(host) }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0.pointee.ai_next }).compactMap { body($0.pointee) }
    }

    /// A connection that waits no longer than this for anything.
    private func connected(within seconds: Int) throws(BrokerFault) -> Int32 {
        var fault = BrokerFault.silent
        var found: Int32?
        _ = try eachAddress { address -> Void? in
            guard found == nil else { return nil }
            let socket = Glibc.socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else { return nil }
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
                setsockopt(socket, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            if connect(socket, address.ai_addr, address.ai_addrlen) == 0 {
                found = socket
            } else {
                fault = errno == EINPROGRESS ? .silent : .unreachable(String(cString: strerror(errno)))
                close(socket)
            }
            return nil
        }
        guard let found else { throw fault }
        return found
    }

    /// Whether somebody takes connections there.
    /// - Throws: `BrokerFault`: `.unknownHost`, `.unreachable`, `.silent`.
    public func reach() throws(BrokerFault) { close(try connected(within: 5)) }

    /// A TLS handshake: the version that was agreed on, and the time of the broker's certificate, in seconds since 1970.
    /// - Throws: `BrokerFault`.
    public func shakeHands(_ files: TLSFiles) throws(BrokerFault) -> (
        version: String, notBefore: Int64, notAfter: Int64
    ) {
        let context = try TLSContext(files, host: host)
        let socket = try connected(within: 5)
        defer { close(socket) }
        guard let ssl = SSL_new(context.handle) else { preconditionFailure("OpenSSL made no connection") }
        defer {
            SSL_free(ssl)
            ERR_clear_error()
        }
        cossl_set_host_name(ssl, host)
        SSL_set_fd(ssl, socket)
        guard SSL_connect(ssl) == 1, let certificate = SSL_get1_peer_certificate(ssl) else {
            let code = ERR_peek_error()
            throw context.refusal
                ?? (code == 0 ? .closed : .tls(logged: "error:" + hexadecimalCode(code) + ":" + words(code)))
        }
        defer { X509_free(certificate) }
        return (
            String(cString: SSL_get_version(ssl)), seconds(X509_get0_notBefore(certificate)),
            seconds(X509_get0_notAfter(certificate))
        )
    }

    private func words(_ code: UInt) -> String {
        ERR_reason_error_string(code).map { String(cString: $0) } ?? "no words"
    }

    private func hexadecimalCode(_ code: UInt) -> String {
        let digits = String(code, radix: 16)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }

    private func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        return ASN1_TIME_to_tm(time, &parts) == 1 ? Int64(timegm(&parts)) : 0
    }
}
