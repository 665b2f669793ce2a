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
        /// How often the end is signed.
        let settings: () -> HistorySettings
        /// Signs the end of the record, and tells the servers.
        let sign: () -> Void
    }

    private let outlets: Outlets
    private var isSoon = false, isWaiting = false
    private let clock: any LoopClock
    private lazy var timer = clock.timer { [unowned self] in fire() }

    init(clock: any LoopClock, outlets: Outlets) { (self.clock, self.outlets) = (clock, outlets) }

    /// A verdict may have been recorded, or the end told.
    func look() {
        guard let untold = outlets.untold(), untold > 0 else { return wait(soon: false, waiting: false) }
        let settings = outlets.settings()
        let soon = untold >= settings.headVerdicts
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
}
