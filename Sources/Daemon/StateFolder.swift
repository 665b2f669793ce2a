import Glibc
import Keys
import OperatorText
import SQLite
import SRUP

/// The beacon's folder on disk, and the small files in it. Everything is for the owner only.
package struct StateFolder {
    package let path: String

    /// A folder that is only read, no matter who owns it; nothing is created.
    package init(lookingInto path: String) { self.path = path }

    /// Behind links in the folder's path, of which SQLite would open none (SQLITE_OPEN_NOFOLLOW).
    package var journal: String {
        let resolved = realpath(path, nil)
        defer { free(resolved) }
        return (resolved.map { String(cString: $0) } ?? path) + "/journal.sqlite"
    }
    var sequences: String { path + "/sequences" }
    var reserve: String { path + "/reserve" }
    package var control: String { path + "/control" }
    private var deregistered: String { path + "/deregistered" }

    /// When and by whom this beacon was taken out of the system, in words; nil where it was not. Its keys may not all be
    /// destroyed yet.
    var deregistration: (words: String, isFinished: Bool)? {
        guard let bytes = readSmallFile(deregistered, isFollowing: false) else { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        return (String(decoding: lines.first ?? [], as: UTF8.self), lines.count < 2)
    }

    /// Notes the end of this identity, whole or not at all: a start after it says so, and destroys what is left of the keys
    /// where that is not finished. Once it is, keys that somebody puts there are new ones.
    func noteDeregistration(_ words: String, isFinished: Bool) {
        _ = replaceFile(deregistered, with: Array((isFinished ? words : words + "\nunfinished").utf8))
    }

    /// Makes the folder where it is missing.
    /// - Throws: `OperatorFault` where it cannot be made or is not ours.
    package init(path: String) throws {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw OperatorFault(
                "the state folder \(path) cannot be made: \(String(cString: strerror(errno)))",
                hint: "make it for the beacon's user: install -d -m 0700 -o USER \(path)")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw OperatorFault(
                "the state folder \(path) is not a folder of this user's",
                hint: "give it to the beacon's user: chown USER \(path)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorFault(
                "the state folder \(path) is open to others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))",
                hint: "close it: chmod 0700 \(path)")
        }
        try checkNames()
    }

    /// Checks that everything with the name of one of our files is a regular file, not a FIFO, a device or a link. None of
    /// those is opened, and nothing is lost silently.
    /// - Throws: `OperatorFault` for the first one.
    package func checkNames() throws(OperatorFault) {
        let files = [sequences, deregistered, reserve] + Database.files(of: journal)
        if let irregular = files.first(where: { isIrregular($0) }) {
            throw OperatorFault(
                "\(irregular) in the state folder is not a regular file",
                hint: "find out who made it, then move it out of the folder: mv \(irregular) /root/")
        }
    }

    /// Renames a damaged journal, and returns its new name.
    func setJournalAside() -> String {
        var number = 1
        while access("\(journal).damaged-\(number)", F_OK) == 0 { number += 1 }
        let aside = "\(journal).damaged-\(number)"
        rename(journal, aside)
        for suffix in ["-wal", "-shm"] { rename(journal + suffix, aside + suffix) }
        sync(folder: path)
        return aside
    }

    /// 256 KiB that are given back to the disk when it is full, so that this can be recorded.
    static let reserveLength = 262_144

    /// Takes the reserve; otherwise returns errno.
    func takeReserve() -> Int32? {
        let file = openRegularFile(reserve, O_RDWR | O_CREAT)
        guard file >= 0 else { return errno }
        defer { close(file) }
        let result = posix_fallocate(file, 0, StateFolder.reserveLength)
        return result == 0 ? nil : result
    }

    /// Checks that there is as much free space again beside the reserve, otherwise returns errno: the journal would only
    /// fill the reserve's own room, and be full again at once.
    func lackOfRoom() -> Int32? {
        let probe = reserve + ".probe"
        let file = openRegularFile(probe, O_RDWR | O_CREAT)
        guard file >= 0 else { return errno }
        defer {
            close(file)
            unlink(probe)
        }
        let result = posix_fallocate(file, 0, StateFolder.reserveLength)
        return result == 0 ? nil : result
    }

    /// Gives the reserve back.
    func giveReserveBack() { unlink(reserve) }
}

