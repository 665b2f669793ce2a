import Files
import Glibc
import Nearby
import Observing
import OperatorText
import SQLite
import SRUP

/// The beacon's folder on disk, and the small files in it. Everything is for the owner only.
package struct StateFolder {
    package let path: String

    /// A folder that is only read, no matter who owns it; nothing is created.
    package init(lookingInto path: String) { self.path = path }

    /// Behind links in the folder's path, of which SQLite would open none (SQLITE_OPEN_NOFOLLOW).
    package var journal: String { Folder.resolved(path) + "/journal.sqlite" }
    var sequences: String { path + "/sequences" }
    var reserve: String { path + "/reserve" }
    var advertising: String { path + "/advertising" }
    package var control: String { path + "/control" }
    private var deregistered: String { path + "/deregistered" }

    /// When and by whom this beacon was taken out of the system, in words; nil where it was not. Its keys may not all be
    /// destroyed yet.
    /// - Throws: `OperatorFault` where that cannot be read: a beacon that was taken out must not run as if it were not.
    var deregistration: (words: String, isFinished: Bool)? {
        get throws(OperatorFault) {
            let bytes: [UInt8]
            do throws(FileError) { bytes = try File.read(deregistered) } catch {
                // No folder is as good as no file.
                if error.isMissing || error == .system(ENOTDIR) { return nil }
                if error == .irregular { try checkNames() }
                throw OperatorFault(
                    "\(deregistered) cannot be read: \(error)",
                    hint: "run this as the user that owns \(path), or as root")
            }
            let lines = bytes.split(separator: UInt8(ascii: "\n"))
            return (String(decoding: lines.first ?? [], as: UTF8.self), lines.count < 2)
        }
    }

    /// Checks that this identity still exists.
    /// - Throws: `OperatorFault` where the beacon has been taken out of the system.
    package func checkNotDeregistered() throws(OperatorFault) {
        guard let end = try deregistration else { return }
        throw OperatorFault(
            "this beacon was taken out of the system \(end.words), and its keys are destroyed",
            hint: "give it a new identity: srup-beacon enrol URL --replace")
    }

    /// Notes the end of this identity, whole or not at all: a start after it says so, and destroys what is left of the keys
    /// where that is not finished. Once it is, keys that somebody puts there are new ones.
    /// On a full disk, the reserve makes room for it.
    /// - Throws: `FileError`; then the note is as it was.
    func noteDeregistration(_ words: String, isFinished: Bool) throws(FileError) {
        let text = Array((isFinished ? words : words + "\nunfinished").utf8)
        do throws(FileError) { try File.replace(deregistered, with: text) } catch {
            guard error.isFullDisk else { throw error }
            giveReserveBack()
            try File.replace(deregistered, with: text)
        }
    }

    /// Makes the folder where it is missing.
    /// - Throws: `OperatorFault` where it cannot be made or is not ours.
    package init(path: String) throws {
        self.path = path
        try Folder.makeOwnerOnly(path, as: "the state folder")
        try checkNames()
    }

    /// Checks that everything with the name of one of our files is a regular file, not a FIFO, a device or a link. None of
    /// those is opened, and nothing is lost silently.
    /// - Throws: `OperatorFault` for the first one.
    package func checkNames() throws(OperatorFault) {
        let files = [sequences, deregistered, reserve, advertising] + Database.files(of: journal)
        if let irregular = files.first(where: { File.isIrregular($0) }) {
            throw OperatorFault(
                "\(irregular) in the state folder is not a regular file",
                hint: "find out who made it, then move it out of the folder: mv \(irregular) /root/")
        }
    }

    /// Checks the folder as a start would, and creates nothing: it is ours, or can be created; its files are files; and its socket's path
    /// is short enough.
    /// - Throws: `OperatorFault`.
    package func checkPlace() throws(OperatorFault) {
        let excess = control.utf8.count - NearbyAddress.maximumPath
        guard excess <= 0 else {
            throw OperatorFault(
                "the state folder \(path) has too long a path: that of its control socket \(control) has \(excess) "
                    + "bytes more than a socket's may have",
                hint: "give [beacon] state a path of at most \(NearbyAddress.maximumPath - "/control".utf8.count) bytes"
            )
        }
        try Folder.checkOwnerOnlyOrFree(path, as: "the state folder")
        try checkNames()
    }

    /// Renames a damaged journal, and returns its new name.
    /// - Throws: `FileError` where it keeps its name: another one must not be made over it.
    func setJournalAside() throws(FileError) -> String {
        var number = 1
        while access("\(journal).damaged-\(number)", F_OK) == 0 { number += 1 }
        let aside = "\(journal).damaged-\(number)"
        guard rename(journal, aside) == 0 || errno == ENOENT else { throw .last }
        // What stays of these is empty for SQLite without its journal, and is removed.
        for suffix in ["-wal", "-shm"] { rename(journal + suffix, aside + suffix) }
        try Folder.sync(path)
        return aside
    }

    /// 256 KiB that are given back to the disk when it is full, so that this can be recorded.
    static let reserveLength = 262_144

    /// Takes the reserve.
    func takeReserve() throws(FileError) { try StateFolder.allocate(reserve) }

    private static func allocate(_ path: String) throws(FileError) {
        let file = try File.open(path, O_RDWR | O_CREAT)
        defer { close(file) }
        let result = posix_fallocate(file, 0, reserveLength)
        guard result == 0 else { throw .system(result) }
    }

    /// Checks that there is as much free space again beside the reserve: otherwise the journal would only fill the reserve's own
    /// room, and be full again at once.
    func checkRoom() throws(FileError) {
        let probe = reserve + ".probe"
        defer { unlink(probe) }
        try StateFolder.allocate(probe)
    }

    /// Gives the reserve back.
    func giveReserveBack() { unlink(reserve) }
}

