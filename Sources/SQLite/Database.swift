import CSQLite
import Files
import Glibc
import OperatorText

/// Why an SQLite call failed.
package struct DatabaseError: OperatorError, Equatable, CustomStringConvertible {
    /// How we must react to it.
    package enum Kind: Equatable {
        case full, damaged, locked, readOnly, inputOutput, other
    }

    package let code: Int32
    package let words: String

    package init(code: Int32, words: String) {
        self.code = code
        self.words = words
    }

    package var kind: Kind {
        switch code & 0xFF {
        case SQLITE_FULL: .full
        case SQLITE_CORRUPT, SQLITE_NOTADB: .damaged
        case SQLITE_BUSY, SQLITE_LOCKED: .locked
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM: .readOnly
        case SQLITE_IOERR: .inputOutput
        default: .other
        }
    }

    package var message: String { "SQLite \(code): \(words)" }

    package func hint(for names: SettingNames) -> String {
        "check that the disk has free space and that no other process uses the file"
    }

    package var description: String { message }
}

/// One SQLite file with its prepared statements. Used on one thread.
package final class Database {
    /// What a column or a parameter can be.
    package enum Value: Equatable {
        case integer(Int64)
        case text(String)
        case blob([UInt8])
        case null
    }

    /// One row of a result, read by position.
    package struct Row {
        fileprivate let values: [Value]

        package func integer(_ column: Int) -> Int64 {
            if case .integer(let number) = values[column] { number } else { 0 }
        }
        package func unsigned(_ column: Int) -> UInt64 { UInt64(bitPattern: integer(column)) }
        package func text(_ column: Int) -> String? { if case .text(let text) = values[column] { text } else { nil } }
        package func blob(_ column: Int) -> [UInt8] { if case .blob(let bytes) = values[column] { bytes } else { [] } }
        package func isNull(_ column: Int) -> Bool { values[column] == .null }
    }

    private let handle: OpaquePointer
    /// A file that this connection has created, and that goes with it.
    private var ownFile: String?
    private var statements: [String: OpaquePointer] = [:]

    /// Opens a file; creates it unless it is opened for reading only.
    /// - Parameter disk: the name of the VFS for the file; nil: the system's. Tests use another one.
    package init(path: String, readOnly: Bool = false, disk: String? = nil) throws(DatabaseError) {
        let access = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        // SQLite opens any kind of file, and a FIFO would block a reader.
        guard disk != nil || !Database.files(of: path).contains(where: { File.isIrregular($0) }) else {
            throw DatabaseError(code: SQLITE_CANTOPEN, words: "it is not a regular file")
        }
        handle = try Database.opened(path, flags, disk)
        sqlite3_extended_result_codes(handle, 1)
        // A reader holds the lock only for a moment.
        sqlite3_busy_timeout(handle, 2_000)
    }

    /// Opens a file that no process has open, for reading only, and leaves no file beside it: SQLite would create `-wal` and `-shm` for a
    /// reader as well, and they would stay, and belong to the reader's user.
    package init(atRest path: String) throws(DatabaseError) {
        guard !Database.files(of: path).contains(where: { File.isIrregular($0) }) else {
            throw DatabaseError(code: SQLITE_CANTOPEN, words: "it is not a regular file")
        }
        var status = stat()
        let (log, memory) = (path + "-wal", path + "-shm")
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        if stat(log, &status) == 0, status.st_size > 0 {
            // What is in the log counts. The writer needs no `-shm`, since it has the file to itself.
            if access(memory, F_OK) != 0 { ownFile = memory }
            handle = try Database.opened(path, flags, nil)
        } else {
            let name = path.utf8.map { Database.isPlain($0) ? String(UnicodeScalar($0)) : Database.escaped($0) }
                .joined()
            handle = try Database.opened("file:\(name)?immutable=1", flags | SQLITE_OPEN_URI, nil)
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 2_000)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"%?#".utf8.contains(byte)
    }

    private static func escaped(_ byte: UInt8) -> String {
        (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
    }

    private static func opened(_ path: String, _ flags: Int32, _ disk: String?) throws(DatabaseError) -> OpaquePointer {
        var handle: OpaquePointer?
        let result = sqlite3_open_v2(path, &handle, flags, disk)
        guard let handle, result == SQLITE_OK else {
            let words = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(handle)
            throw DatabaseError(code: result, words: words)
        }
        return handle
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
        if let ownFile { unlink(ownFile) }
    }

    /// The database's file, and the ones that SQLite creates beside it.
    package static func files(of path: String) -> [String] {
        [path] + ["-wal", "-shm", "-journal"].map { path + $0 }
    }

    /// Rows that the last statement changed.
    package var changes: Int { Int(sqlite3_changes(handle)) }

    /// SQLite's version.
    package static var libraryVersion: String { String(cString: sqlite3_libversion()) }

    /// The row id that the last INSERT made.
    package var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Runs statements that give no rows and are not kept: schema and pragmas.
    package func script(_ sql: String) throws(DatabaseError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw lastError() }
    }

    /// Runs one statement; it stays prepared.
    package func run(_ sql: String, _ values: Value...) throws(DatabaseError) { _ = try step(sql, values) }

    /// Runs one statement and gives its rows.
    package func rows(_ sql: String, _ values: Value...) throws(DatabaseError) -> [Row] { try step(sql, values) }

    /// The same with a list of values.
    package func rows(_ sql: String, _ values: [Value]) throws(DatabaseError) -> [Row] { try step(sql, values) }

    private func step(_ sql: String, _ values: [Value]) throws(DatabaseError) -> [Row] {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() { try bind(value, Int32(index + 1), statement) }
        var rows: [Row] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                rows.append(Row(values: (0..<sqlite3_column_count(statement)).map { column(statement, $0) }))
            case SQLITE_DONE: return rows
            default: throw lastError()
            }
        }
    }

    private func prepared(_ sql: String) throws(DatabaseError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var made: OpaquePointer?
        guard sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil) == SQLITE_OK,
            let made
        else { throw lastError() }
        statements[sql] = made
        return made
    }

    private func bind(_ value: Value, _ index: Int32, _ statement: OpaquePointer) throws(DatabaseError) {
        let result =
            switch value {
            case .integer(let number): sqlite3_bind_int64(statement, index, number)
            case .text(let text): csqlite_bind_text(statement, index, text, Int32(text.utf8.count))
            case .blob(let bytes): csqlite_bind_blob(statement, index, bytes, Int32(bytes.count))
            case .null: sqlite3_bind_null(statement, index)
            }
        guard result == SQLITE_OK else { throw lastError() }
    }

    private func column(_ statement: OpaquePointer, _ index: Int32) -> Value {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, index))
        case SQLITE_TEXT: .text(sqlite3_column_text(statement, index).map { String(cString: $0) } ?? "")
        case SQLITE_BLOB:
            .blob(
                Array(
                    UnsafeRawBufferPointer(
                        start: sqlite3_column_blob(statement, index), count: Int(sqlite3_column_bytes(statement, index))
                    )))
        default: .null
        }
    }

    private func lastError() -> DatabaseError {
        DatabaseError(code: sqlite3_extended_errcode(handle), words: String(cString: sqlite3_errmsg(handle)))
    }
}

extension Database.Value {
    /// 64 bits, kept as SQLite's signed number of the same bits.
    package static func unsigned(_ number: UInt64) -> Database.Value { .integer(Int64(bitPattern: number)) }
}
