import CLinux
import EventLoop
import Glibc

/// SIGTERM and SIGINT as events of a loop. To be created before any other thread starts, because threads inherit the signal mask.
///
/// `@unchecked Sendable`: the descriptor is constant.
public final class StopSignals: @unchecked Sendable {
    /// Readable when one of them has arrived.
    let descriptor: Int32

    /// Blocks both signals for this thread and the threads that it starts.
    public init() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        descriptor = signalfd(-1, &signals, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
        precondition(descriptor >= 0, "no descriptor for signals: errno \(errno)")
    }

    deinit { close(descriptor) }

    /// Calls `action` on the loop's thread when one of them arrives. To be called before the loop runs, or on its thread.
    package func watch(on loop: Loop, _ action: @escaping @Sendable () -> Void) {
        let descriptor = descriptor
        _ = loop.watch(descriptor) { _ in
            var signal = signalfd_siginfo()
            if read(descriptor, &signal, MemoryLayout<signalfd_siginfo>.size) > 0 { action() }
        }
    }
}
