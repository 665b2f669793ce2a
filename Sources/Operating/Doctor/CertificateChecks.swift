import Broker
import Daemon
import Keys
import OperatorText

// Certificates: ours and the CAs' in their files, and the broker's as it is presented.
extension Doctor {
    /// The key and the certificate for the broker, and every file with CAs.
    func accessFiles(_ configuration: Configuration) -> [CheckResult] {
        guard !Doctor.isCredential(configuration.tls.key) else {
            return [.init("certificate", .skipped, configuration.tls.key, "a credential: only the service can read it")]
        }
        do {
            try checkPrivateKeyFile(configuration.tls.key)
        } catch {
            return [Doctor.bad("access key", configuration.tls.key, error)]
        }
        do throws(BrokerFault) {
            try configuration.tls.check()
        } catch {
            return [
                .init("certificate", .bad, configuration.tls.certificate, error.message, do: error.hint(for: .beacon))
            ]
        }
        return configuration.certificateFiles.flatMap { file in
            Doctor.certificates(file, configuration.findings(in: file, at: wallSeconds()))
        }
    }

    /// What is wrong with the certificates of one file, or until when they are valid.
    private static func certificates(_ file: CertificateFile, _ findings: [CertificateFinding]) -> [CheckResult] {
        let name =
            switch file {
            case .own: "certificate"
            case .broker: "broker's CA"
            case .update: "update CA"
            case .registry: "registry CA"
            }
        guard findings.isEmpty else {
            return findings.map { finding in
                .init(
                    name, finding.isBad ? .bad : .warning, file.path, finding.message, do: finding.hint)
            }
        }
        let end = Configuration.end(of: file).map { Timestamp($0).description } ?? "?"
        return [.init(name, .good, file.path, "valid until \(end)")]
    }

    /// Of the broker's certificate, by this machine's clock.
    static func validity(_ check: String, _ lookedAt: String, _ from: Int64, _ until: Int64) -> CheckResult {
        let now = wallSeconds()
        let (verdict, words): (CheckResult.Verdict, String) =
            now >= until
            ? (.bad, "expired on")
            : now < from
                ? (.bad, "not valid before \(Timestamp(from)); expires on")
                : until - now < 7 * 86_400 ? (.warning, "expires soon, on") : (.good, "valid until")
        let hint = verdict == .good ? nil : "have it renewed at the broker, or correct this machine's clock"
        return .init(check, verdict, lookedAt, "\(words) \(Timestamp(until))", do: hint)
    }
}
