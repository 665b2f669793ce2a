import EventLoop

/// Work that takes time, such as waiting for a child process: on a thread of its own, and its result back on the loop's.
struct BackgroundWork: Sendable {
    let loop: Loop
    /// Starts a thread of that name; a test holds the work back until it needs it.
    var start: @Sendable (_ name: String, _ work: @escaping @Sendable () -> Void) -> Void = {
        startThread($0, $1)
    }

    /// - Parameter then: called on the loop's thread.
    func run<Result: Sendable>(
        _ name: String, _ work: @escaping @Sendable () -> Result,
        then: @escaping @Sendable (Result) -> Void
    ) {
        start(name) { [loop] in
            let result = work()
            loop.perform { then(result) }
        }
    }
}
