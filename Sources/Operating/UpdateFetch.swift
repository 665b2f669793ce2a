import BootTime
import CLinux
import Daemon
import EventLoop
import Fetching
import Files
import Glibc
import Keys
import Observing
import OperatorText
import SRUP

/// `srup-beacon fetch`: what the daemon starts to fetch an update's file and have it checked (§3.2).
public struct UpdateFetch {
    /// The beacon's configuration.
    public var configuration = ""
    /// Where the file is; `-`: standard input says it. Everyone on this machine can read a process's arguments.
    public var url = ""
    /// What its SHA-256 must be: 64 hexadecimal digits.
    public var digest = ""

    /// Defaults for the caller to fill in.
    public init() {}

    /// Fetches and checks the file, and prints the result; the last line is for the daemon.
    /// - Throws: `OperatorFault` where the configuration has no updater.
    public func perform(say: @escaping (String) -> Void) throws {
        clinux_end_with_parent()
        signal(SIGCHLD, SIG_DFL)  // otherwise a child's exit status is lost
        let (file, configuration) = (configuration, try Configuration(file: configuration))
        guard let path = configuration.updates.updater else {
            throw OperatorFault("there is no updater", hint: "set [update] updater in the configuration")
        }
        try configuration.examineTrustedFiles(file)
        try Updater.examine(path)
        guard let digest = bytes(hexadecimal: digest.utf8),
            let order = UpdateOrder(url: try address(), digest: digest)
        else {
            throw OperatorFault(
                "the URL or the digest is not valid", hint: "give --url and --digest, 64 hexadecimal digits")
        }
        let folder = UpdateFolder(in: configuration.stateFolder)
        do throws(FileError) { try folder.make() } catch {
            say("the folder \(folder.path) cannot be created: \(error)")
            return say(Fetched.noFile.line)
        }
        guard let lock = folder.lock("fetch", timeout: .seconds(10)) else {
            say("another process is fetching already")
            return say(Fetched.noFile.line)
        }
        defer { close(lock) }
        let outcome = UpdateFetching(folder: folder, settings: configuration.updates, order: order, say: say).run()
        let judged = outcome ?? judge(Updater(path: path, folder: folder), file, configuration.updates, say)
        if judged == .noFile { folder.clear() }  // so that it does not fill the disk
        say(judged.line)
    }

    /// Without what a person's program puts after it: a line break.
    private func address() throws(OperatorFault) -> String {
        guard url == "-" else { return url }
        do throws(FileError) {
            var bytes = try File.readInput(url, atMost: UpdateOrder.maximumURL + 2)[...]
            while let last = bytes.last, [0x0A, 0x0D, 0x20].contains(last) { bytes = bytes.dropLast() }
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw OperatorFault(
                "the URL cannot be read: \(error)", hint: "give it on standard input, or with --url URL")
        }
    }

    /// The file is here: which version is it?
    private func judge(
        _ updater: Updater, _ configuration: String, _ settings: UpdateSettings, _ say: (String) -> Void
    ) -> Fetched {
        let (version, words) = updater.version(of: updater.folder.file, for: configuration)
        say(words)
        guard let version else { return .noFile }
        if let objection = version.objection(allowsOlder: settings.allowsOlder) {
            say(objection)
            return .noFile
        }
        return .verified(version: version.description)
    }
}

/// Gets the file, in as many attempts as it takes.
struct UpdateFetching {
    let folder: UpdateFolder
    let settings: UpdateSettings
    let order: UpdateOrder
    let say: (String) -> Void
    /// Waits, in seconds.
    var wait: (UInt32) -> Void = { sleep($0) }

    /// Attempts without a byte of progress before giving up on the web server; the wait after the first is two seconds, and
    /// doubles.
    private static let maximumFailures = 5

    /// How often it begins again with the first byte, at most: a web server that cannot resume, and closes early each time, would
    /// otherwise send nearly the whole file until the time is over.
    private static let maximumRestarts = 3

    /// Bytes that a download leaves free.
    private static let roomForOthers: Int64 = 16 << 20

    /// The result of one attempt.
    fileprivate enum Attempt {
        case whole(resumed: Bool)
        case over(Fetched)
        /// Worth another attempt.
        case broken
        /// The web server now has another file, or cannot resume: the part is useless.
        case fromStart
    }

    private var names: (url: String, digest: [UInt8]) { (order.url, order.digest) }

    /// - Returns: nil where the file is here and has the digest.
    func run() -> Fetched? {
        if folder.holds(order.digest) { return nil }
        unlink(folder.file)
        // A power cut may have come between the last byte and the name.
        if folder.begun(names).length > 0, digestOfPart == order.digest {
            return keepPart()
        }
        let address: WebAddress
        let client: HTTPClient
        do {
            address = try WebAddress(order.url)
            client = try HTTPClient(authorityFile: settings.authority)
            try client.check(address)
        } catch {
            say((error as? any OperatorError)?.message ?? "\(error)")
            return .noServer
        }
        return fetch(address, client, until: .now + settings.timeLimit)
    }

