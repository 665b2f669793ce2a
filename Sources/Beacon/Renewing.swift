import Enrolling
import EventLoop
import Glibc
import Keys
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
            // Two requests' and two brokers' time limits are below it.
            let result = ChildProcess.run(
                ChildProcess.ourselves, ["renew", "--config", file], limit: .seconds(300))
            loop.perform { self.assumeIsolated { $0.renewalEnded(result) } }
        }
    }

    private func renewalEnded(_ result: ChildProcess.Result) {
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
