import Links

/// Messages for the broker: kept until the broker has acknowledged them, and published again over the next connection. A receiver detects
/// duplicates by their sequence ids.
package struct Outbox: Sendable {
    /// Bound on the kept messages; the oldest is dropped first. Without it, a bench without a broker would fill the memory.
    package static let limit = 4_096

    private var waiting: [Outgoing]
    private var last: Int64
    private var connection: Int?

    /// With the messages of an earlier run, in order.
    package init(_ left: [Outgoing] = []) { (waiting, last) = (left, left.last?.id ?? 0) }

    /// Whether the broker has acknowledged everything.
    package var isEmpty: Bool { waiting.isEmpty }

    /// Assigns the next number to a message.
    package mutating func next(_ frame: [UInt8], on topic: String) -> Outgoing {
        last += 1
        return Outgoing(id: last, topic: topic, payload: frame)
    }

    /// Adds a message, and publishes it if the link is connected.
    package mutating func publish(_ message: Outgoing, over link: BrokerLink?) {
        waiting.append(message)
        if waiting.count > Outbox.limit { waiting.removeFirst() }
        if let connection { link?.publish([message], over: connection) }
    }

    /// Connected: all waiting messages are published again, in order.
    package mutating func connected(_ connection: Int, over link: BrokerLink?) {
        self.connection = connection
        link?.publish(waiting, over: connection)
    }

    /// The connection has ended.
    package mutating func lost() { connection = nil }

    /// The broker has acknowledged these messages.
    package mutating func acknowledged(_ ids: [Int64]) {
        let gone = Set(ids)
        waiting.removeAll { gone.contains($0.id) }
    }
}
