import FoundationEssentials
import OperatorText

/// What `srup-beacon config` tells: every setting with its value and where that comes from.
public struct EffectiveConfiguration: Codable, Equatable, Sendable {
    /// One setting.
    public struct Entry: Codable, Equatable, Sendable {
        package var section: String
        package var key: String
        /// As a file has it; nil: it has none.
        package var value: String?
        /// The file that it comes from; nil: it is the default.
        package var file: String?
        /// Of that file.
        package var line: Int?

        /// `default`, or `FILE:LINE`.
        package var source: String { file.map { "\($0):\(line ?? 0)" } ?? "default" }
    }

    /// See `Configuration.hash`.
    public var hash: String
    /// The same of the beacon that runs; nil: none answers, or an older one does not tell.
    public var runningHash: String?
    /// The files that were read, in order.
    package var files: [String]
    /// Every setting, also those with their defaults.
    package var settings: [Entry]

    /// Reads and checks the configuration.
    /// - Throws: `OperatorFault`, as the beacon's start.
    public init(file path: String) throws {
        let files = try ConfigurationFiles(path)
        self.init(try Configuration(files), files)
    }

    init(_ configuration: Configuration, _ files: ConfigurationFiles) {
        (hash, self.files) = (configuration.hash, [files.path] + files.fragments)
        let inForce = files.inForce
        settings = configuration.lines.map { line in
            let setting = inForce[EffectiveConfiguration.subject(line)]
            return Entry(
                section: line.section, key: line.key, value: line.value, file: setting?.file, line: setting?.line)
        }
    }

    /// As `Setting.subject` has it.
    private static func subject(_ line: Configuration.Line) -> String {
        Setting(section: line.section, key: line.key, value: "", file: "", line: 0).subject
    }

    /// Notes the hash of the beacon that runs, if one answers.
    public mutating func askRunning() {
        let running = settings.first { $0.section == "beacon" && $0.key == "state" }?.value
        let reply = running.flatMap { try? Control.ask($0 + "/control", .status) }
        runningHash = reply.flatMap { try? Inquiry.report($0) }?.configuration
    }

    /// What to do where the beacon that runs has other settings; nil: nothing.
    public var difference: String? {
        guard let runningHash, runningHash != hash else { return nil }
        return
            "the running beacon has the configuration \(runningHash): have it read again (systemctl reload srup-beacon), "
            + "or restart it where its log says that a change needs that"
    }

    /// For a person, and for the beacon: a configuration file, with the source of each value behind it.
    public var text: String {
        var lines = ["; configuration \(hash)"] + files.map { "; read: \($0)" }
        if let difference { lines.append("; \(difference)") }
        var section = ""
        for entry in settings {
            if entry.section != section { lines += ["", "[\(entry.section)]"] }
            section = entry.section
            let line = entry.value.map { "\(entry.key) = \($0)" } ?? ";\(entry.key) ="
            let room = String(repeating: " ", count: max(2, 40 - line.count))
            lines.append("\(line)\(room); \(entry.source)")
        }
        return lines.joined(separator: "\n")
    }

    /// One JSON object, for machines.
    public func json() throws -> String { String(decoding: try encoder().encode(self), as: UTF8.self) }
}
