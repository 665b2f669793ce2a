import BootTime

/// The addresses of the brokers' names: which of them did not work last, so that an attempt begins with another one.
///
/// Used on the broker link's thread only.
struct BrokerRoutes {
    /// How a connection that was made has ended.
    struct End {
        let fault: BrokerFault
        /// When the broker accepted us; nil: never.
        var acceptedAt: Instant?
    }

    /// What is known against an address, from its last use.
    private enum Doubt {
        /// The broker accepted us, and the connection soon ended.
        case endedSoon
        /// It did not get that far, or another address was faster.
        case failed
    }

    private var doubts: [BrokerAddress: [String: Doubt]] = [:]

    /// One attempt to use a broker: over one address after the other, until the broker has accepted us over one.
    /// - Parameters:
    ///   - limit: how long each address may take to accept us.
    ///   - wakeup: a descriptor that ends a wait, so that `interruption` is asked.
    ///   - interruption: why to stop.
    ///   - use: uses a connection to its end; it must be accepted by that moment.
    mutating func attempt(
        _ broker: BrokerAddress, _ settings: BrokerLink.Settings, limit: Duration, wakeup: Int32,
        interruption: () -> BrokerFault?, use: (BrokerSession, Instant) -> End
    ) -> End {
        do throws(BrokerFault) {
            var race = AddressRace(ordered(try settings.lookUp(broker.host), of: broker))
            while true {
                let giveUp = Instant.now + limit
                let (address, session, beaten) = try race.run(
                    wakeup: wakeup, until: giveUp, interruption: interruption
                ) { address throws(BrokerFault) in try BrokerSession(settings, broker, over: address) }
                for one in beaten { doubts[broker]?[one] = .failed }
                let end = use(session, giveUp)
                if interruption() != nil { return end }
                let isSettled = end.acceptedAt.map { .now - $0 >= BrokerLink.settled } ?? false
                doubts[broker]?[address] = isSettled ? nil : end.acceptedAt == nil ? .failed : .endedSoon
                if end.acceptedAt != nil { return end }
                race.failed(address, end.fault, wasReached: true)
            }
        } catch {
            return End(fault: error)
        }
    }

    /// Those against which least is known come first.
    private mutating func ordered(_ addresses: [String], of broker: BrokerAddress) -> [String] {
        let known = doubts[broker, default: [:]].filter { addresses.contains($0.key) }
        doubts[broker] = known
        return [nil, .endedSoon, .failed].flatMap { doubt in addresses.filter { known[$0] == doubt } }
    }
}
