import CSQLite
import Files
import Glibc

extension Database {
    /// Opens a file only to look at it: nothing is locked, created, changed or left, whether a program has it open or not, and however the
    /// last one ended.
    ///
    /// For a file that no program has open. If one writes to it meanwhile, what is read may be torn: SQLite then reports damage, or
    /// anything else, and the caller looks again; so then only for a few values, never for what must be right.
    /// - Throws: `DatabaseError`, also if there is no file.
    package convenience init(lookingAt path: String) throws(DatabaseError) {
        guard !Database.files(of: path).contains(where: { File.isIrregular($0) }) else {
            throw DatabaseError(code: SQLITE_CANTOPEN, words: "it is not a regular file")
        }
        var log = stat()
        let hasLog = stat(path + "-wal", &log) == 0 && log.st_size > 0
        if hasLog {
            // The log's index is then in memory, and not in a file beside it; this VFS knows no locks, so that the mode costs nobody any.
            try self.init(opening: path, SQLITE_OPEN_READONLY, "unix-none")
            guard csqlite_keep_log(handle) == SQLITE_OK else {
                throw DatabaseError(code: SQLITE_MISUSE, words: "the log would not be kept")
            }
            try script("PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON")
        } else {
            // All is in the file itself. Otherwise SQLite would create the log that the file's header promises.
            let uri = Database.uri(of: path) + "?immutable=1"
            try self.init(opening: uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, nil)
        }
    }

    /// Checks that no other process has a file open, by its locks. Not for a process that has it open itself: it would lose its own.
    /// - Throws: `DatabaseError`.
    package static func checkAtRest(_ path: String) throws(DatabaseError) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard file >= 0 else { throw DatabaseError(code: SQLITE_CANTOPEN, words: String(cString: strerror(errno))) }
        defer { close(file) }
        // The bytes that SQLite locks (https://sqlite.org/fileformat2.html#the_lock_byte_page); a process in WAL mode holds one always.
        var lock = flock(
            l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0x4000_0000, l_len: 512, l_pid: 0)
        guard fcntl(file, F_GETLK, &lock) == 0, lock.l_type == Int16(F_UNLCK) else {
            throw DatabaseError(code: SQLITE_BUSY, words: "another process has it open")
        }
    }

    /// The path as the path of a URI: what has a meaning there is written as a number.
    private static func uri(of path: String) -> String {
        "file:"
            + path.utf8.map { byte in
                let isPlain = byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
                let isLetter = UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 && byte & 0x40 != 0
                guard isPlain || isLetter || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else {
                    return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
                }
                return String(UnicodeScalar(byte))
            }.joined()
    }
}