    private func fetch(_ address: WebAddress, _ client: HTTPClient, until deadline: Instant) -> Fetched? {
        var (failures, restarts, furthest) = (0, 0, folder.begun(names).length)
        while true {
            switch attempt(address, client, until: deadline) {
            case .over(let outcome): return outcome
            case .whole(let wasResumed):
                let outcome = verify()
                // Parts of two files: it is asked for once more, whole.
                guard outcome == .otherDigest, wasResumed else { return outcome }
                say("what came in parts has another digest: starting again")
                (restarts, furthest) = (restarts + 1, 0)
            case .fromStart:
                folder.forgetPart()
                (failures, restarts, furthest) = (failures + 1, restarts + 1, 0)
            case .broken:
                let length = folder.begun(names).length
                failures = length > furthest ? 0 : failures + 1
                furthest = max(length, furthest)
            }
            guard restarts <= UpdateFetching.maximumRestarts else {
                say(
                    "begun again \(UpdateFetching.maximumRestarts) times, and never complete: the web server must be able to resume (Range)"
                )
                return .noServer
            }
            let pause = 1 << min(failures, 6)
            guard failures < UpdateFetching.maximumFailures, .now + .seconds(pause) < deadline else {
                return .noServer
            }
            wait(UInt32(pause))
        }
    }

    private func attempt(_ address: WebAddress, _ client: HTTPClient, until deadline: Instant) -> Attempt {
        let (length, tag) = folder.begun(names)
        let file: Int32
        do throws(FileError) { file = try folder.openPart() } catch { return .over(cannotKeep(error)) }
        defer { close(file) }
        let left = deadline - .now
        guard left > .milliseconds(1) else { return .over(.noServer) }
        guard let limit = room(on: file, beyond: length), limit > length else { return .over(.noFile) }
        var client = client
        client.limits.total = left
        client.limits.silence = .seconds(30)
        client.limits.reply = Fetched.maximumContents
        do throws(HTTPFault) {
            let got = try client.download(
                address, to: file, from: length, tag: tag, limit: limit,
                tagged: { [folder, names] in try? folder.note(names, tag: $0 ?? tag) })
            // There are no bytes after what we have: the file is complete, or it is another file.
            if got.status == 416, length > 0 {
                return digestOfPart == order.digest ? .whole(resumed: false) : .fromStart
            }
            guard got.status == 200 || got.status == 206 else {
                say("the web server answers \(got.status)")
                return .over(.httpError(status: UInt32(clamping: got.status), contents: got.excerpt))
            }
            return fsync(file) == 0 ? .whole(resumed: length > 0) : .over(cannotKeep(.last))
        } catch {
            say(error.message)
            fsync(file)
            return error.meaning
        }
    }

    /// Bytes that the file may have in all: the journal is on the same disk, and comes first.
    private func room(on file: Int32, beyond length: Int64) -> Int64? {
        var status = statvfs()
        guard fstatvfs(file, &status) == 0 else { return nil }
        let (free, overflow) = Int64(status.f_bavail).multipliedReportingOverflow(by: Int64(status.f_frsize))
        let room = (overflow ? .max / 2 : free) - UpdateFetching.roomForOthers
        guard room < settings.maximumFile - length else { return settings.maximumFile }
        say("there is room for \(max(0, room)) bytes")
        return length + max(0, room)
    }

    private func keepPart() -> Fetched? {
        do throws(FileError) { try folder.keepPart() } catch { return cannotKeep(error) }
        return nil
    }

    private func cannotKeep(_ error: FileError) -> Fetched {
        say("the file cannot be kept: \(error)")
        return .noFile
    }

    /// - Returns: nil where the digest is the one announced; the file has its name then.
    private func verify() -> Fetched? {
        guard let digest = digestOfPart else {
            say("the part \(folder.part) cannot be read, or is not a regular file")
            return .noFile
        }
        guard digest == order.digest else {
            say("its SHA-256 is \(hexadecimal(digest)), and \(hexadecimal(order.digest)) was announced")
            folder.forgetPart()
            return .otherDigest
        }
        Checkpoint.pass()
        defer { Checkpoint.pass() }
        return keepPart()
    }
}

extension UpdateFetching {
    private var digestOfPart: [UInt8]? { sha256(ofFile: folder.part) }
}

extension HTTPFault {
    /// What to do about it, and what the server is told if it persists.
    fileprivate var meaning: UpdateFetching.Attempt {
        switch self {
        case .tooSlow, .unknownHost, .unreachable, .interrupted, .failed: .broken
        case .cannotResume: .fromStart
        case .tooLong, .notWritten: .over(.noFile)
        case .noLibrary, .notSecure, .redirected, .headTooLong, .untrusted, .badAuthorityFile: .over(.noServer)
        }
    }
}
