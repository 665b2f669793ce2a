import Synchronization

/// Which messages have been written to the connection, of those that are marked. From any thread.
package final class WrittenMessages: Sendable {
    private let ids = Mutex<Set<Int64>>([])

    /// None so far.
    package init() {}

    /// The same message; that it has been written is noted here.
    package func marking(_ message: Outgoing) -> Outgoing {
        var marked = message
        let (id, done) = (message.id, message.isWritten)
        marked.isWritten = { [self] in
            done?()
            ids.withLock { _ = $0.insert(id) }
        }
        return marked
    }

    /// Those that were written since the last call.
    package func take() -> Set<Int64> {
        ids.withLock { ids in
            defer { ids = [] }
            return ids
        }
    }
}
