import BootTime
import Broker
import EventLoop

/// Where an outbox publishes.
package protocol MessagePublishing: AnyObject {
    /// Publishes over the connection of that number.
    func publish(_ messages: [Outgoing], over connection: Int)
}

extension BrokerLink: MessagePublishing {}

/// Messages for the broker: kept until the broker has acknowledged them, and published again over the next connection. A receiver detects
/// duplicates by their sequence ids. A topic at which the broker closes the connection again and again is set aside, and the others
/// are served.
package struct Outbox: Sendable {
    /// Bound on the kept messages; the oldest is dropped first. Without it, a bench without a broker would fill the memory.
    package static let limit = 4_096

    /// How long a message is published again to another broker than the one that has acknowledged it: that one may have lost it, or may not
    /// pass it on.
    package static let timeToRepublish = Duration.seconds(120)
    /// Bound on the acknowledged messages that are kept for that; the oldest is dropped first.
    package static let mostRepublished = 1_024

    /// A message that a broker has acknowledged.
    private struct Taken {
        let message: Outgoing
        let at: Instant
        var brokers: Set<BrokerAddress>
    }

    private var waiting: [Outgoing]
    private var taken: [Taken] = []
    /// The broker of the connection, or of the last one.
    private var broker: BrokerAddress?
    private var last: Int64
    private var connection: Int?
    private var plan = PublishPlan<String>()
    private let written = WrittenMessages()
    private let report: @Sendable (PublishPlan<String>.Finding) -> Void

    /// With the messages of an earlier run, in order.
    package init(
        _ left: [Outgoing] = [], report: @escaping @Sendable (PublishPlan<String>.Finding) -> Void = Outbox.print
    ) {
        (waiting, last) = (left, left.last?.id ?? 0)
        self.report = report
    }

    /// Whether the broker has acknowledged everything.
    package var isEmpty: Bool { waiting.isEmpty }

    /// Whether a message to a topic has not been acknowledged by the broker.
    package func waits(to topic: String) -> Bool { waiting.contains { $0.topic == topic } }

    /// When `goOn` may have something to publish.
    package var due: Instant? { plan.due }

    /// Assigns the next number to a message.
    package mutating func next(_ frame: [UInt8], on topic: String) -> Outgoing {
        last += 1
        return Outgoing(id: last, topic: topic, payload: frame)
    }

    /// Adds a message, and publishes it if the link is connected.
    package mutating func publish(_ message: Outgoing, over link: (any MessagePublishing)?, at now: Instant = .now) {
        waiting.append(message)
        if waiting.count > Outbox.limit { waiting.removeFirst() }
        send(plan.isHolding ? waiting : [message], over: link, at: now)
    }

    /// Connected: all waiting messages are published again, in order, and before them those that only other brokers have acknowledged
    /// lately.
    /// - Parameter hasSession: false if this broker has lost a session that it had: what only it has acknowledged may be lost too.
    package mutating func connected(
        _ connection: Int, to broker: BrokerAddress, hasSession: Bool = true, over link: (any MessagePublishing)?,
        at now: Instant = .now
    ) {
        (self.connection, self.broker) = (connection, broker)
        taken.removeAll { $0.at <= now - Outbox.timeToRepublish }
        if !hasSession {
            for index in taken.indices where taken[index].brokers == [broker] { taken[index].brokers = [] }
        }
        let known = Set(waiting.map(\.id))
        let others = taken.filter { !$0.brokers.contains(broker) && !known.contains($0.message.id) }.map(\.message)
        if !others.isEmpty { waiting = (others + waiting).sorted { $0.id < $1.id } }
        plan.connected(at: now)
        goOn(over: link, at: now)
    }

    /// The connection has ended.
    package mutating func lost(_ fault: BrokerFault, at now: Instant = .now) {
        connection = nil
        let written = written.take()
        plan.lost(isClosing: fault.isClosing, isWritten: { written.contains($0) }, at: now).forEach(report)
    }

    /// The broker has acknowledged these messages.
    package mutating func acknowledged(
        _ ids: [Int64], over link: (any MessagePublishing)?, at now: Instant = .now
    ) {
        let gone = Set(ids)
        for message in waiting where gone.contains(message.id) { keep(message, at: now) }
        waiting.removeAll { gone.contains($0.id) }
        let wasHolding = plan.isHolding
        plan.acknowledged(ids, at: now).forEach(report)
        if wasHolding { goOn(over: link, at: now) }
    }

    private mutating func keep(_ message: Outgoing, at now: Instant) {
        guard let broker else { return }
        if let index = taken.firstIndex(where: { $0.message.id == message.id }) {
            taken[index].brokers.insert(broker)
        } else {
            taken.append(Taken(message: message, at: now, brokers: [broker]))
            if taken.count > Outbox.mostRepublished { taken.removeFirst() }
        }
    }

    /// Earlier messages to a topic are out of date: what a broker has acknowledged of them is not published again.
    package mutating func renounce(topic: String) { taken.removeAll { $0.message.topic == topic } }

    /// Publishes what is due.
    package mutating func goOn(over link: (any MessagePublishing)?, at now: Instant = .now) {
        send(waiting, over: link, at: now)
    }

    private mutating func send(_ messages: [Outgoing], over link: (any MessagePublishing)?, at now: Instant) {
        guard let connection else { return }
        let (ids, findings) = plan.next(
            of: messages.map { .init(id: $0.id, lane: $0.topic, topic: $0.topic) }, at: now)
        findings.forEach(report)
        guard !ids.isEmpty else { return }
        let chosen = Set(ids)
        // What is sent alone comes behind the others, as in `ids`.
        let (alone, others) = (plan.alone, messages.filter { chosen.contains($0.id) && $0.id != plan.alone })
        let lone = messages.filter { $0.id == alone && chosen.contains($0.id) }.map { written.marking($0) }
        link?.publish(others + lone, over: connection)
    }

    /// Prints what was found out about a topic.
    package static let print: @Sendable (PublishPlan<String>.Finding) -> Void = { finding in
        switch finding {
        case .setAside(_, let topic): Terminal.printError(PublishDenied(topic: topic))
        case .stillClosed: break
        case .served(let topic): Terminal.printError("the broker takes messages to \(topic) again")
        }
    }
}
