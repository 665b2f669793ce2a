import BootTime

/// Which broker of the list is tried next, after which pause, and how long it may take to answer. A value: no socket, no clock; the
/// caller gives the randomness.
///
/// After a connection that is lost, the others are tried after a short random pause each, so that a thousand clients of a broker do not
/// reach the next one together. Only when all have failed in a row is there a longer one. Both grow with each round of the list, until a
/// connection has lasted.
struct BrokerRotation: Sendable {
    /// How an attempt or a connection has ended.
    struct End: Sendable {
        var fault: BrokerFault
        /// How long it has lasted since the broker accepted us; nil: it never did.
        var lasted: Duration?
        /// Whether the broker had granted the subscriptions.
        var wasSubscribed = false
    }

    /// The pause of a failover grows up to so many times the first one. More: a broker that is well is reached later.
    private static let maximumFailover = 8
    /// The time limit grows up to so many times the first one. More: a broker that hangs is given up later.
    private static let maximumLimit = 8
    /// Connections that one broker has closed soon, with nothing but such ends at the others meanwhile, that another client with our id
    /// would explain.
    static let suspicious = 3
    /// What is closed later than this does not count: another client with our id returns sooner, after its own short pauses. Longer: the
    /// restarts of a broker count.
    static let soon = Duration.seconds(10)

    /// The brokers in the order in which they are tried.
    let brokers: [BrokerAddress]
    private let settings: BrokerLink.Settings
    private var place = 0
    /// Attempts that have failed since a connection lasted.
    private var failures = 0
    /// Of these, the ones that took too long.
    private var timeouts = 0
    /// Connections that ended because the broker acknowledged nothing, since one lasted.
    private var unacknowledged = 0
    /// Connections that each broker has closed soon. Any other end, at any of them, is another explanation: then it is counted again.
    private var soonEnded: [BrokerAddress: Int] = [:]

    /// Nothing is known of any broker.
    init(_ settings: BrokerLink.Settings, using generator: inout some RandomNumberGenerator) {
        self.settings = settings
        switch settings.order {
        case .listed: brokers = settings.brokers
        // The whole list: otherwise all clients of a broker that is lost would go to the one that is listed after it.
        case .random: brokers = settings.brokers.shuffled(using: &generator)
        }
    }

    /// The one to try now.
    var broker: BrokerAddress { brokers[place] }

    /// How long it may take to accept us, over each address, and then to grant the subscriptions.
    var limit: Duration {
        settings.connectLimit * min(1 << min(timeouts, 16), BrokerRotation.maximumLimit)
    }

    /// How long it may acknowledge nothing while a message waits for that.
    var acknowledgementLimit: Duration {
        settings.acknowledgementLimit * min(1 << min(unacknowledged, 16), BrokerRotation.maximumLimit)
    }

    /// An attempt or a connection has ended: the next broker follows.
    /// - Returns: what to report, and how long to wait before the next attempt.
    mutating func ended(
        _ end: End, using generator: inout some RandomNumberGenerator
    ) -> (fault: BrokerFault, pause: Duration) {
        // We have left in order to come back to this one.
        if end.fault == .leftToReturn { return (end.fault, .zero) }
        let isSettled = end.lasted.map { $0 >= BrokerLink.settled } ?? false
        if isSettled { (failures, timeouts, unacknowledged) = (0, 0, 0) }
        if end.fault == .silent, !end.wasSubscribed { timeouts += 1 }
        if case .unacknowledged = end.fault { unacknowledged += 1 }
        if end.fault == .closed, let lasted = end.lasted, lasted < BrokerRotation.soon {
            soonEnded[broker, default: 0] += 1
        } else {
            soonEnded = [:]
        }
        let isTaken = soonEnded[broker, default: 0] >= BrokerRotation.suspicious
        let fault = isTaken ? .closedAgainAndAgain(clientID: settings.clientID) : end.fault
        place = (place + 1) % brokers.count
        failures += 1
        let growth = 1 << min((failures - 1) / brokers.count, 16)
        let isRoundOver = failures % brokers.count == 0
        let bound = min(
            settings.initialRetry * (isRoundOver ? growth : min(growth, BrokerRotation.maximumFailover)),
            settings.maximumRetry)
        return (fault, .milliseconds(Int64.random(in: 0...max(1, bound.wholeMilliseconds), using: &generator)))
    }
}
