import EventLoop
import Files
import Logging
import Observing

/// Keeps the textfile of metrics up to date, for a collector that reads files.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class MetricsFile: @unchecked Sendable {
    private let clock: any LoopClock
    private let log: Logger
    private let text: () -> String
    private var timer: (any LoopTimer)?
    private var settings: (file: String?, interval: Duration)?
    /// Why it could not be written the last time; each reason is logged once in a row.
    private var fault: FileError?

    /// - Parameter text: the metrics as they are when it is called.
    init(clock: any LoopClock, log: Logger, text: @escaping () -> String) {
        (self.clock, self.log, self.text) = (clock, log, text)
    }

    /// Writes it now, and again after each interval, until other settings are given.
    /// - Parameter settings: if they name no file, nothing is written.
    func keep(_ settings: (file: String?, interval: Duration)) {
        self.settings = settings
        write()
    }

    /// Stops writing.
    func stop() { (settings, timer) = (nil, nil) }

    /// Atomic: the file is replaced completely or not at all.
    private func write() {
        guard let settings, let path = settings.file else { return }
        do throws(FileError) {
            try File.replace(path, with: Array(text().utf8), mode: 0o644, isSynced: false)
            fault = nil
        } catch {
            if error != fault {
                log.warning("the metrics cannot be written to \(path): \(error)", metadata: .of("metrics"))
            }
            fault = error
        }
        let timer = timer ?? clock.timer { [unowned self] in write() }
        self.timer = timer
        timer.set(after: settings.interval)
    }
}
