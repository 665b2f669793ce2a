import BootTime
import CMosquitto
import COpenSSL
import EventLoop
import Glibc

/// A message from the broker.
public struct Incoming: Equatable, Sendable {
    /// Where it was published.
    public let topic: String
    /// Its payload, cut one byte after the limit: a longer one is refused, not kept.
    public let payload: [UInt8]
}

/// A message to the broker, with a number by which its acknowledgement is reported.
public struct Outgoing: Sendable {
    /// Names the message in `acknowledged`.
    public let id: Int64
    /// Where to publish.
    public let topic: String
    /// What to publish.
    public let payload: [UInt8]
    /// Called on the link's thread once it has been written to the broker's connection.
    public var isWritten: (@Sendable () -> Void)?

    /// A message to be published.
    public init(id: Int64, topic: String, payload: [UInt8]) {
        (self.id, self.topic, self.payload) = (id, topic, payload)
    }
}

/// One connection with one libmosquitto instance, driven by hand so that nothing is acknowledged before it is kept:
/// `mosquitto_threaded_set` makes libmosquitto queue its PUBACKs until our own `mosquitto_loop_write`. Used on one thread.
///
/// The instance ends with the connection: libmosquitto keeps no memory of its own of what was sent or received.
final class BrokerSession: Contender {
    /// What the callbacks have collected since it was last taken.
    struct Collected {
        var messages: [Incoming] = []
        var acknowledged: [Int64] = []
        var connected = false
        /// Whether the broker has had a session of ours.
        var hasSession = false
        /// The answers to SUBSCRIBE: 0 to 2, or 128 for a refusal.
        var grants: [(topic: String, qos: UInt8)] = []
        var fault: BrokerFault?
    }

    /// Messages of one batch, except for those that end in the same TLS record: more would let one commit, and one loss, grow
    /// without bound.
    static let batchLimit = 64
    /// Messages of ours that libmosquitto has at once. It would keep the others in its own memory, and read more for it.
    static let inFlightLimit = 20

    private let settings: BrokerLink.Settings
    private let tls: TLSContext
    private let traffic = BrokerTraffic(at: .now)
    private let mosquitto: OpaquePointer
    private var identifiers: [Int32: Int64] = [:]
    /// Since when the broker has acknowledged nothing, while a message waits for that; nil: none does.
    private(set) var unansweredSince: Instant?
    private var collected = Collected()
    private var tlsTrouble: String?
    private var wasConnected = false
    /// The filters without an answer, by the number of their SUBSCRIBE.
    private var requested: [Int32: String] = [:]
    private var knownError: Int32?

    /// Begins a connection.
    /// - Parameter address: numeric: one of those that the broker's name has.
    init(_ settings: BrokerLink.Settings, _ broker: BrokerAddress, over address: String) throws(BrokerFault) {
        self.settings = settings
        tls = try TLSContext(settings.tls, host: broker.host, keyLog: settings.keyLog)
        guard let made = mosquitto_new(settings.clientID, !settings.keepsSession, nil) else {
            preconditionFailure("libmosquitto made no client: errno \(errno)")
        }
        mosquitto = made
        mosquitto_user_data_set(mosquitto, Unmanaged.passUnretained(self).toOpaque())
        mosquitto_threaded_set(mosquitto, true)
        mosquitto_int_option(mosquitto, MOSQ_OPT_TCP_NODELAY, 1)  // otherwise a verdict waits 40 ms for an ACK
        // Without this libmosquitto sets its own options, for which it requires a CA file of its own.
        mosquitto_int_option(mosquitto, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0)
        mosquitto_void_option(mosquitto, MOSQ_OPT_SSL_CTX, UnsafeMutableRawPointer(tls.handle))
        setCallbacks()
        errno = 0
        let result = mosquitto_connect_async(mosquitto, address, Int32(broker.port), Int32(settings.keepAlive))
        // It writes at once, and that removes the error of a refused connection from the socket.
        if [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(errno) { knownError = errno }
        guard result == MOSQ_ERR_SUCCESS.rawValue else { throw explain(result) }
    }

    deinit { mosquitto_destroy(mosquitto) }

    var socket: Int32 { mosquitto_socket(mosquitto) }

    var wantsToWrite: Bool { mosquitto_want_write(mosquitto) }

    /// When the broker's certificate expires, in seconds since 1970, as TLS has received it; nil before that.
    var certificateEnds: Int64? {
        guard let ssl = mosquitto_ssl_get(mosquitto), let certificate = SSL_get0_peer_certificate(OpaquePointer(ssl))
        else { return nil }
        return cossl_seconds(X509_get0_notAfter(certificate))
    }

    /// What has come since the last call.
    func take() -> Collected {
        defer { collected = Collected() }
        return collected
    }

    /// How many more messages may be published before the broker has acknowledged some.
    var room: Int { BrokerSession.inFlightLimit - identifiers.count }

    /// Whether something has been read from the socket and not handled yet: poll does not report it.
    var isBuffered: Bool { mosquitto_ssl_get(mosquitto).map { SSL_pending(OpaquePointer($0)) > 0 } ?? false }

    /// To these filters, QoS 1.
    func subscribe(to topics: [String]) throws(BrokerFault) {
        for topic in topics {
            var identifier: Int32 = 0
            let result = mosquitto_subscribe(mosquitto, &identifier, topic, 1)
            guard result == MOSQ_ERR_SUCCESS.rawValue else { throw explain(result) }
            requested[identifier] = topic
        }
    }

    func publish(_ message: Outgoing) throws(BrokerFault) {
        var identifier: Int32 = 0
        let result = mosquitto_publish(
            mosquitto, &identifier, message.topic, Int32(message.payload.count), message.payload, 1, false)
        guard result == MOSQ_ERR_SUCCESS.rawValue else { throw explain(result) }
        if identifiers.isEmpty { unansweredSince = .now }
        identifiers[identifier] = message.id
    }

    /// Reads what is there, at most one batch and one round's bytes; the callbacks only collect.
    func read() throws(BrokerFault) {
        traffic.beginRound(at: .now)
        defer { traffic.endRound() }
        repeat {
            if let ssl = mosquitto_ssl_get(mosquitto) { traffic.watch(OpaquePointer(ssl)) }
            let result = mosquitto_loop_read(mosquitto, 1)
            guard result == MOSQ_ERR_SUCCESS.rawValue else { throw explain(result) }
        } while !traffic.isSpent && collected.messages.count < BrokerSession.batchLimit && moreIsWaiting
        if traffic.isExcessive { throw .excessive }
    }

    private var moreIsWaiting: Bool {
        if isBuffered { return true }
        var one = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&one, 1, 0) > 0 && one.revents == Int16(POLLIN)
    }

