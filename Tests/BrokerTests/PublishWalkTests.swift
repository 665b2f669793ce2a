import BootTime
import TestVectors
import Testing

@testable import Broker

@Suite("A broker that closes the connection for some topics, at random")
struct PublishWalkTests {
    @Test(
        "every message for the other topics arrives, in order, and no lane is set aside for nothing", arguments: 0..<80)
    func walk(seed: Int) {
        var walk = PublishWalk(seed: UInt64(seed))
        walk.run(for: .seconds(600), isRough: true)
        walk.run(for: .seconds(300), isRough: false)
        let left = walk.waiting.filter { !walk.isDenied($0.lane) }
        #expect(left.isEmpty, "they wait although the broker takes them: \(left)")
        #expect(Set(walk.plan.setAside.keys) == Set(walk.waiting.map(\.lane)))
        #expect(walk.wronglySetAside == [] && walk.faults == [])
        walk.denied = []
        walk.plan.tryAgain()
        walk.run(for: .seconds(120), isRough: false)
        #expect(walk.waiting.isEmpty && walk.plan.setAside.isEmpty && walk.faults == [])
    }

    @Test(
        "where no topic is denied, restarts, rivals for the client id and slow networks set nobody aside",
        arguments: 0..<50)
    func nothingDenied(seed: Int) {
        var walk = PublishWalk(seed: UInt64(seed) + 10_000)
        walk.denied = []
        walk.run(for: .seconds(1_200), isRough: true)
        walk.run(for: .seconds(60), isRough: false)
        #expect(walk.waiting.isEmpty && walk.wronglySetAside == [] && walk.faults == [])
    }
}

/// A plan, a broker that acknowledges in order and closes the connection at a denied topic, and a network, in virtual time.
struct PublishWalk {
    typealias Plan = PublishPlan<Int>

    var plan = Plan()
    var denied: Set<String> = []
    private(set) var waiting: [Plan.Waiting] = []
    private(set) var wronglySetAside: [Int] = []
    /// What must not have happened.
    private(set) var faults: [String] = []
    private var random: Seeded
    private var now = Instant(.seconds(1_000))
    private var isConnected = false
    private var reconnectsAt: Instant
    private var closesAt: Instant?
    private var isBrokersClosing = true
    private var acknowledgements: [(at: Instant, id: Int64)] = []
    private var sent: Set<Int64> = []
    private var lastSent: [Int: Int64] = [:]
    private var lastID: Int64 = 0
    private let lanes: Int

    init(seed: UInt64) {
        random = Seeded(seed)
        lanes = Int.random(in: 1...6, using: &random)
        reconnectsAt = now
        for lane in 0..<lanes where Int.random(in: 0..<3, using: &random) == 0 {
            denied.insert("join/\(lane)")
            if Bool.random(using: &random) { denied.insert("own/\(lane)") }
        }
    }

    /// Whether a waiting message of this lane has a denied topic.
    func isDenied(_ lane: Int) -> Bool { waiting.contains { $0.lane == lane && denied.contains($0.topic) } }

    /// Time passes: with new messages, restarts of the broker, and connections that end for other reasons; or without.
    mutating func run(for length: Duration, isRough: Bool) {
        let end = now + length
        if isConnected { publish() }
        while now < end {
            let newMessage = isRough ? now + delay(upTo: 4_000) : end
            let rival = isRough && isConnected && once(in: 8) ? now + delay(upTo: 3_000) : end
            let moments = [newMessage, rival, end, closesAt, plan.due, isConnected ? nil : reconnectsAt]
            let moment = (moments + [acknowledgements.first?.at]).compactMap { $0 }.min() ?? end
            now = max(now, moment)
            if moment == acknowledgements.first?.at {
                acknowledge()
            } else if moment == closesAt {
                close(isBrokers: isBrokersClosing)
            } else if !isConnected, moment == reconnectsAt {
                connect()
            } else if moment == newMessage, isRough {
                add()
            } else if moment == rival, rival < end {
                close(isBrokers: !once(in: 3))
            } else if isConnected {
                publish()
            }
        }
    }

    private mutating func once(in count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

    private mutating func delay(upTo milliseconds: Int64) -> Duration {
        .milliseconds(Int64.random(in: 1...milliseconds, using: &random))
    }

    private mutating func add() {
        let lane = Int.random(in: 0..<lanes, using: &random)
        lastID += 1
        waiting.append(.init(id: lastID, lane: lane, topic: once(in: 4) ? "join/\(lane)" : "own/\(lane)"))
        if isConnected { publish() }
    }

    private mutating func connect() {
        isConnected = true
        (sent, lastSent, acknowledgements, closesAt) = ([], [:], [], nil)
        plan.connected(at: now)
        publish()
    }

    private mutating func publish() {
        let (ids, findings) = plan.next(of: waiting, at: now)
        note(findings)
        for id in ids {
            guard let message = waiting.first(where: { $0.id == id }) else {
                faults.append("\(id) does not wait")
                continue
            }
            if !sent.insert(id).inserted { faults.append("\(id) was sent twice over one connection") }
            if id < lastSent[message.lane, default: 0] { faults.append("\(id) was sent behind a later one") }
            lastSent[message.lane] = id
            guard closesAt == nil else { continue }
            let after = max(now, acknowledgements.last?.at ?? now) + delay(upTo: 40)
            if denied.contains(message.topic) {
                (closesAt, isBrokersClosing) = (after, true)
            } else {
                acknowledgements.append((after, id))
            }
        }
    }

    private mutating func acknowledge() {
        let id = acknowledgements.removeFirst().id
        waiting.removeAll { $0.id == id }
        note(plan.acknowledged([id], at: now))
        publish()
    }

    private mutating func close(isBrokers: Bool) {
        isConnected = false
        (closesAt, acknowledgements) = (nil, [])
        reconnectsAt = now + delay(upTo: once(in: 10) ? 30_000 : 1_000)
        note(plan.lost(isClosing: isBrokers, isWritten: { _ in true }, at: now))
    }

    private mutating func note(_ findings: [Plan.Finding]) {
        for case .setAside(let lane, let topic) in findings where !denied.contains(topic) {
            wronglySetAside.append(lane)
        }
    }
}
