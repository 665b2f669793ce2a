import Files
import Glibc
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
    var deregistration: (words: String, isFinished: Bool)? {
        guard let bytes = try? File.read(deregistered) else { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n"))
        return (String(decoding: lines.first ?? [], as: UTF8.self), lines.count < 2)
    }

    /// Notes the end of this identity, whole or not at all: a start after it says so, and destroys what is left of the keys
    /// where that is not finished. Once it is, keys that somebody puts there are new ones.
    func noteDeregistration(_ words: String, isFinished: Bool) {
        try? File.replace(deregistered, with: Array((isFinished ? words : words + "\nunfinished").utf8))
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

    /// Renames a damaged journal, and returns its new name.
    func setJournalAside() -> String {
        var number = 1
        while access("\(journal).damaged-\(number)", F_OK) == 0 { number += 1 }
        let aside = "\(journal).damaged-\(number)"
        rename(journal, aside)
        for suffix in ["-wal", "-shm"] { rename(journal + suffix, aside + suffix) }
        try? Folder.sync(path)
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
    /// How far ahead a ceiling is set: a new file after as many ids, and as many lost with a lost journal. Each message takes 16 of
    /// them, so one of 4,096 waits for the file's two syncs.
    static let block: UInt64 = 65_536
    /// In bytes: a line of 40 for each server that a configuration of the greatest length can name.
    private static let maximumLength = 1_048_576
    /// None of our ceilings comes near this: a file with a higher one is damaged.
    private static let highest = UInt64.max - 1 << 31

    var epoch = ""
    /// Set while the journal is being told of a new epoch.
    var previousEpoch: String?
    var ceilings: [Identifier: SequenceID] = [:]

    /// Reads the file; nil where there is none. A damaged file counts as none.
    init?(reading folder: StateFolder) {
        guard let bytes = try? File.read(folder.sequences, atMost: SequenceReservation.maximumLength) else {
            return nil
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
        try File.replace(folder.sequences, with: Array((lines.joined(separator: "\n") + "\n").utf8))
    }
}
