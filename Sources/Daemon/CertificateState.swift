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

        init(_ certificate: Certificate?, at now: Int64, renewal: Int64?) {
            until = certificate.map { Timestamp($0.notAfter).description }
            daysLeft = certificate.map { Int((Double($0.notAfter - now) / 86_400).rounded(.down)) }
            self.renewal = renewal.map { Timestamp($0).description }
        }

        /// For a person: one line.
        var text: String {
            guard let until, let daysLeft else { return "certificate: its file holds none" }
            let left =
                switch daysLeft {
                case ..<0: "expired by this machine's clock"
                case 0: "less than a day left"
                case 1: "1 day left"
                default: "\(daysLeft) days left"
                }
            return "certificate: until \(until), \(left), "
                + (renewal.map { "renews automatically from \($0)" } ?? "not renewed by this beacon")
        }
    }
}

extension DaemonState {
    var certificate: Certificate? {
        (try? File.read(configuration.tls.certificate, isFollowing: true)).flatMap { try? Certificate(pem: $0) }
    }

    var certificateState: StatusReport.CertificateState {
        .init(certificate, at: Int64(time(nil)), renewal: renewalDue)
    }
}