    /// Writes what is queued: acknowledgements of what has been kept, and our own messages.
    func write() throws(BrokerFault) {
        let result = mosquitto_loop_write(mosquitto, 1)
        guard result == MOSQ_ERR_SUCCESS.rawValue else { throw explain(result) }
    }

    /// Keeps the connection alive.
    func tick() throws(BrokerFault) {
        let result = mosquitto_loop_misc(mosquitto)
        guard result == MOSQ_ERR_SUCCESS.rawValue else { throw explain(result) }
    }

    /// Sends DISCONNECT, so that the broker does not consider the connection lost.
    func sayGoodbye() {
        mosquitto_disconnect(mosquitto)
        for _ in 0..<16 where wantsToWrite { _ = mosquitto_loop_write(mosquitto, 1) }
    }

    /// What an error of libmosquitto's means, with what OpenSSL and the system say about it.
    func explain(_ result: Int32) -> BrokerFault {
        let number = errno
        if let refusal = tls.refusal { return refusal }
        if let tlsTrouble { return .tls(logged: tlsTrouble, wasConnected: wasConnected) }
        if let fault = collected.fault { return fault }
        switch result {
        // libmosquitto's number for "TLS failed" when OpenSSL reports no error: the connection was closed.
        case MOSQ_ERR_ERRNO.rawValue where number == EPROTO: return .closed
        case MOSQ_ERR_ERRNO.rawValue: return .unreachable(String(cString: strerror(number)))
        case MOSQ_ERR_KEEPALIVE.rawValue: return .silent
        case MOSQ_ERR_CONN_LOST.rawValue, MOSQ_ERR_NO_CONN.rawValue, MOSQ_ERR_CONN_REFUSED.rawValue:
            return unreachable ?? .closed
        default: return .tls(String(cString: mosquitto_strerror(result)))
        }
    }

    /// The error that the socket has met. The system tells it once only.
    var socketError: Int32? {
        var (error, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        if socket >= 0 { getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) }
        if error != 0 { knownError = error }
        return knownError
    }

    /// That error, in the system's words.
    var unreachable: BrokerFault? { socketError.map { .unreachable(String(cString: strerror($0))) } }

    // MARK: - Callbacks: they collect, and decide nothing

    private func setCallbacks() {
        mosquitto_connect_with_flags_callback_set(mosquitto) { _, me, code, flags in
            if code == 0 {
                BrokerSession.from(me)?.collected.connected = true
                BrokerSession.from(me)?.collected.hasSession = flags & 1 != 0
                BrokerSession.from(me)?.wasConnected = true
            } else {
                BrokerSession.from(me)?.collected.fault = .refused(code: Int(code))
            }
        }
        mosquitto_message_callback_set(mosquitto) { _, me, message in
            guard let message = message?.pointee, let session = BrokerSession.from(me) else { return }
            let kept = min(Int(message.payloadlen), session.settings.maximumPayload + 1)
            let payload = UnsafeRawBufferPointer(start: message.payload, count: kept)
            let topic = String(cString: message.topic)
            session.traffic.delivered(Int(message.payloadlen) + topic.utf8.count)
            session.collected.messages.append(Incoming(topic: topic, payload: Array(payload)))
        }
        mosquitto_publish_callback_set(mosquitto) { _, me, identifier in
            guard let session = BrokerSession.from(me) else { return }
            if let id = session.identifiers.removeValue(forKey: identifier) {
                session.traffic.delivered(0)
                session.unansweredSince = session.identifiers.isEmpty ? nil : .now
                session.collected.acknowledged.append(id)
            }
        }
        mosquitto_subscribe_callback_set(mosquitto) { _, me, identifier, count, granted in
            guard let session = BrokerSession.from(me), let granted, count > 0,
                let topic = session.requested.removeValue(forKey: identifier)
            else { return }
            session.collected.grants.append((topic, UInt8(clamping: granted[0])))
        }
        mosquitto_log_callback_set(mosquitto) { _, me, level, text in
            guard level == MOSQ_LOG_ERR, let text, let session = BrokerSession.from(me) else { return }
            let line = String(cString: text)
            if line.contains("OpenSSL Error"), session.tlsTrouble == nil { session.tlsTrouble = line }
        }
    }

    private static func from(_ pointer: UnsafeMutableRawPointer?) -> BrokerSession? {
        pointer.map { Unmanaged<BrokerSession>.fromOpaque($0).takeUnretainedValue() }
    }
}
