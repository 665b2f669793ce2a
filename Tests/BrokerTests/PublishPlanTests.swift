import BootTime
import TestVectors
import Testing

@testable import Broker

@Suite("Which messages go over a connection to the broker")
struct PublishPlanTests {
    private typealias Plan = PublishPlan<String>

    private static func waiting(_ ids: [(Int64, String)]) -> [Plan.Waiting] {
        ids.map { .init(id: $0.0, lane: $0.1, topic: "topic/\($0.1)") }
    }

    /// A plan in a test that sets the time, with what waits.
    private struct Stage {
        var plan = Plan()
        var now = Instant(.seconds(1_000))
        var waiting: [Plan.Waiting]

        init(_ waiting: [(Int64, String)]) { self.waiting = PublishPlanTests.waiting(waiting) }

        mutating func connect() -> [Int64] {
            plan.connected(at: now)
            return next()
        }

        mutating func next() -> [Int64] { plan.next(of: waiting, at: now).ids }

        /// The broker closes the connection so long after what was sent last.
        mutating func close(after delay: Duration = .milliseconds(5), isWritten: Bool = true) -> [Plan.Finding] {
            now += delay
            return plan.lost(isClosing: true, isWritten: { _ in isWritten }, at: now)
        }

        mutating func acknowledge(_ ids: Int64...) -> [Plan.Finding] {
            waiting.removeAll { ids.contains($0.id) }
            return plan.acknowledged(ids, at: now)
        }

        mutating func pass(_ delay: Duration) -> [Int64] {
            now += delay
            return next()
        }
    }

    /// The connection has ended twice while everything was in flight: a, b and c are suspected.
    private static func suspecting() -> Stage {
        var stage = Stage([(1, "a"), (2, "b"), (3, "c")])
        for _ in 0..<2 {
            #expect(stage.connect() == [1, 2, 3])
            #expect(stage.close() == [])
        }
        return stage
    }

    /// The broker closes the connection for a's messages, which have been set aside.
    private static func aside() -> Stage {
        var stage = suspecting()
        #expect(stage.connect() == [1])
        #expect(stage.close() == [])
        #expect(stage.connect() == [2])
        #expect(stage.acknowledge(2) == [])
        #expect(stage.next() == [3])
        #expect(stage.acknowledge(3) == [])
        #expect(stage.next() == [1], "it has been shown that the connection works")
        #expect(stage.close() == [.setAside("a", topic: "topic/a")])
        return stage
    }

    @Test("the message for which the broker closes the connection is found, and the others are served meanwhile")
    func found() {
        var stage = PublishPlanTests.aside()
        #expect(stage.plan.setAside == ["a": "topic/a"] && stage.plan.isHolding)
        stage.waiting += PublishPlanTests.waiting([(4, "a"), (5, "b")])
        #expect(stage.connect() == [5], "what follows in the same lane waits behind it")
        #expect(stage.acknowledge(5) == [])
    }

    @Test("a lane that is set aside is tried again, alone and last, after pauses that double up to an hour")
    func pauses() {
        var stage = PublishPlanTests.aside()
        var pauses: [Int64] = []
        for _ in 0..<8 {
            #expect(stage.connect() == [])
            let due = stage.plan.due
            #expect(due == stage.plan.nextAttempt(for: "a"))
            #expect(stage.pass((due ?? stage.now) - stage.now - .milliseconds(1)) == [])
            stage.waiting += PublishPlanTests.waiting([(100 + Int64(pauses.count), "b")])
            #expect(stage.pass(.milliseconds(2)) == [100 + Int64(pauses.count)], "the others come first")
            _ = stage.acknowledge(100 + Int64(pauses.count))
            #expect(stage.next() == [1])
            guard case .stillClosed("a", topic: "topic/a", let pause)? = stage.close().first else {
                Issue.record("it was not reported")
                return
            }
            pauses.append(pause.wholeSeconds)
        }
        #expect(pauses == [120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600])
    }

    @Test("once the broker takes the message, the lane is served in its order")
    func served() {
        var stage = PublishPlanTests.aside()
        stage.waiting += PublishPlanTests.waiting([(4, "a")])
        _ = stage.connect()
        #expect(stage.pass(.seconds(61)) == [1])
        #expect(stage.acknowledge(1) == [.served("a")])
        #expect(stage.next() == [4] && !stage.plan.isHolding)
    }

