import Broker

/// What is on its way to the broker: kept until the broker has it, and published again over the next connection. A
/// receiver that had it already knows it by its sequence id.
package struct Outbox: Sendable {
    /// Messages kept at most; the oldest goes first. Without a bound, a bench without a broker would fill the memory.
    package static let limit = 4_096

    private var waiting: [Outgoing]
    private var last: Int64
    private var connection: Int?

    /// With what an earlier run has left, in its order.
    package init(_ left: [Outgoing] = []) { (waiting, last) = (left, left.last?.id ?? 0) }

    /// Whether the broker has everything.
    package var isEmpty: Bool { waiting.isEmpty }

    /// Numbers a message that is to be published.
    package mutating func next(_ frame: [UInt8], on topic: String) -> Outgoing {
        last += 1
        return Outgoing(id: last, topic: topic, payload: frame)
    }

    /// Takes a message, and gives it to the link where that is connected.
    package mutating func publish(_ message: Outgoing, over link: BrokerLink?) {
        waiting.append(message)
        if waiting.count > Outbox.limit { waiting.removeFirst() }
        if let connection { link?.publish([message], over: connection) }
    }

    /// A connection has been made: everything that waits goes again, in its order.
    package mutating func connected(_ connection: Int, over link: BrokerLink?) {
        self.connection = connection
        link?.publish(waiting, over: connection)
    }

    /// The connection has ended.
    package mutating func lost() { connection = nil }

    /// The broker has these.
    package mutating func acknowledged(_ ids: [Int64]) {
        let gone = Set(ids)
        waiting.removeAll { gone.contains($0.id) }
    }
}
