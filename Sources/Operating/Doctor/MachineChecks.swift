import Broker
import CLinux
import Daemon
import Enrolling
import Fetching
import Files
import Glibc
import Keys
import OperatorText
import SQLite

// The machine: versions, clock, entropy, files, disk, and the sandbox of the beacon that runs.
extension Doctor {
    var runningKernel: String {
        var system = utsname()
        uname(&system)
        return withUnsafeBytes(of: system.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    func versions() -> [CheckResult] {
        let libraries = "\(opensslVersion), mosquitto \(BrokerLink.libraryVersion), SQLite \(Database.libraryVersion)"
        return [
            .init("version", .good, "this program", "srup-beacon \(Shell.version); \(libraries)"),
            Doctor.kernel(runningKernel),
            .init(
                "libcurl", HTTPClient.isThere ? .good : .warning, "libcurl.so.4",
                HTTPClient.isThere ? "is here" : "is not here",
                do: HTTPClient.isThere
                    ? nil : "to enrol, to renew the certificate and to fetch updates: apt install libcurl4"),
        ]
    }

    /// The kernels with a Bluetooth fault that we know of: docs/operations.md, "Choosing an adapter".
    static func kernel(_ release: String) -> CheckResult {
        let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        guard numbers.count == 2 else {
            return .init(
                "kernel", .warning, release, "its version is not understood", do: "compare with docs/operations.md")
        }
        let isOld = (numbers[0], numbers[1]) < (6, 12)
        return .init(
            "kernel", isOld ? .warning : .good, release,
            isOld
                ? "Debian's 6.1 can go down when a program closes an L2CAP socket whose connect has failed; not tried before 6.12"
                : "no Bluetooth fault is known",
            do: isOld ? "use Linux 6.12 or later where devices, too, run on this machine" : nil)
    }

    func clock() -> [CheckResult] {
        let isSet = clinux_clock_is_kept() == 1
        let now = Timestamp(wallSeconds()).description
        // An unsynchronised clock drifts; certificates need it to be right to some minutes.
        if wallSeconds() < 1_700_000_000 {
            return [.init("clock", .bad, now, "it is wrong", do: "set it; install systemd-timesyncd or chrony")]
        }
        return [
            .init(
                "clock", isSet ? .good : .warning, now,
                isSet ? "synchronised" : "not synchronised",
                do: isSet ? nil : "install systemd-timesyncd or chrony: certificates need it to some minutes")
        ]
    }

    func entropy() -> [CheckResult] {
        let isReady = clinux_random_is_ready() == 1
        return [
            .init(
                "entropy", isReady ? .good : .bad, "the kernel's random numbers",
                isReady ? "they are ready" : "they are not ready",
                do: isReady
                    ? nil : "wait; on a machine without a clock or disk that helps: install rng-tools or jitterentropy")
        ]
    }

    /// Whether a private key is a credential of systemd's, which nobody but the service can read.
    static func isCredential(_ file: String) -> Bool { file.hasPrefix("/run/credentials/") }

    func keys(_ configuration: Configuration) -> [CheckResult] {
        // Its keys are destroyed: that they are missing needs no other remedy.
        let state = StateFolder(lookingInto: configuration.stateFolder)
        do throws(OperatorFault) { try state.checkNotDeregistered() } catch {
            return [.init("deregistered", .bad, state.path, error.message, do: error.hint(for: .beacon))]
        }
        var findings: [CheckResult] = []
        if Doctor.isCredential(configuration.keyFile) {
            findings.append(
                .init("identity key", .skipped, configuration.keyFile, "a credential: only the service can read it"))
        } else {
            findings += identityKey(configuration)
        }
        if let folder = CredentialFolder(managing: configuration) { findings += rotation(folder) }
        findings += serverKeys(configuration) + ends(configuration)
        return findings + accessFiles(configuration)
    }

    private func identityKey(_ configuration: Configuration) -> [CheckResult] {
        do {
            let key = try IdentityKey(pemFile: configuration.keyFile)
            return [
                .init(
                    "identity key", .good, configuration.keyFile,
                    "RSA, \(key.publicKey.bits) bits, \(key.home); the file is its owner's only")
            ] + runningKey(key.publicKey, configuration)
        } catch {
            return [Doctor.bad("identity key", configuration.keyFile, error)]
        }
    }

    private func serverKeys(_ configuration: Configuration) -> [CheckResult] {
        configuration.servers.sorted(by: { $0.key.number < $1.key.number }).map { server, entry in
            do {
                let key = try PublicKey(pemFile: entry.keyFile)
                return .init("server's key", .good, entry.keyFile, "RSA, \(key.bits) bits, of server \(server)")
            } catch {
                return Doctor.bad("server's key", entry.keyFile, error)
            }
        }
    }

    /// What keeps a beacon from starting until somebody acts: files that others can change.
    private func ends(_ configuration: Configuration) -> [CheckResult] {
        var findings: [CheckResult] = []
        func note(_ check: String, _ lookedAt: String, _ body: () throws -> Void) {
            do {
                try body()
            } catch let fault as any OperatorError {
                findings.append(.init(check, .bad, lookedAt, fault.message, do: fault.hint(for: .beacon)))
            } catch {
                preconditionFailure("\(error)")
            }
        }
        if let updater = configuration.updates.updater { note("updater", updater) { try Updater.examine(updater) } }
        let others = findings.count
        for (name, path) in configuration.trustedFiles(file) where !Doctor.isCredential(path) {
            note("files", path) { try FileTrust.check(path, as: name) }
        }
        let fragments = ConfigurationFiles.folder(of: file)
        note("files", fragments) { try FileTrust.checkPlace(of: fragments, as: "the configuration's folder") }
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        note("files", folder.path) { try FileTrust.checkPlace(of: folder.path, as: "the state folder") }
        note("files", folder.path) { try folder.checkNames() }
        guard findings.count == others else { return findings }
        return findings + [.init("files", .good, file, "only root and this user can change what it names")]
    }

    static func bad(_ check: String, _ file: String, _ error: any Error) -> CheckResult {
        guard let error = error as? KeyError else { preconditionFailure("\(error)") }
        return .init(check, .bad, file, error.message, do: error.hint(for: .beacon))
    }

    func disk(_ configuration: Configuration) -> [CheckResult] {
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        var (state, room) = (stat(), statvfs())
        guard stat(folder.path, &state) == 0 else {
            let why = String(cString: strerror(errno))
            return [
                .init(
                    "state folder", .bad, folder.path, why,
                    do: "the beacon creates it if it may; otherwise: install -d -m 0700 -o USER \(folder.path)")
            ]
        }
        var findings: [CheckResult] = []
        let mode = state.st_mode & 0o7777
        let isOurs = state.st_uid == geteuid()
        findings.append(
            .init(
                "state folder", mode & 0o077 == 0 && isOurs ? .good : .bad, folder.path,
                "mode 0\(String(mode, radix: 8)), of user \(state.st_uid)"
                    + (isOurs ? "" : ", and not of \(geteuid())"),
                do: !isOurs ? "run this as the beacon's user" : mode & 0o077 == 0 ? nil : "chmod 0700 \(folder.path)"))
        if statvfs(folder.path, &room) == 0 {
            let hasNoInodes = Folder.hasNoInodes(folder.path)
            let mebibytes = (UInt64(room.f_bavail) * UInt64(room.f_frsize)) >> 20
            let isReadOnly = room.f_flag & UInt(ST_RDONLY) != 0
            findings.append(
                .init(
                    "disk", isReadOnly || hasNoInodes || mebibytes < 8 ? .bad : mebibytes < 64 ? .warning : .good,
                    folder.path,
                    isReadOnly
                        ? "it is read-only"
                        : "\(mebibytes) MiB are free" + (hasNoInodes ? ", and no inode: no file can be created" : ""),
                    do: isReadOnly
                        ? "see dmesg, and mount it writable"
                        : hasNoInodes
                            ? "remove files that are not needed from that file system: df -i \(folder.path)"
                            : mebibytes < 64 ? "make room" : nil))
        }
        return findings + [journal(folder)] + journalVersion(folder)
    }

    /// Whether this program, which may be another one than the beacon that runs, can use the journal.
    private func journalVersion(_ folder: StateFolder) -> [CheckResult] {
        do throws(OperatorFault) {
            try JournalSchema.check(folder)
            return []
        } catch {
            return [.init("journal version", .bad, folder.journal, error.message, do: error.hint(for: .beacon))]
        }
    }

    private func journal(_ folder: StateFolder) -> CheckResult {
        if let status {
            let journal = status.journal
            return .init(
                "journal", journal.state == .ok ? .good : .bad, folder.journal,
                journal.trouble ?? "the running beacon writes it; \(journal.outbox) messages wait for the broker",
                do: journal.state == .ok ? nil : "make room, or see dmesg")
        }
        if Control.process(at: folder.control) != nil {
            return .init(
                "journal", .bad, folder.journal, "a beacon has it, and does not answer as this version understands",
                do: "restart it; see its log")
        }
        var state = stat()
        guard stat(folder.journal, &state) == 0 else {
            return .init("journal", .skipped, folder.journal, "there is none yet: the first start makes it")
        }
        do throws(DatabaseError) {
            let database = try Database(lookingAt: folder.journal)
            let words = try database.rows("PRAGMA quick_check(1)").first?.text(0) ?? "no answer"
            let isWhole = words == "ok"
            return .init(
                "journal", isWhole ? .good : .bad, folder.journal,
                isWhole ? "it is whole; no beacon has it open" : words,
                do: isWhole ? nil : "start the beacon: it sets a damaged journal aside, and says what is lost")
        } catch {
            return .init(
                "journal", .bad, folder.journal, "\(error)", do: "run this as the beacon's user or root; see the disk")
        }
    }
}
