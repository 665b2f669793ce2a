import Daemon
import ProofLink

// Whether devices can reach the beacon, and which proofs it accepts.
extension Doctor {
    /// What the running beacon says of the transports that are on, of every kind.
    func listening() -> [CheckResult] {
        guard let status else { return [.init("listening", .skipped, "[link]", "no beacon runs")] }
        let faults = status.links.filter { $0.state != .listening }
        let findings = faults.map {
            CheckResult(
                "listening", .bad, "\($0.transport.rawValue) \($0.address)", $0.state.rawValue,
                do: $0.hint ?? "see docs/operations.md, \"Radio\"")
        }
        guard !findings.isEmpty else {
            let names = status.links.map(\.transport.rawValue)
            return [.init("listening", .good, "[link]", "on \(Set(names).sorted().joined(separator: ", "))")]
        }
        guard faults.count == status.links.count else { return findings }
        return findings + [.init("listening", .bad, "[link]", "on nothing: no device can prove itself")]
    }

    /// Settings that are valid and keep devices out.
    static func settings(_ configuration: Configuration) -> [CheckResult] {
        configuration.warnings.map { .init("settings", .warning, "[link]", $0.message, do: $0.hint(for: .beacon)) }
    }
}
