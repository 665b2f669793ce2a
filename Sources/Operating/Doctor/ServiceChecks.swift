import Daemon
import Files
import OperatorText

// The beacon that runs: its user, its sandbox, and what it may open.
extension Doctor {
    /// The running beacon, as /proc shows it.
    func service(_ configuration: Configuration) -> [CheckResult] {
        let path = configuration.stateFolder + "/control"
        guard status != nil, let process = Control.process(at: path) else {
            return [
                .init("beacon", .skipped, path, "no beacon runs", do: "systemctl start srup-beacon, or srup-beacon run")
            ]
        }
        let words = (try? File.read("/proc/\(process)/status")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        var fields: [Substring: Substring] = [:]
        for line in words.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0]] = parts[1].drop { $0 == "\t" || $0 == " " } }
        }
        let user = fields["Uid"]?.split(separator: "\t").first ?? "?"
        let running = CheckResult(
            "beacon", user == "0" ? .warning : .good, "process \(process)",
            "version \(status?.version ?? "?"), up \(status?.uptimeSeconds ?? 0) s, as user \(user)",
            do: user == "0" ? "run it as a user of its own: the package's unit does" : nil)
        let capabilities = fields["CapEff"].flatMap { UInt64($0, radix: 16) } ?? .max
        let isClosed = fields["NoNewPrivs"] == "1" && fields["Seccomp"] == "2" && capabilities == 0
        return [
            running, descriptors(of: process, configuration),
            .init(
                "sandbox", isClosed ? .good : .warning, "/proc/\(process)/status",
                isClosed
                    ? "no capability, no new privileges, system calls are filtered"
                    : "capabilities 0x\(String(capabilities, radix: 16)), no new privileges \(fields["NoNewPrivs"] ?? "?"), "
                        + "system call filter \(fields["Seccomp"] ?? "?")",
                do: isClosed
                    ? nil : "the package's unit closes what is open here: docs/operations.md, \"Permissions\""),
        ]
    }

    /// How many files it may open, and whether that is enough for its links.
    private func descriptors(of process: Int32, _ configuration: Configuration) -> CheckResult {
        let path = "/proc/\(process)/limits"
        let lines = (try? File.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = lines.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        guard let limit = line?.split(separator: " ").dropFirst(3).first.flatMap({ Int($0) }) else {
            return .init("descriptors", .skipped, path, "the limit on open files cannot be read")
        }
        guard let fault = configuration.descriptorFinding(limit: limit) else {
            return .init("descriptors", .good, path, "it may open \(limit) files: enough for all links")
        }
        return .init("descriptors", .warning, path, fault.message, do: fault.hint(for: .beacon))
    }
}
