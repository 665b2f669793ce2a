import CLinux
import EventLoop
import Glibc
import Logging

/// The end of the daemon: by a signal, with its identity, or because another version of the program takes its place.
///
/// `@unchecked Sendable`: used on the loop's thread only, and after the loop has ended.
final class Stopping: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// SIGHUP has come.
        let reload: () -> Void
        /// Ends what can be ended at once: nobody is served any more.
        /// - Parameter isRestart: whether the program is executed again in this process.
        let leave: (_ isRestart: Bool) -> Void
        /// Makes what disconnects from the broker. That may wait for the loop, so it is called on another thread.
        let disconnect: () -> @Sendable () -> Void
    }

    /// The loop ends once we have disconnected from the broker.
    private(set) var isStopping = false
    /// Whether the program is executed again, in this process, once the loop has ended.
    private(set) var startsAgain = false
    private let log: Logger
    private let background: BackgroundWork
    private let outlets: Outlets
    private var signals: (descriptor: Int32, watch: Loop.Watch)?

    init(log: Logger, background: BackgroundWork, outlets: Outlets) {
        (self.log, self.background, self.outlets) = (log, background, outlets)
    }

    deinit { if let signals { background.loop.unwatch(signals.watch, signals.descriptor) } }

    /// Follows the signals that are read from a descriptor: SIGHUP reloads, every other one stops.
    /// - Parameter descriptor: a signalfd(2), which does not block; it stays open.
    func follow(signals descriptor: Int32) {
        let watch = background.loop.watch(descriptor) { [unowned self] _ in take(signals: descriptor) }
        signals = (descriptor, watch)
    }

    private func take(signals: Int32) {
        var info = signalfd_siginfo()
        while read(signals, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
            if info.ssi_signo == UInt32(SIGHUP) { outlets.reload() } else { stop() }
        }
    }

    /// Disconnects devices and the broker; open observations stay in the journal.
    /// - Parameter startingAgain: whether to execute the program that is on disk then; ignored if a stop has been or is requested.
    func stop(startingAgain: Bool = false) {
        startsAgain = startingAgain && !isStopping
        guard !isStopping else { return }
        isStopping = true
        log.notice("stopping")
        outlets.leave(startsAgain)
        let (disconnect, loop) = (outlets.disconnect(), background.loop)
        background.start("stop") {
            disconnect()
            loop.stop()
        }
    }
}
