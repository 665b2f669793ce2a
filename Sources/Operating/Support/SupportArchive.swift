import BootTime
import Daemon
import EventLoop
import Files
import Glibc
import OperatorText

/// One archive with what somebody needs who helps from afar: `srup-beacon support`. No key, token of the registration service, or
/// value is in it. A part that cannot be had is replaced by the reason.
public struct SupportArchive {
    /// How it went.
    public struct Outcome: Sendable {
        /// Of the archive.
        public var path: String
        /// Bytes of the archive.
        public var size: Int64
        /// The parts that are not there.
        public var missing: [Missing]
    }

    /// A part that is not there.
    public struct Missing: Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var name, reason: String
    }

    /// Bytes of the log in it, and of each other part, before they are packed.
    static let (longestLog, longestPart) = (8 << 20, 1 << 20)

    /// Bytes of the whole, packed: above the sum of its parts.
    private static let longestArchive = 32 << 20

    let configuration: String
    let log: String?
    let visits: Bool
    private let output: String

    /// - Parameters:
    ///   - configurationFile: of the beacon, which need not run.
    ///   - output: where the archive will be; nil: in the working folder, under a name with the time.
    ///   - log: the file of the beacon's log; nil: it is in systemd's journal.
    ///   - visits: whether the doctor connects to the brokers as an MQTT client.
    public init(configurationFile: String, output: String?, log: String?, visits: Bool) {
        (configuration, self.log, self.visits) = (configurationFile, log, visits)
        let time = Timestamp(wallSeconds()).description.filter { $0.isLetter || $0.isNumber }
        self.output = output ?? "srup-beacon-support-\(time).tar.gz"
    }

    /// Collects the parts, and packs them; takes less than five minutes.
    /// - Throws: `OperatorFault` where the archive cannot be written.
    public func make() throws(OperatorFault) -> Outcome {
        guard access(output, F_OK) != 0 else {
            throw OperatorFault("\(output) exists already", hint: "give another name with --output, or remove it")
        }
        let around = Folder.of(output)
        guard access(around, W_OK) == 0 else {
            throw OperatorFault(
                "\(around) cannot be written to: \(FileError.last)", hint: "give another path with --output")
        }
        let work = try SupportArchive.workFolder()
        defer { _ = ChildProcess.run("/bin/rm", ["-rf", work], limit: .seconds(30)) }
        let name = "srup-beacon-support"
        guard mkdir("\(work)/\(name)", 0o700) == 0 else { throw SupportArchive.unwritable(work, .last) }
        let missing = try collect(into: "\(work)/\(name)")
        return Outcome(path: output, size: try pack(work, name), missing: missing)
    }

    private static func workFolder() throws(OperatorFault) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/srup-beacon-support.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw unwritable(parent, .last) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func unwritable(_ path: String, _ error: FileError) -> OperatorFault {
        OperatorFault(
            "the archive cannot be made in \(path): \(error)", hint: "make room there, or set TMPDIR to another folder")
    }

    private func collect(into folder: String) throws(OperatorFault) -> [Missing] {
        var missing: [Missing] = []
        for part in parts {
            let text: String
            do {
                text = try part.make("\(folder)/.taken")
            } catch {
                let reason =
                    (error as? any OperatorError).map { "\($0.message); hint: \($0.hint(for: .beacon))" } ?? "\(error)"
                missing.append(Missing(name: part.name, reason: reason))
                text = "not there: \(reason)\n"
            }
            let longest = part.isLog ? SupportArchive.longestLog : SupportArchive.longestPart
            // What was cut already begins within a line, and no piece of a secret is recognised. The whole is scrubbed before it is cut.
            let whole = text.utf8.count >= longest ? SupportScrubbing.end(of: text, most: longest - 1) : text
            let kept = SupportScrubbing.end(of: SupportScrubbing.withoutSecrets(whole), most: longest)
            try write(kept, to: "\(folder)/\(part.name)")
        }
        unlink("\(folder)/.taken")
        try write(contents(missing), to: "\(folder)/contents.txt")
        return missing
    }

    private func contents(_ missing: [Missing]) -> String {
        let reasons = Dictionary(missing.map { ($0.name, $0.reason) }) { $1 }
        let lines = parts.map { "\($0.name): " + (reasons[$0.name].map { "not there: \($0)" } ?? $0.about) }
        return """
            srup-beacon \(Shell.version), \(Timestamp(wallSeconds())), collected as user \(geteuid())

            \(lines.joined(separator: "\n"))

            No private key, token of the registration service, PIN or value of an observation is in it. Identities, addresses, names
            of hosts and files, and the tokens that number exchanges with servers are.

            """
    }

    private func write(_ text: String, to path: String) throws(OperatorFault) {
        do throws(FileError) { try File.replace(path, with: Array(text.utf8)) } catch {
            throw SupportArchive.unwritable(path, error)
        }
    }

    /// Packs the folder inside the private one, and copies what is complete: nobody can put a link in its way.
    private func pack(_ work: String, _ name: String) throws(OperatorFault) -> Int64 {
        let packed = "\(work)/packed.tar.gz"
        let result = ChildProcess.run(
            "/bin/tar", ["--owner=0", "--group=0", "-C", work, "-czf", packed, name], limit: .seconds(60))
        guard result.succeeded else {
            throw OperatorFault(
                "the archive cannot be made in \(work): tar: \(result.words)",
                hint: "make room there, or set TMPDIR to another folder")
        }
        do throws(FileError) {
            let bytes = try File.read(packed, atMost: SupportArchive.longestArchive)
            try bytes.withUnsafeBufferPointer { bytes throws(FileError) in
                try File.create(output, UnsafeRawBufferPointer(bytes), mode: 0o600)
            }
            return Int64(bytes.count)
        } catch {
            throw OperatorFault("\(output) cannot be written: \(error)", hint: "give another path with --output")
        }
    }
}
