import Foundation
import Synchronization
import Testing

/// For tests that block while they wait for processes, files and sockets.
///
/// Swift Testing runs all tests on Swift's own pool, which has as many threads as there are processors, and a test that only waits
/// keeps one of them. With this trait a test case runs on threads that are there to be blocked: `BlockingThreads.count` cases at a
/// time, on any machine, while the pool stays free for the tests that compute. No `.timeLimit` with it: a case's time would run
/// while it waits for its place.
package struct BlockingTrait: SuiteTrait, TestTrait, TestScoping {
    package let isRecursive = true

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        // A case suspends between its steps: without a limit, every case would begin before the first one ends.
        await Places.shared.take()
        do {
            try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
        } catch {
            await Places.shared.giveBack()
            throw error
        }
        await Places.shared.giveBack()
    }
}

extension Trait where Self == BlockingTrait {
    /// The test, or each test of the suite, waits without giving its thread away.
    package static var blocking: Self { BlockingTrait() }
}

/// How many cases may run at a time.
private actor Places {
    static let shared = Places()
    private var free = BlockingThreads.count
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func take() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack() {
        guard !waiting.isEmpty else {
            free += 1
            return
        }
        waiting.removeFirst().resume()
    }
}

/// Threads that take jobs in their order. They live as long as the process.
private final class BlockingThreads: TaskExecutor {
    /// Four tests that wait for processes keep two processors about busy.
    static let count = 4
    static let shared = BlockingThreads()

    private let jobs = Mutex<[UnownedJob]>([])
    private let available = DispatchSemaphore(value: 0)

    private init() {
        for _ in 0..<Self.count { Thread.detachNewThread { [self] in while true { runNext() } } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        available.signal()
    }

    private func runNext() {
        available.wait()
        let job = jobs.withLock { $0.removeFirst() }
        job.runSynchronously(on: asUnownedTaskExecutor())
    }
}
