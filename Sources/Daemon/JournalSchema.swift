import OperatorText
import SQLite

/// The journal's tables, as numbered migrations: number n takes a file from version n to n + 1. A migration that has been
/// released is never changed.
///
/// An update can be taken back after it has migrated the journal: so a migration adds tables and columns with defaults, and
/// nothing else, and the versions before it go on with the file. One that must change what is there takes two releases; the
/// second raises `readableFrom`.
enum JournalSchema {
    /// The oldest number of migrations with which a program can use a file of this one's.
    static let readableFrom = 3

    static let migrations = [
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE servers (
            id INTEGER PRIMARY KEY,           -- the identifier's 64 bits
            membership TEXT NOT NULL,
            join_token BLOB,                  -- of the JOIN_REQ that awaits its answer
            last_accepted INTEGER,            -- NULL: not known; see StoredServer
            last_sent INTEGER NOT NULL
        );
        CREATE TABLE observations (           -- open: no verdict yet. The value is not here, only the sealed request.
            server INTEGER NOT NULL,
            token BLOB NOT NULL,
            device INTEGER NOT NULL,
            frame BLOB NOT NULL,
            boot TEXT NOT NULL,
            deadline INTEGER NOT NULL,        -- nanoseconds of CLOCK_BOOTTIME of that boot
            mismatches INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (server, token)
        ) WITHOUT ROWID;
        CREATE TABLE verdicts (
            id INTEGER PRIMARY KEY,
            server INTEGER NOT NULL,
            token BLOB NOT NULL,
            device INTEGER NOT NULL,
            verdict TEXT NOT NULL,
            reason TEXT NOT NULL,
            evidence TEXT,
            decided INTEGER NOT NULL          -- seconds since 1970, for people: nothing is decided by it
        );
        CREATE UNIQUE INDEX one_verdict ON verdicts (server, token);
        CREATE TABLE outbox (                 -- signed, and not yet acknowledged by the broker
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            server INTEGER NOT NULL,
            topic TEXT NOT NULL,
            frame BLOB NOT NULL
        );
        """,
        """
        ALTER TABLE servers ADD COLUMN join_manner TEXT;     -- of the request that awaits its answer: simple, human, observed
        ALTER TABLE servers ADD COLUMN join_observer INTEGER; -- who observes
        ALTER TABLE servers ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
        """,
        """
        CREATE TABLE update_in_hand (         -- the one update that we are busy with, or were last
            one INTEGER PRIMARY KEY CHECK (one = 1),
            server INTEGER NOT NULL,
            token BLOB NOT NULL,
            url TEXT NOT NULL,
            digest BLOB NOT NULL,
            phase TEXT NOT NULL,              -- fetching, fetched, activating, answered
            version TEXT,                     -- what the file holds, from fetched on
            status INTEGER,                   -- what was answered
            starts INTEGER NOT NULL DEFAULT 0 -- while it is activated
        );
        CREATE TABLE activations (            -- the answers to the last ACTIVATEs
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            server INTEGER NOT NULL,
            token BLOB NOT NULL,
            status INTEGER NOT NULL
        );
        """,
        """
        ALTER TABLE servers ADD COLUMN since INTEGER;         -- of the membership. As all of these: seconds since 1970, for people
        ALTER TABLE observations ADD COLUMN asked INTEGER;    -- when the request was taken
        ALTER TABLE verdicts ADD COLUMN asked INTEGER;        -- the same, of what is decided
        ALTER TABLE verdicts ADD COLUMN mismatches INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE verdicts ADD COLUMN acknowledged INTEGER; -- when the broker had the answer
        ALTER TABLE outbox ADD COLUMN verdict INTEGER;        -- which of the verdicts it tells; NULL: none
        CREATE INDEX verdicts_of_device ON verdicts (device, id);
        """,
    ]

    /// Whether a file that a newer program has migrated can be used by this one.
    private static func isReadable(_ database: Database) throws -> Bool {
        let oldest = try database.rows("SELECT value FROM meta WHERE name = 'readable-from'").first?.text(0)
        return oldest.flatMap { Int($0) }.map { $0 <= migrations.count } ?? false
    }

    /// Brings a file to the newest version, each step in a transaction of its own.
    /// - Throws: what SQLite throws, and `OperatorFault` where a newer program has written the file.
    static func migrate(_ database: Database) throws {
        let version = Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
        guard try version <= migrations.count || isReadable(database) else {
            throw OperatorFault(
                "the journal was written by a newer srup-beacon (version \(version), this one knows \(migrations.count))",
                hint: "install that version again, or restore the journal that belongs to this one")
        }
        guard version < migrations.count else { return }
        for number in version..<migrations.count {
            try database.script("BEGIN IMMEDIATE")
            do {
                try database.script(
                    migrations[number] + "INSERT OR REPLACE INTO meta VALUES ('readable-from', '\(readableFrom)');"
                        + "PRAGMA user_version = \(number + 1); COMMIT")
            } catch {
                try? database.script("ROLLBACK")
                throw error
            }
        }
    }
}
