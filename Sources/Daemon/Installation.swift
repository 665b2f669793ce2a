import EventLoop
import Glibc
import Observing

/// Installs the new version on ACTIVATE, and checks that it starts and accepts our configuration.
struct Installation: Sendable {
    enum Outcome: Sendable, Equatable {
        case inPlace
        /// Nothing was changed.
        case untouched(String)
        /// The updater has been called: what it may have changed must be undone.
        case failed(String)
    }

    let updater: Updater
    let version: String
    let digest: [UInt8]
    let allowsOlder: Bool
    let configuration: String

    func perform() -> Outcome {
        // The file may have changed on disk since it was verified, and another version may have been installed.
        guard updater.folder.holds(digest) else { return .untouched("the file is not what was verified") }
        if let objection = VersionNumber(version)?.objection(allowsOlder: allowsOlder) { return .untouched(objection) }
        // What an earlier install has kept must not be put back by this one's restore.
        let settled = updater.done()
        guard settled.succeeded else { return .untouched("the updater fails: \(settled.words)") }
        Checkpoint.pass()
        let installed = updater.install(updater.folder.file)
        Checkpoint.pass()
        let fault = installed.succeeded ? trial() : "the updater fails: \(installed.words)"
        return fault.map { .failed($0) } ?? .inPlace
    }

    /// Before the old version ends, the new one shows that it starts and takes our configuration.
    private func trial() -> String? {
        guard let found = ProgramFile.version else { return "what it has put in place does not start" }
        guard found.description == version else { return "what it has put in place is version \(found)" }
        let check = ChildProcess.run(
            ProgramFile.path, ["run", "--check", "--config", configuration], limit: ProgramFile.timeout)
        return check.succeeded ? nil : "the new version does not take our configuration: \(check.words)"
    }
}

/// The program's file as it is on the disk now, which may be another version than the one that runs.
enum ProgramFile {
    static let timeout = Duration.seconds(60)

    /// Where it was started from, whatever links lead there: an updater may change a link.
    static let path: String = {
        let name = CommandLine.arguments[0]
        if name.hasPrefix("/") { return name }
        if name.contains("/") {
            let folder = getcwd(nil, 0)
            defer { free(folder) }
            return (folder.map { String(cString: $0) } ?? "") + "/" + name
        }
        let folders = getenv("PATH").map { String(cString: $0) } ?? ""
        let places = folders.split(separator: ":").map { "\($0)/\(name)" }
        return places.first { access($0, X_OK) == 0 } ?? "/proc/self/exe"
    }()

    /// The version that it reports; nil if it does not start.
    static var version: VersionNumber? {
        let result = ChildProcess.run(path, ["--version"], limit: timeout)
        return result.succeeded ? result.output.first.flatMap { VersionNumber($0) } : nil
    }

    /// Executes the program that is on the disk now: same process, same arguments. Returns only on failure.
    static func start(handing service: ServiceManager) {
        let argv: [UnsafeMutablePointer<CChar>?] =
            ([path] + CommandLine.arguments.dropFirst()).map { strdup($0) } + [nil]
        service.passOn()  // and nothing else: libraries open sockets that they do not close on exec
        execv(path, argv)
    }
}
