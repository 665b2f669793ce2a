import BootTime
import EventLoop
import Glibc
import Logging
import Observing
import SRUP

/// The light that blinks where a server asks the beacon to identify itself to people near by.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class IdentificationLight: @unchecked Sendable {
    static let pause = Duration.milliseconds(250)

    private let path: String?
    private let clock: any LoopClock
    private let log: Logger
    private lazy var timer = clock.timer { [unowned self] in toggle() }
    /// Until when it blinks; nil: it does not.
    private var end: Instant?
    private var isOn = false

    /// - Parameter path: takes "1" and "0"; nil: there is no light.
    init(_ path: String?, clock: any LoopClock, log: Logger) { (self.path, self.clock, self.log) = (path, clock, log) }

    /// Blinks; a second request starts again.
    /// - Returns: false where there is no light, or it does not take what is written.
    func blink(seconds: UInt32, askedBy server: Identifier) -> Bool {
        guard let path else {
            log.warning("server \(server) asks this beacon to identify itself; hint: name a light in [beacon] light")
            return false
        }
        guard set(path, on: true) else { return false }
        log.notice("server \(server) asks this beacon to identify itself: the light blinks for \(seconds) s")
        (end, isOn) = (clock.now + .seconds(Int64(seconds)), true)
        timer.set(after: IdentificationLight.pause)
        return true
    }

    private func toggle() {
        guard let path, let end else { return }
        let isOver = clock.now >= end
        isOn = isOver ? false : !isOn
        guard set(path, on: isOn), !isOver else {
            self.end = nil
            return
        }
        timer.set(after: IdentificationLight.pause)
    }

    private func set(_ path: String, on: Bool) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
        let isWritten = file >= 0 && write(file, on ? "1" : "0", 1) == 1
        if !isWritten { log.warning("the light \(path) cannot be switched: \(String(cString: strerror(errno)))") }
        if file >= 0 { close(file) }
        return isWritten
    }
}
