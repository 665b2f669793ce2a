import Broker

/// Whether each broker still has the session that it had when this beacon was last connected, also before a restart.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class BrokerSessions: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// Whether a broker is known to have had a session; nil: that cannot be read.
        let isKnown: (_ session: String) -> Bool?
        /// Records that a broker has a session from now on.
        let note: (_ session: String) -> Void
        /// Seconds since 1970.
        let wallSeconds: () -> Int64
    }

    /// The last loss, and when it was noticed, in seconds since 1970.
    private(set) var lastLoss: (fault: SessionLost, at: Int64)?
    private let clientID: String
    private let events: EventLog
    private let outlets: Outlets

    init(clientID: String, events: EventLog, outlets: Outlets) {
        (self.clientID, self.events, self.outlets) = (clientID, events, outlets)
    }

    /// A broker has accepted the connection.
    /// - Parameter hasSession: as its CONNACK says. From now on it has one in either case.
    /// - Returns: whether it has lost one.
    @discardableResult
    func connected(to broker: BrokerAddress, hasSession: Bool) -> Bool {
        let session = "\(broker) \(clientID)"
        guard let isKnown = outlets.isKnown(session) else { return false }
        if !isKnown { outlets.note(session) }
        guard isKnown, !hasSession else { return false }
        let fault = SessionLost(broker: broker, clientID: clientID)
        lastLoss = (fault, outlets.wallSeconds())
        events.logger.warning(
            "\(fault.message); hint: \(fault.hint(for: .beacon))", metadata: .of("broker-session-lost"))
        return true
    }
}
