import EventLoop
import Logging
import OperatorText

/// A journal that cannot be written: tried again until it can, and told to the operator meanwhile (decisions/0003).
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class JournalRecovery: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// Opens the journal, restores what is in it, and writes what follows from that.
        /// - Returns: whether it is still open then.
        /// - Throws: `Journal.Failure`, or `OperatorError` where a person is needed.
        let open: () throws -> Bool
        /// What the journal's health is has changed.
        let changed: () -> Void
        /// The journal can be written again.
        let recovered: () -> Void
        /// Seconds since 1970.
        let wallSeconds: () -> Int64
    }

    /// How often a journal that cannot be written is tried again.
    static let pause = Duration.seconds(1)

    var health = JournalHealth()
    private let folder: String
    private let clock: any LoopClock
    private let log: Logger
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in attempt() }

    /// - Parameter folder: where the journal is, for the operator.
    init(_ folder: String, clock: any LoopClock, log: Logger, outlets: Outlets) {
        (self.folder, self.clock, self.log, self.outlets) = (folder, clock, log, outlets)
    }

    /// Logs that the journal cannot be written, and schedules an attempt to open it.
    func begin(after failure: Journal.Failure) {
        if health.failed(failure, at: clock.now, wallSeconds: outlets.wallSeconds()) {
            log.error("\(failure.message); nothing is acted on until it can; hint: \(failure.hint(folder))")
        }
        outlets.changed()
        timer.set(after: JournalRecovery.pause)
    }

    private func attempt() {
        guard health.failure != nil else { return }
        do {
            guard try outlets.open() else { return }  // it failed again at the first write
            log.notice("the journal can be written again")
            outlets.recovered()
            outlets.changed()
        } catch let fault as any OperatorError {
            log.error("\(fault.message); hint: \(fault.hint(for: .beacon))")
            outlets.changed()
            timer.set(after: JournalHealth.logPause)
        } catch let failure as Journal.Failure {
            begin(after: failure)
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