/// What must not be lost even with the journal: for each server, a number that no sequence id of ours is above, and the
/// epoch that tells whether the journal beside it is the one of the last run, and not a restored backup.
struct SequenceReservation: Equatable {
    /// How far ahead a ceiling is set: a new file after as many ids, and as many lost with a lost journal, or at a start. One message in
    /// 128 waits for the file's two syncs. More: a beacon that is started again and again could get ahead of the clock, at which ids
    /// begin where none is known; these are 0.26 s of it, and the unit waits 2 s before it starts a beacon again.
    static let block = 128 * Observer.sequenceStep
    /// With fewer ids left, a new block is taken together with those of other servers: four messages.
    static let fewest = 4 * Observer.sequenceStep
    /// In bytes: a line of 40 for each of 400,000 servers, ten times as many as a configuration of the greatest length can name. A longer
    /// file is neither read nor written.
    static let maximumLength = 16 << 20
    /// None of our ceilings comes near this: a file with a higher one is damaged.
    private static let highest = UInt64.max - 1 << 31

    var epoch = ""
    /// Set while the journal is being told of a new epoch.
    var previousEpoch: String?
    var ceilings: [Identifier: SequenceID] = [:]

    /// Reads the file; nil where there is none. A damaged file counts as none.
    /// - Throws: `FileError` where there is one and it cannot be read, or is too long: its ids are not lost, so nothing may be done
    ///   as if they were.
    init?(reading folder: StateFolder) throws(FileError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.read(folder.sequences, atMost: SequenceReservation.maximumLength)
        } catch {
            if error.isMissing { return nil }
            throw error
        }
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

    /// Writes the file whole: a new one is synced and takes the place of the old one.
    func write(to folder: StateFolder) throws(FileError) {
        var lines = ["epoch \(epoch)"]
        if let previousEpoch { lines.append("previous \(previousEpoch)") }
        lines += ceilings.sorted { $0.key.number < $1.key.number }.map { "\($0.key) \($0.value)" }
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        guard bytes.count <= SequenceReservation.maximumLength else {
            throw .tooLong(limit: SequenceReservation.maximumLength)
        }
        try File.replace(folder.sequences, with: bytes)
    }
}