    @Test("an order to try again does not wait for the end of the pause, but for a connection that works")
    func tryAgain() {
        for lane in [nil, "a"] {
            var stage = PublishPlanTests.aside()
            _ = stage.connect()
            stage.plan.tryAgain("b")
            #expect(stage.pass(.seconds(2)) == [])
            stage.plan.tryAgain(lane)
            #expect(stage.next() == [] && stage.plan.due == stage.now + .seconds(3))
            #expect(stage.pass(.seconds(3)) == [1])
            #expect(stage.close() == [.stillClosed("a", topic: "topic/a", pause: .seconds(120))])
        }
    }

    @Test("a broker that ends every connection, also one without a message in flight, sets nobody aside")
    func endsAnyway() {
        var stage = PublishPlanTests.suspecting()
        var attempts = 0
        for round in 0..<20 {
            stage.waiting = PublishPlanTests.waiting([(1, "a")])
            attempts += stage.connect().count
            #expect(stage.close(after: .milliseconds(50)) == [], "round \(round)")
        }
        #expect(stage.plan.setAside.isEmpty && attempts > 10, "and it is sent, since nothing speaks against it")
    }

    @Test(
        "an end counts only if the broker may have closed the connection, soon after a message that was written",
        arguments: 0..<3)
    func otherEnds(kind: Int) {
        var stage = PublishPlanTests.suspecting()
        stage.waiting = PublishPlanTests.waiting([(1, "a")])
        for round in 0..<12 {
            if stage.connect().isEmpty { _ = stage.pass(.seconds(5)) }
            let findings =
                switch kind {
                case 0: stage.plan.lost(isClosing: false, isWritten: { _ in true }, at: stage.now)
                case 1: stage.close(after: .seconds(6))
                default: stage.close(isWritten: false)
                }
            #expect(findings == [], "round \(round)")
        }
        #expect(stage.plan.setAside.isEmpty)
    }

    @Test(
        "a lone message is set aside after two more connections, the last of which worked without it for some seconds")
    func onlyOne() {
        var stage = Stage([(1, "a")])
        for _ in 0..<3 {
            #expect(stage.connect() == [1])
            #expect(stage.close() == [])
        }
        #expect(stage.connect() == [])
        #expect(stage.plan.due == stage.now + .seconds(5))
        #expect(stage.pass(.seconds(5)) == [1])
        #expect(stage.close() == [.setAside("a", topic: "topic/a")])
    }

    @Test("one end while a message was in flight alone is not enough, also over a connection that works")
    func once() {
        var stage = PublishPlanTests.suspecting()
        #expect(stage.connect() == [1])
        #expect(stage.acknowledge(1) == [])
        #expect(stage.next() == [2])
        #expect(stage.close() == [] && stage.plan.setAside.isEmpty)
    }

    @Test("while a message is in flight alone nothing else is sent; one that the broker is slow with holds nobody up")
    func alone() {
        var stage = PublishPlanTests.suspecting()
        #expect(stage.connect() == [1])
        stage.waiting += PublishPlanTests.waiting([(4, "d")])
        #expect(stage.next() == [] && stage.plan.alone == 1)
        #expect(stage.pass(.milliseconds(5_001)) == [4])
        #expect(!stage.plan.setAside.keys.contains("a"))
    }

    @Test("another topic of a lane that is set aside shows nothing about the one for which the connection is closed")
    func otherTopic() {
        var stage = PublishPlanTests.aside()
        stage.waiting = [
            .init(id: 5, lane: "a", topic: "topic/other"), .init(id: 6, lane: "a", topic: "topic/a"),
        ]
        _ = stage.connect()
        #expect(stage.pass(.seconds(61)) == [5])
        #expect(stage.acknowledge(5) == [])
        #expect(stage.next() == [6])
        #expect(stage.close() == [.stillClosed("a", topic: "topic/a", pause: .seconds(120))])
    }

    @Test("a lane of which nothing waits any more is not set aside")
    func nothingWaits() {
        var stage = PublishPlanTests.aside()
        stage.waiting = PublishPlanTests.waiting([(9, "b")])
        stage.plan.connected(at: stage.now)
        let (ids, findings) = stage.plan.next(of: stage.waiting, at: stage.now)
        #expect(ids == [9] && findings == [.served("a")] && !stage.plan.isHolding)
    }
}
