import Synchronization

/// Wakes every open page when something has changed. From any thread.
public final class ConsoleWakeup: Sendable {
    private struct State {
        var last = 0
        var waiting: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// A wakeup without waiting pages.
    public init() {}

    /// Something has changed, or a keep-alive is due.
    public func wake() {
        for one in state.withLock({ Array($0.waiting.values) }) { one.yield() }
    }

    /// nil if the maximum number of streams is reached.
    func wait() -> (number: Int, wakeups: AsyncStream<Void>)? {
        state.withLock { state in
            guard state.waiting.count < ConsolePolicy.mostStreams else { return nil }
            let (wakeups, one) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            state.last += 1
            state.waiting[state.last] = one
            one.yield()  // changes since the page was rendered
            return (state.last, wakeups)
        }
    }

    func leave(_ number: Int) { state.withLock { $0.waiting.removeValue(forKey: number) }?.finish() }
}

/// One page's stream of events: an event for each change, with the newest history entry's id, and keep-alives in between. The events do
/// not contain the changes; the page requests them.
public struct ConsoleEvents: Sendable {
    let number: Int
    let wakeups: AsyncStream<Void>
    let wakeup: ConsoleWakeup
    /// The newest entry's id, or nil if the session has ended.
    let newest: @Sendable () async -> Int64?
    /// The id that the page knows.
    let known: Int64

    /// Writes events until the session ends, `write` throws, or `end` is called.
    public func run(_ write: (String) async throws -> Void) async throws {
        defer { end() }
        var known = known
        // The browser reconnects soon if this connection is lost.
        try await write("retry: 2000\n\n")
        for await _ in wakeups {
            guard let newest = await newest() else { return try await write("event: ended\ndata: -\n\n") }
            if newest == known {
                try await write(": here\n\n")
            } else {
                known = newest
                try await write("id: \(newest)\ndata: changed\n\n")
                // A burst of messages becomes one or two events.
                try await Task.sleep(for: .milliseconds(150))
            }
        }
    }

    /// Ends the stream, because its reader has closed the connection. From any thread; it may be called twice.
    public func end() { wakeup.leave(number) }
}
