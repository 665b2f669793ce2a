import Synchronization

@testable import Daemon
@testable import Broker

/// A link to the brokers that only records what it is asked to do.
final class FakeBrokerLink: BrokerConnecting {
    private let notes = Mutex<[String]>([])
    private let messages = Mutex<[Outgoing]>([])
    /// Called before a message counts as published.
    private let willPublish: @Sendable () -> Void

    init(willPublish: @escaping @Sendable () -> Void = {}) { self.willPublish = willPublish }

    func start() { note("start") }
    func publish(_ messages: [Outgoing], over connection: Int) {
        willPublish()
        self.messages.withLock { $0 += messages }
        note("publish \(messages.map { "\($0.id)" }.joined(separator: " ")) over \(connection)")
    }
    func hurry() { note("hurry") }
    func reconnect() { note("reconnect") }
    func turn(_ done: @escaping @Sendable () -> Void) { done() }
    func stop() { note("stop") }
    let brokerCertificates = [BrokerAddress(host: "one.example", port: 8883): Int64(1_900_000_000)]

    /// What it has been asked to do since the last call.
    func take() -> [String] {
        notes.withLock { notes in
            defer { notes = [] }
            return notes
        }
    }

    /// The messages that were published since the last call.
    func takeMessages() -> [Outgoing] {
        messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }

    private func note(_ text: String) { notes.withLock { $0.append(text) } }
}
