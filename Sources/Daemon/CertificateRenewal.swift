import EventLoop
import Logging
import OperatorText

/// Renews the client certificate while the daemon runs, in a process of its own: the HTTP client never enters the daemon.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class CertificateRenewal: @unchecked Sendable {
    /// What the renewal needs of the machine and of the rest of the daemon.
    struct Outlets {
        /// The schedule of the certificate that is in its file now; nil where there is none.
        let schedule: () -> RenewalSchedule?
        /// Seconds since 1970.
        let wallSeconds: () -> Int64
        /// Renews it, and blocks until that has ended.
        let renew: @Sendable () -> ChildProcess.Result
        /// There is a new certificate.
        let renewed: () -> Void
    }

    /// As the certificate's file had it when it was last read.
    private(set) var schedule: RenewalSchedule
    /// The last attempt of this process, if it has failed.
    private(set) var failure: Failure?
    private let log: Logger
    private let background: BackgroundWork
    private let outlets: Outlets
    private let clock: any LoopClock
    private lazy var timer = clock.timer { [unowned self] in look() }
    private var isUnderWay = false

    /// An attempt that has not renewed it.
    struct Failure: Equatable {
        /// Seconds since 1970, and when the next attempt is expected.
        let at, next: Int64
        /// Why, in the words of `renew`.
        let cause: String
        /// How many have failed in a row, with this one.
        let count: Int
    }

    /// - Returns: nil if there is no certificate to renew.
    init?(clock: any LoopClock, log: Logger, background: BackgroundWork, outlets: Outlets) {
        guard let schedule = outlets.schedule() else { return nil }
        (self.schedule, self.clock, self.log, self.background, self.outlets) = (
            schedule, clock, log, background, outlets
        )
        setTimer()
    }

    /// - Returns: in how many seconds it is looked at again.
    @discardableResult
    private func setTimer() -> Double {
        let seconds = schedule.wait(outlets.wallSeconds(), fraction: .random(in: 0...1))
        timer.set(after: .seconds(seconds))
        return seconds
    }

    /// The last attempt, if it has failed and the file still has the certificate that it was about.
    var presentFailure: Failure? { isReplaced ? nil : failure }

    /// From when the certificate that is in its file is renewed, in seconds since 1970.
    var due: Int64 { (outlets.schedule() ?? schedule).due }

    private var isReplaced: Bool { outlets.schedule().map { !$0.isSameCertificate(as: schedule) } ?? false }

    /// Goes on with the certificate that a person has had renewed meanwhile, if there is one.
    /// - Returns: whether there is.
    @discardableResult
    func takeReplaced() -> Bool {
        guard !isUnderWay, isReplaced, let new = outlets.schedule() else { return false }
        (schedule, failure) = (new, nil)
        setTimer()
        outlets.renewed()
        return true
    }

    private func look() {
        guard !isUnderWay, !takeReplaced() else { return }
        guard schedule.isDue(outlets.wallSeconds()) else {
            setTimer()
            return
        }
        isUnderWay = true
        log.notice("the certificate lasts until \(Timestamp(schedule.notAfter)): renewing it")
        background.run("renewal", outlets.renew) { [weak self] in self?.ended($0) }
    }

    private func ended(_ result: ChildProcess.Result) {
        isUnderWay = false
        let failures = schedule.failures + 1
        if result.succeeded, let new = outlets.schedule(), !new.isSameCertificate(as: schedule) {
            schedule = new
            // One that is due at once would cause endless renewals.
            if new.isDue(outlets.wallSeconds()) { schedule.failures = failures }
            log.notice("the certificate has been renewed: it lasts until \(Timestamp(new.notAfter))")
            failure = nil
            setTimer()
            outlets.renewed()
        } else {
            schedule.failures = failures
            let cause = result.succeeded ? "the service has given the same certificate again" : result.words
            let now = outlets.wallSeconds()
            failure = Failure(at: now, next: now + Int64(setTimer()), cause: cause, count: failures)
            log.warning("the certificate has not been renewed: \(cause); the old one goes on, and it is tried again")
        }
    }
}
