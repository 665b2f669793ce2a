import EventLoop
import Files
import Keys

/// When the client certificate is renewed. The wall clock says that it is time, and nothing else: a certificate is used
/// until a new one has been tried, whatever the clock says.
struct RenewalSchedule: Equatable {
    /// Seconds since 1970.
    let notBefore: Int64
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    let notAfter: Int64
    /// Where in the time over which renewals are spread this certificate's lies, 0 to 1: the same after a restart.
    var place = 0.0
    var failures = 0

    /// Seconds over which the renewals of certificates that were issued at the same time are spread: a week. Of a certificate that lasts
    /// less than ninety days, as much of its lifetime as a week is of ninety days.
    static let (spread, lifetimeOfSpread) = (7.0 * 86_400, 90.0 * 86_400)

    /// How often the clock is read: it may jump.
    static let maximumLook = 3_600.0
    /// The wait after the first failure, doubled after each one, and the longest.
    static let (initialRetry, maximumRetry) = (60.0, 21_600.0)

    /// In the week before two thirds of its life are over.
    var due: Int64 {
        let latest = notBefore + (notAfter - notBefore) / 3 * 2 + (notAfter - notBefore) % 3 * 2 / 3
        let lifetime = Double(max(notAfter - notBefore, 0))
        let spread = min(
            RenewalSchedule.spread, lifetime * RenewalSchedule.spread / RenewalSchedule.lifetimeOfSpread)
        return latest - Int64(spread * place)
    }

    func isSameCertificate(as other: RenewalSchedule) -> Bool {
        (notBefore, notAfter) == (other.notBefore, other.notAfter)
    }

    func isDue(_ now: Int64) -> Bool { now >= due }

    /// Seconds until the clock is read again.
    /// - Parameter fraction: random, 0 to 1: many beacons whose service was unavailable must not retry in the same second.
    func wait(_ now: Int64, fraction: Double) -> Double {
        guard failures > 0 else { return min(max(Double(due - now), 0) + 1, RenewalSchedule.maximumLook) }
        let doubled = RenewalSchedule.initialRetry * Double(1 << min(failures - 1, 16))
        // A certificate of minutes, as on a bench, cannot wait as long as one of months.
        let lifetime = Double(max(notAfter - notBefore, 0))
        let bound = max(1, min(doubled, RenewalSchedule.maximumRetry, lifetime / 20))
        return bound / 2 + bound / 2 * fraction
    }
}

extension RenewalSchedule {
    /// Of the certificate in a file; nil where it holds none.
    init?(certificate path: String) {
        guard let bytes = try? File.read(path, isFollowing: true), let certificate = try? Certificate(pem: bytes) else {
            return nil
        }
        // The certificate holds the identity, and a random number of its own.
        let hash = sha256(certificate.der).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
        self.init(
            notBefore: certificate.notBefore, notAfter: certificate.notAfter, place: Double(hash) / Double(UInt32.max))
    }
}

extension Shell {
    /// Starts the automatic renewal of the certificate, if it came from an enrolment.
    func startRenewal() {
        guard let folder = CredentialFolder(managing: configuration) else { return }
        let file = startup.configurationFile
        renewal = CertificateRenewal(
            clock: clock, log: log, background: background,
            outlets: CertificateRenewal.Outlets(
                schedule: { RenewalSchedule(certificate: folder.access.certificate) }, wallSeconds: wallSeconds,
                // Two requests' and two brokers' time limits are below it, and the wait for a busy service.
                renew: {
                    ChildProcess.run(
                        ChildProcess.ourselves, ["renew", "--config", file, "--wait", "90"], limit: .seconds(300))
                },
                renewed: { [unowned self] in assumeIsolated { $0.broker.link?.reconnect() } }))
    }
}
