import BootTime
import Broker
import Synchronization
import Testing

@testable import Bench

@Suite("The kit's messages on their way to the broker")
struct OutboxTests {
    /// What was published: the messages of each call.
    private final class Link: MessagePublishing {
        var calls: [[Outgoing]] = []
        func publish(_ messages: [Outgoing], over connection: Int) { calls.append(messages) }
        func take() -> [Outgoing] {
            defer { calls = [] }
            return calls.flatMap { $0 }
        }
    }

    private final class Findings: Sendable {
        let all = Mutex<[PublishPlan<String>.Finding]>([])
    }

    private let link = Link()
    private let findings = Findings()
    private let broker = BrokerAddress(host: "a", port: 8_883)
    private let start = Instant(.seconds(1_000))

    private func outbox(_ topics: String...) -> Outbox {
        var outbox = Outbox(report: { [findings] finding in findings.all.withLock { $0.append(finding) } })
        for topic in topics { outbox.publish(outbox.next([], on: topic), over: link, at: start) }
        return outbox
    }

    @Test("everything is published again over the next connection, in order, and nothing without one")
    func order() {
        var outbox = outbox("d1", "d2", "d1")
        #expect(link.calls.isEmpty)
        outbox.connected(1, to: broker, over: link, at: start)
        #expect(link.take().map(\.id) == [1, 2, 3])
        outbox.acknowledged([2], over: link, at: start)
        outbox.lost(.silent, at: start)
        outbox.connected(2, to: broker, over: link, at: start)
        #expect(link.take().map(\.id) == [1, 3])
        outbox.publish(outbox.next([], on: "d3"), over: link, at: start)
        #expect(link.take().map(\.id) == [4])
        outbox.acknowledged([1, 3, 4], over: link, at: start)
        #expect(outbox.isEmpty && findings.all.withLock { $0 }.isEmpty)
    }

    @Test("a device's topic at which the broker closes the connection is set aside, and the others get their messages")
    func setAside() {
        var outbox = outbox("d1", "d2")
        var now = start
        for connection in 1...8 where findings.all.withLock({ $0.isEmpty }) {
            outbox.connected(connection, to: broker, over: link, at: now)
            for _ in 0..<4 {
                let sent = link.take()
                for message in sent { message.isWritten?() }
                if sent.contains(where: { $0.topic == "d1" }) { break }
                outbox.acknowledged(sent.map(\.id), over: link, at: now)
                guard link.calls.isEmpty else { continue }
                now = max(now, outbox.due ?? now)
                outbox.goOn(over: link, at: now)
            }
            outbox.lost(.closed, at: now)
        }
        #expect(findings.all.withLock { $0 } == [.setAside("d1", topic: "d1")])
        outbox.connected(9, to: broker, over: link, at: now)
        outbox.publish(outbox.next([], on: "d2"), over: link, at: now)
        outbox.publish(outbox.next([], on: "d1"), over: link, at: now)
        #expect(link.take().map(\.topic) == ["d2"] && !outbox.isEmpty)
    }

    private let other = BrokerAddress(host: "b", port: 8_883)

    @Test("another broker gets what only the first one has acknowledged lately, in order and before anything newer")
    func republished() {
        var outbox = outbox("d1", "d2", "d1")
        outbox.connected(1, to: broker, over: link, at: start)
        outbox.acknowledged([1, 2], over: link, at: start + .seconds(10))
        outbox.lost(.silent, at: start)
        _ = link.take()
        outbox.publish(outbox.next([], on: "d3"), over: link, at: start)
        outbox.connected(2, to: other, over: link, at: start + .seconds(20))
        #expect(link.take().map(\.id) == [1, 2, 3, 4])
        outbox.acknowledged([1, 2, 3, 4], over: link, at: start + .seconds(21))
        outbox.lost(.silent, at: start)
        outbox.connected(3, to: other, over: link, at: start + .seconds(30))
        #expect(link.take().isEmpty, "both have them, or this one")
        outbox.lost(.silent, at: start)
        outbox.connected(4, to: broker, over: link, at: start + .seconds(40))
        #expect(link.take().map(\.id) == [3, 4], "the first one has not acknowledged these")
    }

    @Test("a broker that has lost the session gets again what only it has acknowledged")
    func sessionLost() {
        var outbox = outbox("d1", "d2")
        outbox.connected(1, to: broker, over: link, at: start)
        outbox.acknowledged([1], over: link, at: start)
        outbox.lost(.silent, at: start)
        outbox.connected(2, to: other, over: link, at: start)
        outbox.acknowledged([1, 2], over: link, at: start)
        outbox.publish(outbox.next([], on: "d3"), over: link, at: start)
        outbox.acknowledged([3], over: link, at: start)
        for (connection, hasSession, ids) in [(3, true, [Int64]()), (4, false, [2, 3])] {
            outbox.lost(.silent, at: start)
            _ = link.take()
            outbox.connected(connection, to: other, hasSession: hasSession, over: link, at: start + .seconds(10))
            #expect(link.take().map(\.id) == ids, "the first broker has 1")
        }
    }

    @Test("not what was acknowledged two minutes ago, and not what a newer message has made useless")
    func outdated() {
        var outbox = outbox("d1", "d2")
        outbox.connected(1, to: broker, over: link, at: start)
        outbox.acknowledged([1], over: link, at: start)
        outbox.acknowledged([2], over: link, at: start + .seconds(60))
        outbox.publish(outbox.next([], on: "d3"), over: link, at: start + .seconds(60))
        outbox.acknowledged([3], over: link, at: start + .seconds(60))
        outbox.renounce(topic: "d3")
        outbox.lost(.silent, at: start)
        _ = link.take()
        outbox.connected(2, to: other, over: link, at: start + .seconds(120))
        #expect(link.take().map(\.id) == [2])
    }

    @Test("at most 1,024 of them")
    func bounded() {
        var outbox = outbox()
        outbox.connected(1, to: broker, over: link, at: start)
        for _ in 0..<1_100 {
            let message = outbox.next([], on: "d1")
            outbox.publish(message, over: link, at: start)
            outbox.acknowledged([message.id], over: link, at: start)
        }
        outbox.lost(.silent, at: start)
        _ = link.take()
        outbox.connected(2, to: other, over: link, at: start)
        #expect(link.take().map(\.id) == Array(77...1_100))
    }
}
