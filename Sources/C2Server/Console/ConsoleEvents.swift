import Synchronization

/// Rings at every page that is open when something has changed. From any thread.
public final class ConsoleWakeup: Sendable {
    private struct State {
        var last = 0
        var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// A wakeup that nobody waits for.
    public init() {}

    /// Something has changed, or it is time for a sign of life.
    public func wake() {
        for one in state.withLock({ Array($0.waiting.values) }) { one.yield() }
    }

    /// nil where there are streams enough.
    func wait() -> (number: Int, wakeups: AsyncStream<Void>)? {
        state.withLock { state in
            guard state.waiting.count < ConsolePolicy.mostStreams else { return nil }
            let (wakeups, one) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            state.last += 1
            state.waiting[state.last] = one
            one.yield()  // what has changed since the page was made
            return (state.last, wakeups)
        }
    }

    func leave(_ number: Int) { state.withLock { $0.waiting.removeValue(forKey: number) }?.finish() }
}

/// One page's stream of events: an event for each change, with the newest entry's id as its own, and a sign of life in
/// between. What has changed is not in it: the page asks for that.
public struct ConsoleEvents: Sendable {
    let number: Int
    let wakeups: AsyncStream<Void>
    let wakeup: ConsoleWakeup
    /// The newest entry's id, or nil where the session has ended.
    let newest: @Sendable () async -> Int64?
    /// The id that the page knows.
    let known: Int64

    /// Writes events until the session ends, the writer throws, or `end` was called.
    public func run(_ write: (String) async throws -> Void) async throws {
        defer { end() }
        var known = known
        // Soon again, should this connection be lost.
        try await write("retry: 2000\n\n")
        for await _ in wakeups {
            guard let newest = await newest() else { return try await write("event: ended\ndata: -\n\n") }
            if newest == known {
                try await write(": here\n\n")
            } else {
                known = newest
                try await write("id: \(newest)\ndata: changed\n\n")
                // A burst of messages is one event, or two.
                try await Task.sleep(for: .milliseconds(150))
            }
        }
    }

    /// Ends the stream: its reader has gone. From any thread; twice is as good as once.
    public func end() { wakeup.leave(number) }
}
