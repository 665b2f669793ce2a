import BootTime
import EventLoop

/// Which of a name's addresses is tried when (RFC 8305, section 5): the next one at once when one has failed, and beside the
/// others when they have been silent for a while. As a value: no socket, no clock.
struct AddressRace {
    /// How long the addresses that are being tried are waited for before the next one is tried beside them; RFC 8305, section 8.
    static let stagger = Duration.milliseconds(250)

    /// What to do next.
    enum Step: Equatable {
        /// Begin a connection to this address.
        case begin(String)
        /// Wait for those that have begun; until then, if there is another one to begin.
        case wait(until: Instant?)
        /// Every address has failed.
        case over
    }

    private struct Failure {
        let address: String
        let fault: BrokerFault
        /// Whether it had taken a TCP connection.
        let wasReached: Bool
    }

    private var waiting: [String]
    private var underWay: [String] = []
    private var nextAt = Instant.boot
    private var failures: [Failure] = []

    /// A race of these addresses, of which the first is preferred.
    init(_ addresses: [String]) { waiting = addresses }

    /// The next step; a `begin` counts as done.
    mutating func step(at now: Instant) -> Step {
        if let next = waiting.first, underWay.isEmpty || now >= nextAt {
            waiting.removeFirst()
            underWay.append(next)
            nextAt = now + AddressRace.stagger
            return .begin(next)
        }
        if underWay.isEmpty { return .over }
        return .wait(until: waiting.isEmpty ? nil : nextAt)
    }

    /// An address that was tried is of no use.
    /// - Parameter wasReached: whether it had taken a TCP connection.
    mutating func failed(_ address: String, _ fault: BrokerFault, wasReached: Bool = false) {
        underWay.removeAll { $0 == address }
        failures.append(Failure(address: address, fault: fault, wasReached: wasReached))
        nextAt = .boot
    }

    /// An address has taken a TCP connection: the others stop, and are tried again only if it fails after all.
    /// - Returns: the others that had begun.
    @discardableResult
    mutating func won(_ address: String) -> [String] {
        let beaten = underWay.filter { $0 != address }
        (waiting, underWay) = (waiting + beaten, [address])
        return beaten
    }

    /// The time is over: those that have begun have failed, and no other one begins.
    mutating func timedOut() {
        waiting = []
        for address in underWay { failed(address, .silent) }
    }

    /// Whether it has begun, and neither failed nor been beaten.
    func isUnderWay(_ address: String) -> Bool { underWay.contains(address) }

    /// What to report when it is over: of the address that came furthest.
    var fault: BrokerFault {
        let reached = failures.filter(\.wasReached)
        // The resolver may change its order each time: what is reported must not change with it.
        let first = reached.min {
            $0.fault.progress == $1.fault.progress ? $0.address < $1.address : $0.fault.progress > $1.fault.progress
        }
        if let first { return first.fault }
        let reasons = failures.map { ($0.address, $0.fault) }.sorted { $0.0 < $1.0 }
        guard let (_, one) = reasons.first else { return .silent }
        if reasons.allSatisfy({ $0.1 == one }) { return one }
        return .unreachable(reasons.map { "\($0.0): \(AddressRace.reason($0.1))" }.joined(separator: "; "))
    }

    private static func reason(_ fault: BrokerFault) -> String {
        if case .unreachable(let why) = fault { return why }
        return fault == .silent ? "no answer" : fault.message
    }
}

extension BrokerFault {
    /// How far the connection had come: of several faults the one that came furthest says most.
    fileprivate var progress: Int {
        switch self {
        case .refused, .subscriptionRefused, .subscriptionLowered, .closedAtSubscribing, .notKept, .leftToReturn,
            .excessive, .closedAgainAndAgain, .unacknowledged:
            5
        case .certificateRefused: 4
        case .untrusted: 3
        case .tls, .alert: 2
        case .silent, .closed: 1
        case .unknownHost, .unreachable, .badFile: 0
        }
    }
}
