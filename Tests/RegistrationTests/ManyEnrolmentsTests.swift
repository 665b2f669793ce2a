import BootTime
import Fetching
import Synchronization
import TestVectors
import Testing

@testable import Bench
@testable import Enrolling
@testable import Registration

/// A model in virtual time: the registry's limits and the clients' waiting are the real ones, and nothing else takes time.
@Suite("Many enrolments at one address")
struct ManyEnrolmentsTests {
    private struct Client {
        var left: Int
        var course = BusyWaiting.Course()
    }

    /// How many clients fail, and the seconds until the last one is done, if all begin at once.
    private func run(_ count: Int, requests: Int, wait: Int, seed: UInt64) -> (failed: Int, took: Double) {
        let generator = Mutex(Seeded(seed))
        let busy = BusyWaiting(
            limit: wait, say: { _ in }, sleep: { _ in },
            fraction: { generator.withLock { .random(in: 0...1, using: &$0) } })
        let policy = RegistryPolicy()
        func instant(_ second: Int) -> Instant { .boot + .seconds(second) }
        var limits = RateLimit(
            each: policy.requestsAMinute, all: policy.allRequestsAMinute, spread: RegistryPolicy.spread, at: instant(0))
        var clients = [Client](repeating: Client(left: requests), count: count)
        var due: [Int: [Int]] = [0: Array(0..<count)]
        var (failed, second, last) = (0, 0, 0)
        while !due.isEmpty {
            for one in due.removeValue(forKey: second) ?? [] {
                let reply =
                    switch limits.take("192.0.2.1", at: instant(second)) {
                    case .pass: HTTPReply(status: 200, body: [])
                    case .refuse(let seconds, _): HTTPReply(status: 429, body: [], retryAfter: seconds)
                    }
                if let (pause, _) = busy.pause(after: .success(reply), &clients[one].course) {
                    due[second + Int(pause.rounded(.up)), default: []].append(one)
                } else if reply.status == 200 {
                    last = second
                    clients[one] = Client(left: clients[one].left - 1)
                    if clients[one].left > 0 { due[second + 1, default: []].append(one) }
                } else {
                    failed += 1
                }
            }
            second += 1
        }
        return (failed, Double(last))
    }

    @Test("all 1,000 that begin at once are enrolled within an hour and a bit, with six requests each, and with seven")
    func thousand() {
        for (seed, requests) in [(1, 6), (2, 6), (3, 7)] as [(UInt64, Int)] {
            let (failed, took) = run(1_000, requests: requests, wait: BusyWaiting.usual, seed: seed)
            #expect(failed == 0)
            #expect(took > Double(requests - 1) * 490 && took < Double(requests) * 600, "\(took) s")
        }
        #expect(run(1_000, requests: 6, wait: 900, seed: 1).failed > 100, "the model shows that a wait is too short")
    }
}
