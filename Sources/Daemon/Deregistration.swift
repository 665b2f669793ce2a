import BootTime
import EventLoop
import Files
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
        /// Notes, before anything is destroyed, by whom and when this beacon was taken out: in words.
        /// - Returns: why that could not be noted.
        let note: (String) -> FileError?
        /// Destroys the keys, and notes that it was done; false, and a line in the log, where it could not be.
        let destroy: (String) -> Bool
        let stop: () -> Void
        /// Seconds since 1970.
        let wallSeconds: () -> Int64
    }

    /// How long signed messages may take to reach the broker before the keys are destroyed anyway.
    static let limit = Duration.seconds(30)
    /// How often a note that could not be written is tried again, and for how long. Then the keys are destroyed without it: the server
    /// has been told that this identity has ended.
    static let notePause = Duration.seconds(1)
    static let noteLimit = Duration.seconds(60)

    private let clock: any LoopClock
    private let log: Logger
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in finishIfAllHasLeft() }
    /// Who ordered it, and the deadline for sending its confirmation.
    private var order: (server: Identifier, latest: Instant)?
    /// By whom and when, once all has left; until when the note is tried.
    private var end: (words: String, latest: Instant)?
    private var noteFault: FileError?

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
        if end == nil {
            let words = "by \(order.server) at \(Timestamp(outlets.wallSeconds()))"
            end = (words, clock.now + Deregistration.noteLimit)
        }
        finish()
    }

    private func finish() {
        guard let end else { return }
        if let fault = outlets.note(end.words) {
            if fault != noteFault {
                log.error(
                    "that this beacon was taken out of the system cannot be noted: \(fault); hint: make its state folder one that can be written, or its keys are destroyed without a note"
                )
            }
            noteFault = fault
            guard clock.now >= end.latest else { return timer.set(after: Deregistration.notePause) }
        }
        (order, self.end) = (nil, nil)
        if outlets.destroy(end.words) { log.warning("deregistered: the keys are destroyed") }
        outlets.stop()
    }
}
