import Glibc
import Synchronization

/// A point between two actions at which the whole-system tests kill the process: the nth that is reached, where n is in the
/// environment as SRUP_BEACON_KILL_AT. It is not compiled into a release build.
package enum Checkpoint {
    #if DEBUG
        private static let passed = Atomic<Int>(0)
        private static let fatal = getenv("SRUP_BEACON_KILL_AT").flatMap { Int(String(cString: $0)) } ?? 0
    #endif

    package static func pass() {
        #if DEBUG
            guard fatal > 0 else { return }
            if passed.add(1, ordering: .relaxed).newValue == fatal { kill(getpid(), SIGKILL) }
        #endif
    }
}
