import BootTime
import EventLoop
import Logging
import Observing
import OperatorText
import SRUP

/// The end of this identity (§6): signed messages are sent, then the keys are destroyed and the beacon exits.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class Deregistration: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// How many messages no broker has acknowledged; nil where that cannot be read.
        let outboxCount: () -> Int?
        /// Destroys the keys, and notes that it was done: by whom, and when, in words.
        let destroy: (String) -> Void
        let stop: () -> Void
        /// Seconds since 1970.
        let wallSeconds: () -> Int64
    }

    /// How long signed messages may take to reach the broker before the keys are destroyed anyway.
    static let limit = Duration.seconds(30)

    private let clock: any LoopClock
    private let log: Logger
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in finishIfAllHasLeft() }
    /// Who ordered it, and the deadline for sending its confirmation.
    private var order: (server: Identifier, latest: Instant)?

    init(clock: any LoopClock, log: Logger, outlets: Outlets) {
        (self.clock, self.log, self.outlets) = (clock, log, outlets)
    }

    /// A server has deregistered this beacon.
    func begin(by server: Identifier) {
        guard order == nil else { return }
        log.warning("server \(server) has taken this beacon out of the system: its keys are destroyed now")
        let latest = clock.now + Deregistration.limit
        order = (server, latest)
        timer.set(at: latest)
        finishIfAllHasLeft()
    }

    /// Finishes once the broker has acknowledged all our messages, or the deadline has passed.
    func finishIfAllHasLeft() {
        guard let order else { return }
        // A journal that cannot be read may hold messages that have not been sent.
        guard outlets.outboxCount() == 0 || clock.now >= order.latest else { return }
        self.order = nil
        outlets.destroy("by \(order.server) at \(Timestamp(outlets.wallSeconds()))")
        log.warning("deregistered: the keys are destroyed")
        outlets.stop()
    }
}
