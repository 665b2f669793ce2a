import Daemon
import FoundationEssentials
import Glibc
import Observing
import OperatorText
import SRUP

/// The result of one check.
public struct CheckResult: Codable, Equatable, Sendable {
    /// What it says of the beacon.
    public enum Verdict: String, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case good
        /// It works, but the operator should know about it.
        case warning
        /// The beacon cannot do its work, or not safely.
        case bad
        /// It could not be checked, or there is nothing to check.
        case skipped
    }

    /// A name of one or two words.
    public var check: String
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var verdict: Verdict
    /// A file, an address, a setting.
    public var lookedAt: String
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var found: String
    /// What to do; nil: nothing.
    public var hint: String?
}

/// Checks everything that a beacon needs, from outside: `srup-beacon doctor`. It changes nothing.
public struct Doctor {
    let file: String
    let say: (CheckResult) -> Void
    /// Whether brokers are visited as an MQTT client, under an id of its own.
    let visits: Bool
    /// What the running beacon tells, if one runs.
    var status: StatusReport?

    /// A doctor of the beacon with this configuration file; each finding is told as soon as it is made.
    /// - Parameter visits: whether brokers are connected to as an MQTT client; not where a broker makes the client id of the
    ///   certificate's name, since it would then disconnect the beacon.
    public init(configurationFile: String, visits: Bool, say: @escaping (CheckResult) -> Void) {
        (file, self.visits, self.say) = (configurationFile, visits, say)
    }

    /// Runs all checks.
    /// - Returns: whether nothing is bad.
    public mutating func examine() -> Bool {
        var isGood = true
        let tell = say
        func note(_ findings: [CheckResult]) {
            for finding in findings {
                tell(finding)
                if finding.verdict == .bad { isGood = false }
            }
        }
        note(versions() + clock() + entropy())
        guard let configuration = read(note) else { return false }
        note(becomeItsUser(configuration))
        status = (try? Inquiry.status(configuration)).flatMap { try? Inquiry.report($0) }
        note(keys(configuration) + disk(configuration) + service(configuration))
        for broker in configuration.brokers { note(self.broker(broker, configuration)) }
        note(
            registry(configuration) + renewal() + Doctor.shared(configuration) + memberships(configuration)
                + Doctor.settings(configuration) + listening() + radio(configuration)
                + traffic() + neighbours(configuration))
        return isGood
    }

    /// The files belong to the beacon's user: root switches to that user, to see what the beacon sees.
    private func becomeItsUser(_ configuration: Configuration) -> [CheckResult] {
        var state = stat()
        guard geteuid() == 0, stat(configuration.stateFolder, &state) == 0, state.st_uid != 0 else { return [] }
        guard let user = getpwuid(state.st_uid)?.pointee, initgroups(user.pw_name, user.pw_gid) == 0,
            setgid(user.pw_gid) == 0, setuid(user.pw_uid) == 0
        else {
            return [
                .init(
                    "user", .warning, configuration.stateFolder, "cannot switch to user \(state.st_uid)",
                    do: "run this as the beacon's user")
            ]
        }
        return [.init("user", .good, configuration.stateFolder, "checked as user \(state.st_uid), its owner")]
    }

    private func read(_ note: ([CheckResult]) -> Void) -> Configuration? {
        do {
            let configuration = try Configuration(file: file)
            let fragments = try ConfigurationFiles.fragments(of: file).count
            let read = fragments == 0 ? "" : ", with \(fragments) files of \(ConfigurationFiles.folder(of: file))"
            note([
                .init(
                    "configuration", .good, file,
                    "every line is understood\(read); identity \(configuration.identity), hash \(configuration.hash)")
            ])
            return configuration
        } catch let fault as any OperatorError {
            note([.init("configuration", .bad, file, fault.message, do: fault.hint(for: .beacon))])
        } catch {
            preconditionFailure("\(error)")
        }
        return nil
    }
}

extension CheckResult {
    init(_ check: String, _ verdict: Verdict, _ lookedAt: String, _ found: String, do hint: String? = nil) {
        (self.check, self.verdict, self.lookedAt, self.found, self.hint) = (check, verdict, lookedAt, found, hint)
    }
}

/// Findings as one JSON array.
public func findingsJSON(_ findings: [CheckResult]) throws -> String {
    String(decoding: try encoder().encode(findings), as: UTF8.self)
}