/// What must not be lost even with the journal: for each server, a number that no sequence id of ours is above, and the
/// epoch that tells whether the journal beside it is the one of the last run, and not a restored backup.
struct SequenceReservation: Equatable {
    /// How far ahead a ceiling is set: a new file after as many ids, and as many lost with a lost journal. Each message takes 16 of
    /// them, so one of 4,096 waits for the file's two syncs.
    static let block: UInt64 = 65_536
    /// None of our ceilings comes near this: a file with a higher one is damaged.
    private static let highest = UInt64.max - 1 << 31

    var epoch = ""
    /// Set while the journal is being told of a new epoch.
    var previousEpoch: String?
    var ceilings: [Identifier: SequenceID] = [:]

    /// Reads the file; nil where there is none. A damaged file counts as none.
    init?(reading folder: StateFolder) {
        guard let bytes = readSmallFile(folder.sequences, isFollowing: false) else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2 else { return nil }
            switch words[0] {
            case "epoch": epoch = String(words[1])
            case "previous": previousEpoch = String(words[1])
            default:
                guard let server = Identifier(hexadecimal: words[0]), let ceiling = UInt64(words[1]),
                    ceiling <= SequenceReservation.highest
                else { return nil }
                ceilings[server] = SequenceID(ceiling)
            }
        }
        guard !epoch.isEmpty else { return nil }
    }

    init(epoch: String) { self.epoch = epoch }

    /// Writes the file whole: a new one is synced and takes the place of the old one. Otherwise returns errno.
    func write(to folder: StateFolder) -> Int32? {
        var lines = ["epoch \(epoch)"]
        if let previousEpoch { lines.append("previous \(previousEpoch)") }
        lines += ceilings.sorted { $0.key.number < $1.key.number }.map { "\($0.key) \($0.value)" }
        return replaceFile(folder.sequences, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
}

/// The bytes of a regular file of at most 64 KiB, or nil.
/// - Parameter isFollowing: whether it may be reached over a link: not in our own folder.
package func readSmallFile(_ path: String, isFollowing: Bool = true) -> [UInt8]? {
    let file = openRegularFile(path, O_RDONLY, isFollowing: isFollowing)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let longest = 65_536
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: longest) { buffer, count in
        while count < longest {
            let got = read(file, buffer.baseAddress.map { $0 + count }, longest - count)
            if got <= 0 {
                failed = got < 0
                break
            }
            count += got
        }
    }
    return failed ? nil : bytes
}

/// Replaces a file by a new one that is on disk before it takes the old one's name; otherwise returns errno.
/// - Parameter isKept: whether a power cut must leave one of the two; not needed if the file is rewritten regularly.
package func replaceFile(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600, isKept: Bool = true) -> Int32? {
    let temporary = path + ".new"
    // In a folder of others a FIFO may have that name, and opening it would block: it must be a file of our own, or none.
    guard unlink(temporary) == 0 || errno == ENOENT else { return errno }
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return errno }
    let count = write(file, bytes, bytes.count)
    // After a partial write the disk is full, but write(2) reports that only for the next byte.
    var fault: Int32? = count < 0 ? errno : count < bytes.count ? ENOSPC : nil
    if fault == nil, fchmod(file, mode) != 0 || (isKept && fsync(file) != 0) { fault = errno }
    close(file)
    if fault == nil, rename(temporary, path) != 0 { fault = errno }
    guard fault == nil else {
        unlink(temporary)
        return fault
    }
    guard isKept else { return nil }
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    sync(folder: folder.isEmpty ? "/" : folder)
    return nil
}

/// Syncs a folder: its entries are on disk when this returns.
package func sync(folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
}
