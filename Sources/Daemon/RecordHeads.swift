import BootTime
import EventLoop

/// When the end of the record of verdicts is signed and told to the servers: after a number of verdicts, and after a time, if there is
/// something new. Never while a verdict is given: signing takes a millisecond, with a TPM some hundred.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class RecordHeads: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// How many rows the servers have not been told of; nil: the journal cannot be written.
        let untold: () -> Int64?
        /// The servers must be told at once.
        let isUrgent: () -> Bool
        /// How often the end is signed.
        let settings: () -> HistorySettings
        /// Deletes what is kept no longer; signs the end of the record and tells the servers, if there is something new.
        let sign: () -> Void
    }

    /// How often it is looked whether verdicts are too old, where no head is due.
    private static let idleInterval = Duration.seconds(3_600)

    private let outlets: Outlets
    private var isSoon = false, isWaiting = false
    private let clock: any LoopClock
    private lazy var timer = clock.timer { [unowned self] in fire() }
    private lazy var idleTimer = clock.timer { [unowned self] in fireIdle() }
    private var isBegun = false

    init(clock: any LoopClock, outlets: Outlets) { (self.clock, self.outlets) = (clock, outlets) }

    /// A verdict may have been recorded, or the end told.
    func look() {
        if !isBegun {
            isBegun = true
            idleTimer.set(after: RecordHeads.idleInterval)
        }
        guard let untold = outlets.untold(), untold > 0 else { return wait(soon: false, waiting: false) }
        let settings = outlets.settings()
        let soon = untold >= settings.headVerdicts || outlets.isUrgent()
        guard soon != isSoon || !isWaiting else { return }
        wait(soon: soon, waiting: true)
        timer.set(after: soon ? .zero : settings.headInterval)
    }

    private func wait(soon: Bool, waiting: Bool) {
        if isWaiting, !waiting { timer.set(at: nil) }
        (isSoon, isWaiting) = (soon, waiting)
    }

    private func fire() {
        (isSoon, isWaiting) = (false, false)
        outlets.sign()
    }

    private func fireIdle() {
        idleTimer.set(after: RecordHeads.idleInterval)
        outlets.sign()
    }
}
