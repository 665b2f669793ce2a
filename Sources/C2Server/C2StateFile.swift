import Bench
import Files
import Glibc
import OperatorText
import SQLite

/// The state file: readable by its owner only, used by one process only, and created completely or not at all.
final class C2StateFile {
    private let descriptor: Int32

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Creates the file under another name, and renames it when it is complete: an incomplete file is never mistaken for one without
    /// content.
    /// - Throws: `OperatorFault`, and the errors of `fill`.
    static func make(_ path: String, _ fill: (Database) throws -> Void) throws {
        let unfinished = path + ".new"
        unlink(unfinished)
        let descriptor = open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw unusable("cannot be created") }
        close(descriptor)
        do {
            let database = try Database(path: unfinished)
            try database.script("PRAGMA synchronous = FULL")
            try fill(database)
        } catch {
            unlink(unfinished)
            throw error
        }
        guard rename(unfinished, path) == 0 else {
            let fault = unusable("cannot be created")
            unlink(unfinished)
            throw fault
        }
        do throws(FileError) { try Folder.sync(of: path) } catch { throw unusable("cannot be created safely", error) }
    }

    /// Locks the file for this process.
    /// - Throws: `OperatorFault`.
    init(_ path: String) throws {
        do throws(FileError) { descriptor = try File.open(path, O_RDWR) } catch {
            guard error == .irregular else { throw C2StateFile.unusable("cannot be opened", error) }
            throw OperatorFault("\(error)", hint: "name a file that c2 has created, or a new one")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw C2StateFile.unusable("cannot be opened") }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorFault(
                "others may access it (mode 0\(String(status.st_mode & 0o7777, radix: 8)))",
                hint: "restrict it: chmod 600 FILE")
        }
        guard status.st_size > 0 else {
            throw OperatorFault(
                "it is empty: its content is lost",
                hint: "restore it from a backup; remove it only if every node will join again")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw OperatorFault(
                "another process has it open", hint: "stop the other server, or give this one its own file")
        }
    }

    deinit { close(descriptor) }

    private static func unusable(_ what: String, _ error: FileError = .last) -> OperatorFault {
        OperatorFault("it \(what): \(error)", hint: "give --state a place that is writable")
    }
}
