import Glibc
import Observing

/// What the configuration says of updates: [update]. Without an updater there are none.
public struct UpdateSettings: Equatable, Sendable {
    /// The operator's program that knows what a file is and puts it in place (docs/operations.md, «Updates»); nil: INITIATE
    /// and ACTIVATE are refused.
    public var updater: String?
    /// PEM, the CAs to which the web server's certificate must lead; nil: the system's.
    public var authority: String?
    /// Bytes of a file, at most.
    public var longestFile: Int64 = 64 << 20
    /// From INITIATE until the file is here, with all attempts.
    public var timeLimit = Duration.seconds(3_600)
    /// Whether a version that is older than the running one is taken.
    public var allowsOlder = false

    /// No updates.
    public init() {}
}

/// The operator's program. It is asked with one word, and the file where there is one:
///
///     check FILE     which version does it hold? One line on standard output; a status other than 0: it is not for here
///     install FILE   put it in place, whole or not at all, and keep what was there
///     restore        undo an install that is not done; where there is none, change nothing
///     done           the new version has come up: what was there is not needed any more
struct Updater {
    let path: String

    static let (checkLimit, installLimit) = (Duration.seconds(60), Duration.seconds(600))

    /// Whether nobody but root and us can have changed the program.
    /// - Throws: `OperatorFault`.
    static func examine(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw OperatorFault(
                "the updater \(path) cannot be used: \(String(cString: strerror(errno)))",
                hint: "correct [update] updater, or set it to off")
        }
        guard status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else {
            throw OperatorFault(
                "the updater \(path) is not a program that we may run", hint: "make it one: chmod 0755 \(path)")
        }
        guard status.st_uid == 0 || status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw OperatorFault(
                "the updater \(path) can be changed by others", hint: "chown root \(path); chmod 0755 \(path)")
        }
    }

    /// The version in a file.
    /// - Returns: nil where the updater does not take it, and why.
    func version(of file: String) -> (version: VersionNumber?, words: String) {
        let result = ChildProcess.run(path, ["check", file], limit: Updater.checkLimit)
        guard result.succeeded else { return (nil, "the updater does not take the file: \(result.words)") }
        guard let version = result.lines.first.flatMap({ VersionNumber($0) }) else {
            return (nil, "the updater does not tell the version of the file: \(result.words)")
        }
        return (version, "it holds version \(version)")
    }

    func install(_ file: String) -> ChildProcess.Result {
        ChildProcess.run(path, ["install", file], limit: Updater.installLimit)
    }

    func done() -> ChildProcess.Result { ChildProcess.run(path, ["done"], limit: Updater.installLimit) }

    func restore() -> ChildProcess.Result { ChildProcess.run(path, ["restore"], limit: Updater.installLimit) }
}
