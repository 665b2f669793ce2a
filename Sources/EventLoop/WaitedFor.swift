import Glibc
import Synchronization

/// A result that one thread waits for and another gives. Without a descriptor: it must work when the process has none left.
final class WaitedFor<Value: Sendable>: @unchecked Sendable {
    private let value = Mutex<Value?>(nil)
    private let given = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { precondition(sem_init(given, 0, 0) == 0, "no semaphore: errno \(errno)") }

    deinit {
        sem_destroy(given)
        given.deallocate()
    }

    func set(_ new: Value) {
        value.withLock { $0 = new }
        sem_post(given)
    }

    func wait() -> Value {
        while true {
            if sem_wait(given) == 0, let value = value.withLock({ $0 }) { return value }
        }
    }
}
