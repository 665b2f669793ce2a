import EventLoop
import FoundationEssentials
import Glibc
import Observing
import SRUP

// Who we are: to servers that ask, and to people near by.
extension Shell {
    /// A light that goes on and off.
    struct Blinking {
        let alarm: Alarm
        let end: Int64
        var isOn = false
    }

    private static let blinkPause = Duration.milliseconds(250)

    /// The answer to ID_REQUEST: product, version, and the transports that are listened on.
    static func identification(_ configuration: Configuration) -> String {
        struct Identification: Encodable {
            var product = "srup-beacon"
            var version = Shell.version
            var transports: [String]
        }
        let transports = configuration.listeners.map(\.address.transport.rawValue)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try? encoder.encode(
            Identification(transports: transports.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }))
        return json.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// Blinks; a second request starts anew.
    /// - Returns: false where there is no light, or it does not take what is written.
    func identify(for seconds: UInt32, asked server: Identifier) -> Bool {
        guard let light = configuration.lightFile else {
            log.warning("server \(server) asks this beacon to identify itself; hint: name a light in [beacon] light")
            return false
        }
        guard switchLight(light, on: true) else { return false }
        log.notice("server \(server) asks this beacon to identify itself: the light blinks for \(seconds) s")
        let alarm =
            membership.blinking?.alarm ?? Alarm(loop) { [unowned self] in assumeIsolated { $0.blink(light) } }
        membership.blinking = Blinking(
            alarm: alarm, end: bootNanoseconds() + Int64(seconds) * 1_000_000_000, isOn: true)
        alarm.set(after: Shell.blinkPause)
        return true
    }

    private func blink(_ light: String) {
        guard let blinking = membership.blinking else { return }
        let isOver = bootNanoseconds() >= blinking.end
        membership.blinking?.isOn = isOver ? false : !blinking.isOn
        guard switchLight(light, on: membership.blinking?.isOn ?? false), !isOver else {
            membership.blinking = nil
            return
        }
        blinking.alarm.set(after: Shell.blinkPause)
    }

    private func switchLight(_ path: String, on: Bool) -> Bool {
        let file = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK)
        let isWritten = file >= 0 && write(file, on ? "1" : "0", 1) == 1
        if !isWritten { log.warning("the light \(path) cannot be switched: \(String(cString: strerror(errno)))") }
        if file >= 0 { Glibc.close(file) }
        return isWritten
    }
}
