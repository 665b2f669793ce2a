import Broker
import EventLoop
import Logging
import Observing
import SRUP

/// What the daemon needs of its way to the brokers, which has a thread of its own. From any thread.
protocol BrokerConnecting: AnyObject, Sendable {
    func start()
    /// Publishes over the connection of that number, and does nothing where it has ended.
    func publish(_ messages: [Outgoing], over connection: Int)
    /// Tries the next broker now.
    func hurry()
    /// Disconnects and reconnects at once, with the changed files.
    func reconnect()
    /// Calls `done` at the next turn of the link's thread.
    func turn(_ done: @escaping @Sendable () -> Void)
    /// When each broker's certificate expires, in seconds since 1970, as the last connection to it has shown.
    var brokerCertificates: [BrokerAddress: Int64] { get }
    /// Returns when the broker has been told, or two seconds have passed.
    func stop()
}

extension BrokerLink: BrokerConnecting {}

/// Messages to the brokers: published, published again from the outbox, acknowledged; and whether a broker is connected.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class BrokerPort: @unchecked Sendable {
    /// Whether a broker is connected.
    enum State: Equatable {
        case connecting
        case connected(BrokerAddress, connection: Int)
        case lost(BrokerAddress, BrokerFault)
    }

    /// What the port needs of the journal.
    struct Outlets {
        /// What this broker must get, in the order in which it was signed: what no broker has acknowledged, and of the last minutes what
        /// only others have; nil where it cannot be read.
        let outbox: (BrokerAddress) -> [Publishing.Queued]?
        /// Records that a broker has these messages.
        /// - Returns: the observations whose answers were among them for the first time; nil where it could not be recorded.
        let delivered: ([Int64], BrokerAddress) -> [(exchange: RequestID, device: Identifier)]?
        /// A broker has no session of ours: what it had acknowledged may be lost with the session that it had.
        let forgotten: (BrokerAddress) -> Void
    }

    private(set) var state = State.connecting
    private(set) var link: (any BrokerConnecting)?
    private let events: EventLog
    private let outlets: Outlets
    private let clock: any LoopClock
    private(set) lazy var publishing = Publishing(
        clock: clock, events: events,
        outlets: Publishing.Outlets(
            outbox: { [unowned self] in connected.map { outlets.outbox($0) } ?? nil },
            send: { [unowned self] in send($0) }))
    /// What was logged about each broker since the last connection: it is not logged again at each attempt.
    private var faults: [BrokerAddress: BrokerFault] = [:]

    init(events: EventLog, clock: any LoopClock, outlets: Outlets) {
        (self.events, self.clock, self.outlets) = (events, clock, outlets)
    }

    var isConnected: Bool { connected != nil }

    /// The broker that is connected.
    private var connected: BrokerAddress? { if case .connected(let address, _) = state { address } else { nil } }

    /// One line for people.
    var message: String {
        switch state {
        case .connecting: "connecting"
        case .connected(let address, _): "connected to \(address)"
        case .lost(let address, let fault): "\(address): \(fault.message)"
        }
    }

    func start(_ link: any BrokerConnecting) {
        self.link = link
        link.start()
    }

    /// Publishes over the connection that is there; what cannot go now goes from the outbox later.
    func publish(_ new: [Publishing.Queued]) { if isConnected { publishing.publish(new) } }

    /// Everything that the broker must get.
    func publishOutbox() { if isConnected { publishing.begin() } }

    private func send(_ messages: [Outgoing]) {
        if case .connected(_, let connection) = state { link?.publish(messages, over: connection) }
    }

    /// Events of the broker link.
    func take(_ event: BrokerLink.Event) {
        switch event {
        case .connected(let address, let connection, let hasSession):
            if !hasSession { outlets.forgotten(address) }
            events.logger.notice("connected to the broker \(address)", metadata: .of("broker-connected"))
            state = .connected(address, connection: connection)
            faults = [:]
            publishOutbox()
        case .lost(let address, let newest):
            publishing.lost(newest)
            // A refusal may arrive before its reason: an end without a reason adds nothing to what is already known.
            let fault = newest == .closed ? faults[address] ?? newest : newest
            if faults.updateValue(fault, forKey: address) == fault {
                events.logger.debug("still not connected to \(address): \(fault.message)")
            } else {
                events.logger.warning(
                    "\(address): \(fault.message); hint: \(fault.hint(for: .beacon))", metadata: .of("broker-lost"))
            }
            state = .lost(address, fault)
        case .notSubscribed(let fault):
            // This beacon needs every filter that it has, so it adds none.
            events.logger.warning("\(fault.message); hint: \(fault.hint(for: .beacon))")
        case .acknowledged(let ids):
            Checkpoint.pass()
            let told = connected.map { outlets.delivered(ids, $0) ?? [] } ?? []
            publishing.acknowledged(ids)
            for (exchange, device) in told {
                events.say(
                    .info, about: "acknowledged",
                    "the broker has the answer to \(exchange.server) about \(device), token \(exchange.token)",
                    .of("acknowledged", exchange, device: device))
            }
        }
    }
}
