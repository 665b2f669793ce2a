import CLinux
import Enrolling
import Glibc
import Keys
import Links
import Observing
import SRUP

/// When the client certificate is to be renewed. The wall clock says that it is time, and nothing else: a certificate is used
/// until a new one has been tried, whatever the clock says.
struct RenewalSchedule: Equatable {
    /// Seconds since 1970.
    let notBefore: Int64
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    let notAfter: Int64
    var failures = 0

    /// How often the clock is looked at: it may jump.
    static let longestLook = 3_600.0
    /// The wait after the first failure, doubled after each one, and the longest.
    static let (firstRetry, longestRetry) = (60.0, 21_600.0)

    /// At two thirds of its life.
    var due: Int64 { notBefore + (notAfter - notBefore) / 3 * 2 + (notAfter - notBefore) % 3 * 2 / 3 }

    func isDue(_ now: Int64) -> Bool { now >= due }

    /// Seconds until the clock is looked at again.
    /// - Parameter fraction: random, 0 to 1: many beacons whose service was away shall not come back in the same second.
    func wait(_ now: Int64, fraction: Double) -> Double {
        guard failures > 0 else { return min(max(Double(due - now), 0) + 1, RenewalSchedule.longestLook) }
        let doubled = RenewalSchedule.firstRetry * Double(1 << min(failures - 1, 16))
        // A certificate of minutes, as on a bench, cannot wait as long as one of months.
        let lifetime = Double(max(notAfter - notBefore, 0))
        let bound = max(1, min(doubled, RenewalSchedule.longestRetry, lifetime / 20))
        return bound / 2 + bound / 2 * fraction
    }
}

/// Renews the client certificate while the daemon runs, in a process of its own: the HTTP client never enters the daemon.
struct Renewing {
    let alarm: Alarm
    let folder: CredentialFolder
    var schedule: RenewalSchedule
    var isUnderWay = false
}

extension Shell {
    /// Begins to look after the certificate, where it came from an enrolment.
    func startRenewing() {
        guard let folder = CredentialFolder(managing: configuration), let schedule = Shell.schedule(folder) else {
            return
        }
        let alarm = Alarm(loop) { [unowned self] in assumeIsolated { $0.lookAtCertificate() } }
        renewing = Renewing(alarm: alarm, folder: folder, schedule: schedule)
        setRenewalAlarm()
    }

    private static func schedule(_ folder: CredentialFolder) -> RenewalSchedule? {
        guard let bytes = readSmallFile(folder.access.certificate), let certificate = try? Certificate(pem: bytes)
        else { return nil }
        return RenewalSchedule(notBefore: certificate.notBefore, notAfter: certificate.notAfter)
    }

    private func setRenewalAlarm() {
        guard let renewing else { return }
        let wait = renewing.schedule.wait(Int64(time(nil)), fraction: .random(in: 0...1))
        renewing.alarm.set(after: .seconds(wait))
    }

    private func lookAtCertificate() {
        guard let renewing, !renewing.isUnderWay else { return }
        guard renewing.schedule.isDue(Int64(time(nil))) else { return setRenewalAlarm() }
        self.renewing?.isUnderWay = true
        log.notice("the certificate lasts until \(wallTime(renewing.schedule.notAfter)): renewing it")
        let (file, loop) = (configurationFile, loop)
        startThread("renewal") {
            let result = RenewalProcess.run(configuration: file)
            loop.perform { self.assumeIsolated { $0.renewalEnded(result) } }
        }
    }

    private func renewalEnded(_ result: RenewalProcess.Result) {
        guard let renewing else { return }
        self.renewing?.isUnderWay = false
        let failures = renewing.schedule.failures + 1
        if result.succeeded, let new = Shell.schedule(renewing.folder), new != renewing.schedule {
            self.renewing?.schedule = new
            // One that is due at once would have us renew without end.
            if new.isDue(Int64(time(nil))) { self.renewing?.schedule.failures = failures }
            log.notice("the certificate has been renewed: it lasts until \(wallTime(new.notAfter))")
            broker?.reconnect()
        } else {
            self.renewing?.schedule.failures = failures
            log.warning(
                "the certificate has not been renewed: \(result.words); the old one goes on, and it is tried again")
        }
        setRenewalAlarm()
    }
}

/// `srup-beacon renew`, as a child.
enum RenewalProcess {
    struct Result: Sendable {
        var succeeded: Bool
        /// What it said, in one line.
        var words: String
    }

    /// Two requests' and two brokers' time limits are below it.
    private static let longest: Int64 = 300_000_000_000

    /// Starts it and waits for its end.
    static func run(configuration: String) -> Result {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return Result(succeeded: false, words: String(cString: strerror(errno))) }
        let (reading, writing) = (ends[0], ends[1])
        _ = fcntl(reading, F_SETFD, FD_CLOEXEC)
        _ = fcntl(writing, F_SETFD, FD_CLOEXEC)
        defer { close(reading) }
        let child = start(configuration, writing)
        close(writing)
        guard let child else { return Result(succeeded: false, words: "it cannot be started") }
        let said = output(reading, child)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let words = said.split(separator: "\n").map {
            $0.hasPrefix("srup-beacon: ") ? $0.dropFirst("srup-beacon: ".count) : $0
        }
        return Result(
            succeeded: status == 0, words: words.isEmpty ? "it ended with \(status)" : words.joined(separator: "; "))
    }

    private static func start(_ configuration: String, _ output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // Libraries open sockets that they do not close on exec.
        clinux_close_from(&actions, 3)
        // The daemon blocks and ignores signals, and a child would inherit that.
        var (attributes, none, usual) = (posix_spawnattr_t(), sigset_t(), sigset_t())
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        sigemptyset(&none)
        sigemptyset(&usual)
        sigaddset(&usual, SIGPIPE)
        sigaddset(&usual, SIGXFSZ)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        let arguments = ["srup-beacon", "renew", "--config", configuration]
        let argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for text in argv { free(text) } }
        var child: pid_t = 0
        // Of the program that runs, also where a package has replaced its file meanwhile.
        guard posix_spawn(&child, "/proc/self/exe", &actions, &attributes, argv, environ) == 0 else { return nil }
        return child
    }

    /// What it says, up to a bound, until it has closed its end; one that does not come to an end is ended.
    private static func output(_ reading: Int32, _ child: pid_t) -> String {
        var said: [UInt8] = []
        let deadline = bootNanoseconds() + longest
        var buffer = [UInt8](repeating: 0, count: 1_024)
        while true {
            var one = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
            let left = deadline - bootNanoseconds()
            guard left > 0 else {
                kill(child, SIGKILL)
                return "it did not end in time"
            }
            guard poll(&one, 1, Int32(min(left / 1_000_000, 60_000)) + 1) > 0 else { continue }
            let count = read(reading, &buffer, buffer.count)
            guard count > 0 else { break }
            if said.count < 4_096 { said += buffer[..<count] }
        }
        return String(decoding: said.map { $0 == 0x0A || (0x20...0x7E).contains($0) ? $0 : 0x2E }, as: UTF8.self)
    }
}
