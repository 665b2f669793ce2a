import SRUP
import Synchronization

/// What has changed, for open pages: kinds and identities. A page fetches only the parts that show them.
struct ConsoleChange: Equatable, Sendable {
    /// The kinds of parts.
    enum Kind: String, CaseIterable, Sendable {
        case joins, nodes, history, broker
    }

    /// Bound on the identities of one event; of more, none is named, and each page that shows nodes looks again.
    static let mostNodes = 32

    var kinds: Set<Kind> = []
    var nodes: Set<Identifier> = []

    mutating func form(_ other: ConsoleChange) {
        let isOpen = isOfAnyNode || other.isOfAnyNode
        kinds.formUnion(other.kinds)
        nodes = isOpen ? [] : nodes.union(other.nodes)
        if nodes.count > ConsoleChange.mostNodes { nodes = [] }
    }

    /// Nodes have changed, and it does not say which.
    private var isOfAnyNode: Bool { kinds.contains(.nodes) && nodes.isEmpty }

    /// One JSON object.
    func json(hasBroker: Bool) -> String {
        func list(_ words: [String]) -> String { "[" + words.sorted().map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        return
            "{\"broker\":\(hasBroker),\"kinds\":\(list(kinds.map(\.rawValue))),\"nodes\":\(list(nodes.map(\.description)))}"
    }
}

/// Wakes every open page when something has changed. From any thread.
public final class ConsoleWakeup: Sendable {
    private struct Waiting {
        let continuation: AsyncStream<Void>.Continuation
        var change = ConsoleChange()
    }

    private struct State {
        var last = 0
        var waiting: [Int: Waiting] = [:]
    }

    private let state = Mutex(State())

    /// A wakeup without waiting pages.
    public init() {}

    /// A keep-alive is due.
    public func wake() { wake(ConsoleChange()) }

    /// Something has changed.
    func wake(_ change: ConsoleChange) {
        let all = state.withLock { state in
            for number in state.waiting.keys { state.waiting[number]?.change.form(change) }
            return state.waiting.values.map(\.continuation)
        }
        for one in all { one.yield() }
    }

    /// nil if the maximum number of streams is reached.
    func wait() -> (number: Int, wakeups: AsyncStream<Void>)? {
        state.withLock { state in
            guard state.waiting.count < ConsolePolicy.mostStreams else { return nil }
            let (wakeups, one) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            state.last += 1
            state.waiting[state.last] = Waiting(continuation: one)
            one.yield()  // changes since the page was rendered
            return (state.last, wakeups)
        }
    }

    /// What has changed since the last call for this stream.
    func take(_ number: Int) -> ConsoleChange {
        state.withLock { state in
            defer { state.waiting[number]?.change = ConsoleChange() }
            return state.waiting[number]?.change ?? ConsoleChange()
        }
    }

    func leave(_ number: Int) {
        state.withLock { $0.waiting.removeValue(forKey: number) }?.continuation.finish()
    }
}

/// One page's stream of events: an event for each change, with the newest history entry's id, and beats in between. The events do
/// not contain the changes; the page requests the parts that it shows.
public struct ConsoleEvents: Sendable {
    let number: Int
    let wakeups: AsyncStream<Void>
    let wakeup: ConsoleWakeup
    /// The newest entry's id, and whether a broker is connected; nil if the session has ended.
    let newest: @Sendable () async -> (id: Int64, hasBroker: Bool)?

    /// Writes events until the session ends, `write` throws, or `end` is called.
    public func run(_ write: (String) async throws -> Void) async throws {
        defer { end() }
        var isFirst = true
        // The browser reconnects soon if this connection is lost.
        try await write("retry: 2000\n\n")
        for await _ in wakeups {
            guard let newest = await newest() else { return try await write("event: ended\ndata: -\n\n") }
            var change = wakeup.take(number)
            // What happened between the page and its stream is not known: it may be anything, also without an entry.
            if isFirst { change.kinds = Set(ConsoleChange.Kind.allCases) }
            isFirst = false
            let json = change.json(hasBroker: newest.hasBroker)
            if change.kinds.isEmpty {
                try await write("event: beat\ndata: \(json)\n\n")
            } else {
                try await write("id: \(newest.id)\ndata: \(json)\n\n")
                // A burst of messages becomes one or two events.
                try await Task.sleep(for: .milliseconds(150))
            }
        }
    }

    /// Ends the stream, because its reader has closed the connection. From any thread; it may be called twice.
    public func end() { wakeup.leave(number) }
}
