import OperatorText

/// Why we are not connected to a broker: a message for the log and for `status`, and what to do about it.
public enum BrokerFault: OperatorError, Equatable {
    /// The name has no address.
    case unknownHost(String)
    /// No connection: the system's error text.
    case unreachable(String)
    /// A certificate of the broker's chain is not accepted.
    case untrusted(CertificateFault)
    /// The broker does not accept our certificate: the TLS alert it sent.
    case certificateRefused(alert: Int)
    /// The broker ended TLS for another reason: the TLS alert it sent.
    case alert(Int)
    /// TLS failed in some other way: OpenSSL's error text.
    case tls(String)
    /// The broker answered CONNECT with this code.
    case refused(code: Int)
    /// The broker does not let us subscribe.
    case subscriptionRefused(String)
    /// The broker has granted this filter with QoS 0 only.
    case subscriptionLowered(String)
    /// The broker closes the connection when we subscribe to this filter.
    case closedAtSubscribing(String)
    /// The connection ended.
    case closed
    /// We disconnected in order to reconnect with files that have changed.
    case leftToReturn
    /// The connection ended repeatedly soon after it was made.
    case closedAgainAndAgain(clientID: String)
    /// Nothing came for too long.
    case silent
    /// The broker has acknowledged nothing for so many seconds, and a message of ours waits for that.
    case unacknowledged(seconds: Int64)
    /// We could not store what was received, and disconnected so that the broker keeps it.
    case notKept
    /// The broker has sent far more than it has delivered.
    case excessive
    /// A certificate or key file of ours is not usable: which, and why.
    case badFile(String, TLSFileFault)

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .unknownHost(let host): "the broker's name \(host) has no address"
        case .unreachable(let why): "the broker cannot be reached: \(why)"
        case .untrusted(let fault): fault.message
        case .certificateRefused(let alert):
            "the broker does not accept our certificate: \(TLSAlert.numbered(alert).meaning) (TLS alert \(alert))"
        case .alert(let number): "\(TLSAlert.numbered(number).meaning) (TLS alert \(number))"
        case .tls(let why): "TLS with the broker failed: \(why)"
        case .refused(let code): "the broker refused us: \(BrokerFault.refusals[code] ?? "code \(code)")"
        case .subscriptionRefused(let topic): "the broker does not let us subscribe to \(topic)"
        case .subscriptionLowered(let topic):
            "the broker grants only QoS 0 for \(topic): it would lose what it cannot pass on at once"
        case .closedAtSubscribing(let topic):
            "the broker closed the connection repeatedly when this client subscribed to \(topic)"
        case .closed: "the connection to the broker ended"
        case .leftToReturn: "reconnecting to the broker"
        case .closedAgainAndAgain(let clientID):
            "the broker closed the connection repeatedly soon after it was made: another client may be using the client id \(clientID)"
        case .silent: "the broker did not answer in time"
        case .unacknowledged(let seconds): "the broker has not acknowledged a message within \(seconds) s"
        case .notKept: "disconnected from the broker: its messages could not be stored"
        case .excessive:
            "disconnected: the broker has sent far more than it has delivered: over \(BrokerTraffic.excessLimit >> 20) MiB"
        case .badFile(let path, let fault): "\(path) cannot be used for TLS: \(fault.message)"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .unknownHost: "correct \(names.brokerAddress), or fix name resolution on this machine"
        case .unreachable: "check that the broker runs, and that host and port in \(names.brokerAddress) are its own"
        case .untrusted(let fault): fault.hint(for: names)
        case .certificateRefused(let alert), .alert(let alert): TLSAlert.numbered(alert).check(names)
        case .tls: "check that the broker speaks TLS 1.2 or later on this port"
        case .refused(code: 2): "give each beacon its own \(names.clientID)"
        case .refused: "see the broker's log, and that its ACL knows this client certificate's name"
        case .subscriptionRefused(let topic): "let this client read \(topic) in the broker's ACL"
        case .subscriptionLowered:
            "allow QoS 1 at the broker: with mosquitto, take max_qos 0 out of the listener's configuration"
        case .closedAtSubscribing(let topic): "let this client read \(topic) in the broker's ACL"
        case .leftToReturn: "nothing: it reconnects at once"
        case .closed, .silent: "nothing: it is tried again; see the broker's log if it lasts"
        case .unacknowledged:
            "nothing: the message is published again; see the broker's log, and how busy its machine and disk are, if it lasts"
        case .closedAgainAndAgain(let clientID):
            "look for \(clientID) in the broker's log: if another address connects as this client, it is a copy of this one; stop it, and give its node keys of its own"
        case .notKept: "make the journal writable again; see the lines before this one"
        case .excessive: "read the broker's log: it sends messages that it does not finish, or one that is too large"
        case .badFile(let path, let fault): fault.hint(for: path, names)
        }
    }

    private static let refusals = [
        1: "it does not speak MQTT 3.1.1", 2: "it does not accept our client id", 3: "it is not available",
        4: "bad user name or password", 5: "we are not authorised",
    ]

    /// A fault from a line that libmosquitto logged about TLS: `… error:0A000418:SSL routines::tlsv1 alert unknown ca`.
    /// OpenSSL's reason numbers from 1000 on are alerts that the peer sent.
    static func tls(logged line: String, wasConnected: Bool = false) -> BrokerFault {
        let code = line.split(separator: ":").lazy.compactMap { $0.count == 8 ? UInt($0, radix: 16) : nil }.first
        let reason = code.map { Int($0 & 0x7F_FFFF) } ?? 0
        // 294: the connection ended without TLS's close_notify. Before CONNACK that indicates a peer that may not speak TLS.
        if reason == 294, wasConnected { return .closed }
        if (1_000...1_255).contains(reason) {
            let alert = reason - 1_000
            return TLSAlert.numbered(alert).isAboutOurCertificate ? .certificateRefused(alert: alert) : .alert(alert)
        }
        return .tls(line.split(separator: ":").last.map(String.init) ?? line)
    }
}
