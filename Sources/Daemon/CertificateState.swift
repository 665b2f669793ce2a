import Files
import Glibc
import Keys
import OperatorText

extension StatusReport {
    /// Our client certificate towards the broker, as its file has it now. The clock is this machine's, and decides nothing.
    public struct CertificateState: Codable, Equatable, Sendable {
        /// Its expiry date; nil if the file holds no certificate.
        var until: String?
        /// Whole days until then; negative once it has expired.
        var daysLeft: Int?
        /// When its automatic renewal starts; nil if this beacon does not renew it.
        var renewal: String?
        /// The last attempt, if it has failed: when, why, how many in a row, and when the next one is expected.
        var failedAt, fault, nextAttempt: String?
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        var failures: Int?

        init(_ certificate: Certificate?, at now: Int64, renewal: Int64?, failure: CertificateRenewal.Failure? = nil) {
            until = certificate.map { Timestamp($0.notAfter).description }
            daysLeft = certificate.map { Int((Double($0.notAfter - now) / 86_400).rounded(.down)) }
            self.renewal = renewal.map { Timestamp($0).description }
            guard let failure else { return }
            (failedAt, nextAttempt) = (Timestamp(failure.at).description, Timestamp(failure.next).description)
            (fault, failures) = (failure.cause, failure.count)
        }

        /// What went wrong with its renewal; nil: nothing.
        package var trouble: String? {
            guard let failedAt, let fault, let nextAttempt, let failures else { return nil }
            let times = failures == 1 ? "renewal failed" : "\(failures) renewals failed, the last one"
            return "\(times) at \(failedAt): \(fault); next attempt about \(nextAttempt)"
        }

        /// What to do about it.
        package static let hint = "srup-beacon renew, once the fault is corrected"

        /// For a person: one line, and two more if its renewal fails.
        var text: String {
            guard let until, let daysLeft else { return "certificate: its file holds none" }
            let left =
                switch daysLeft {
                case ..<0: "expired by this machine's clock"
                case 0: "less than a day left"
                case 1: "1 day left"
                default: "\(daysLeft) days left"
                }
            let head = "certificate: until \(until), \(left), "
            if let trouble {
                return head + "not renewed yet\n  \(trouble)\n  hint: \(StatusReport.CertificateState.hint)"
            }
            return head + (renewal.map { "renews automatically from \($0)" } ?? "not renewed by this beacon")
        }
    }
}

extension Configuration {
    /// The client certificate, as its file has it now; nil if it holds none.
    var clientCertificate: Certificate? {
        (try? File.read(tls.certificate, isFollowing: true)).flatMap { try? Certificate(pem: $0) }
    }
}

extension DaemonState {
    var certificate: Certificate? { configuration.clientCertificate }

    var certificateState: StatusReport.CertificateState {
        .init(certificate, at: Int64(time(nil)), renewal: renewal?.due, failure: renewal?.presentFailure)
    }
}
