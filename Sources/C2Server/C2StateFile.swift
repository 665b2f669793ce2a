import Bench
import Glibc
import SQLite

/// The file itself: its owner's alone, one process's alone, and made whole or not at all.
final class C2StateFile {
    private let descriptor: Int32

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Makes a file beside the place, and gives it the name when it is complete: an unfinished one is never taken for one
    /// that has forgotten everything.
    /// - Throws: `OperatorFault`, and what `fill` throws.
    static func make(_ path: String, _ fill: (Database) throws -> Void) throws {
        let unfinished = path + ".new"
        unlink(unfinished)
        let descriptor = open(unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw unusable("cannot be made") }
        close(descriptor)
        do {
            let database = try Database(path: unfinished)
            try database.script("PRAGMA synchronous = FULL")
            try fill(database)
        } catch {
            unlink(unfinished)
            throw error
        }
        guard rename(unfinished, path) == 0 else { throw unusable("cannot be made") }
        let place = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let folder = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw unusable("cannot be made for certain") }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw unusable("cannot be made for certain") }
    }

    /// Holds the file for this process until the end.
    /// - Throws: `OperatorFault`.
    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw C2StateFile.unusable("cannot be opened") }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw OperatorFault("it is not a regular file", hint: "name a file that c2 has made, or a new one")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorFault(
                "it is open to others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))",
                hint: "close it: chmod 600 FILE")
        }
        guard status.st_size > 0 else {
            throw OperatorFault(
                "it is empty: what it held is lost",
                hint: "restore it from a backup; remove it only if every node is to join again")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw OperatorFault(
                "another process has it open", hint: "end the other server, or give this one its own file")
        }
    }

    deinit { close(descriptor) }

    private static func unusable(_ what: String) -> OperatorFault {
        OperatorFault(
            "it \(what): \(String(cString: strerror(errno)))", hint: "give --state a place where we may write")
    }
}
