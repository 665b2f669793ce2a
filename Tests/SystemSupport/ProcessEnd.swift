import Foundation
import Synchronization

/// Actions at the end of this test process: constants that live as long as the process are never deinitialised, and their
/// folders and child processes would stay.
package enum ProcessEnd {
    private static let actions = Mutex<[@Sendable () -> Void]>([])
    private static let registered: Void = {
        _ = atexit {
            let actions = ProcessEnd.actions.withLock { $0 }
            for action in actions.reversed() { action() }
        }
    }()

    /// - Parameter action: runs once, at `exit`, in the reverse order of the calls.
    package static func run(_ action: @escaping @Sendable () -> Void) {
        registered
        actions.withLock { $0.append(action) }
    }

    package static func remove(_ folder: String) { run { try? FileManager.default.removeItem(atPath: folder) } }
}
