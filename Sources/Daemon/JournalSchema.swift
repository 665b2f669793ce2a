import OperatorText
import SQLite

/// The journal's tables, as numbered migrations: number n takes a file from version n to n + 1. A migration that has been
/// released is never changed.
///
/// An update can be taken back after it has migrated the journal: so a migration adds tables and columns with defaults, and
/// nothing else, and the versions before it go on with the file. One that must change what is there takes two releases; the
/// second raises `readableFrom`.
package enum JournalSchema {
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
        """
        ALTER TABLE outbox ADD COLUMN acknowledged INTEGER;   -- nanoseconds of CLOCK_BOOTTIME, by the first broker; NULL: by none
        ALTER TABLE outbox ADD COLUMN brokers TEXT NOT NULL DEFAULT '\n';  -- those that have, each between line feeds
        CREATE INDEX outbox_acknowledged ON outbox (acknowledged);
        """,
        """
        CREATE TABLE audit (                  -- the rest of each verdict's row in the chain (docs/audit.md)
            verdict INTEGER PRIMARY KEY,      -- which of the verdicts
            number INTEGER NOT NULL,
            request BLOB,                     -- the OBSERVE_REQ up to its sealed value
            seal BLOB,                        -- SHA-256 of that
            response BLOB,                    -- frames, as they were signed
            evidence_frame BLOB,
            proof_frame BLOB,
            proof BLOB,                       -- KeyedProof.encoded, where no frame has it
            digest BLOB NOT NULL              -- of the chain
        );
        CREATE TABLE audit_chains (
            first INTEGER PRIMARY KEY,        -- number of its first row
            chain INTEGER NOT NULL,           -- 64 random bits
            began INTEGER NOT NULL            -- seconds since 1970
        );
        CREATE TABLE audit_keys (             -- our own public keys
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL,                -- DER
            since INTEGER NOT NULL,
            until INTEGER                     -- NULL: in use
        );
        CREATE TABLE audit_heads (            -- the signed ones, as servers got them
            id INTEGER PRIMARY KEY,
            head TEXT NOT NULL
        );
        CREATE INDEX verdicts_of_time ON verdicts (decided, id);
        CREATE INDEX verdicts_of_result ON verdicts (verdict, decided, id);
        """,
    ]

    /// Checks that a file was not migrated by a newer program in a way that this one does not know.
    /// - Returns: the file's version.
    /// - Throws: what SQLite throws, and `OperatorFault` where this program cannot use the file.
    private static func usableVersion(of database: Database) throws -> Int {
        let version = Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
        guard version > migrations.count else { return version }
        let text = try database.rows("SELECT value FROM meta WHERE name = 'readable-from'").first?.text(0)
        let oldest = text.flatMap { Int($0) } ?? version
        guard oldest > migrations.count else { return version }
        throw OperatorFault(
            """
            the journal was written by a newer srup-beacon: it has version \(version), which programs that know \(oldest) or more can \
            read, and this one, \(Shell.version), knows \(migrations.count)
            """,
            hint: """
                install the newer srup-beacon again; or move journal.sqlite and journal.sqlite-wal out of the state folder: their \
                observations and messages are lost then, and the servers are joined again
                """)
    }

    /// Checks that this program can use the journal in a folder, which is only looked at; another program may have it open. Where
    /// that cannot be seen, as in a damaged journal, which the beacon sets aside, nothing is wrong with its version.
    /// - Throws: `OperatorFault` where a newer program has written it.
    package static func check(_ folder: StateFolder) throws(OperatorFault) {
        for _ in 0..<3 {
            do {
                _ = try usableVersion(of: try Database(lookingAt: folder.journal))
                return
            } catch let fault as OperatorFault {
                throw fault
            } catch {
                continue  // torn: it is being written to
            }
        }
    }

    /// Brings a file to the newest version, each step in a transaction of its own.
    /// - Throws: what SQLite throws, and `OperatorFault` where a newer program has written the file.
    static func migrate(_ database: Database) throws {
        let version = try usableVersion(of: database)
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
