import Files
import Glibc
import OperatorText

/// The settings of a configuration: those of its file, then those of each file of the folder `conf.d` beside it whose name
/// ends in `.conf`, in the order of the names' bytes. A later setting replaces an earlier one as a whole, also one that is a list.
package struct ConfigurationFiles: Sendable {
    /// More files are refused: each is read at every start and reload.
    static let mostFragments = 256

    /// Of the configuration's own file.
    package let path: String
    /// The files of conf.d, in order.
    package let fragments: [String]
    /// All settings in order: of two of one subject, the later one is in force.
    let settings: [Setting]

    /// Reads the files. What their values mean is not checked.
    /// - Throws: `OperatorFault` with file and line: also where a file has a setting twice.
    package init(_ path: String) throws {
        try self.init(path, fragments: try ConfigurationFiles.fragments(of: path))
    }

    /// - Parameter fragments: the files of conf.d; none: the file alone is read.
    /// - Throws: as `init(_:)`.
    package init(_ path: String, fragments: [String]) throws {
        (self.path, self.fragments) = (path, fragments)
        settings = try ([path] + fragments).flatMap { try ConfigurationFiles.settings(of: $0) }
    }

    /// The settings in force, by their subjects.
    var inForce: [String: Setting] { Dictionary(settings.map { ($0.subject, $0) }) { $1 } }

    /// The folder of fragments beside a configuration file.
    package static func folder(of path: String) -> String {
        let around = Folder.of(path)
        return around == "/" ? "/conf.d" : "\(around)/conf.d"
    }

    /// The files of that folder, in order; none if there is no such folder.
    /// - Throws: `OperatorFault` if it cannot be read: a beacon must not start with a part of its settings.
    package static func fragments(of path: String) throws(OperatorFault) -> [String] {
        let folder = folder(of: path)
        guard let open = opendir(folder) else {
            guard errno != ENOENT else { return [] }
            throw OperatorFault(
                "the configuration's folder \(folder) cannot be read: \(FileError.last)",
                hint: "make it a folder that the beacon's user can read: chmod 0755 \(folder)")
        }
        closedir(open)
        let names = Folder.entries(of: folder).filter { $0.hasSuffix(".conf") && !$0.hasPrefix(".") }
        guard names.count <= mostFragments else {
            throw OperatorFault(
                "the configuration's folder \(folder) has \(names.count) files; at most \(mostFragments) are read",
                hint: "join some of them")
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { "\(folder)/\($0)" }
    }

    private static func settings(of path: String) throws -> [Setting] {
        let settings = try SettingsFile.read(path)
        var lines: [String: Int] = [:]
        for setting in settings {
            guard let earlier = lines.updateValue(setting.line, forKey: setting.subject) else { continue }
            throw OperatorFault(
                "\(setting.place): \(setting.name) stands in line \(earlier) already", hint: "remove one")
        }
        return settings
    }
}
