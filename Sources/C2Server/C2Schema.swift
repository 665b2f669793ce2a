import Bench
import OperatorText
import SQLite

/// The tables of a C2 server's state, as numbered migrations: number n takes a file from version n to n + 1. A released migration is
/// never changed. The tables contain no private key and no value.
enum C2Schema {
    /// "SC2S", the file's PRAGMA application_id.
    static let application: Int64 = 0x5343_3253

    /// The names in the table meta.
    enum Setting: String {
        /// The server that the state belongs to.
        case server
        /// The required grade of evidence.
        case required

        func value(in database: Database) throws -> String? {
            try database.rows("SELECT value FROM meta WHERE name = ?", .text(rawValue)).first?.text(0)
        }
    }

    /// In the table meta: the brokers that have a session of this server. An older program ignores them.
    static let sessionPrefix = "session "
    /// In the table meta: the deregistered nodes of which the registry knows that. An older program ignores them.
    static let toldPrefix = "told "

    /// From this version on the history has verdicts in a column, and the indexes for its filters.
    static let versionWithVerdicts = 4
    /// From this version on the history has a chain (docs/audit.md).
    static let versionWithChain = 6

    static let migrations = [
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE nodes (
            id INTEGER PRIMARY KEY,           -- the identifier's 64 bits
            standing TEXT NOT NULL DEFAULT 'known',
            sequence INTEGER NOT NULL DEFAULT 0,  -- the greatest id sent to it or accepted from it; 64 bits
            key TEXT,                         -- public, PEM
            source TEXT,                      -- of the key: keyring or registry
            update_token BLOB                 -- of the last INITIATE to it
        );
        CREATE TABLE asked (                  -- commands that wait for their answer
            token BLOB PRIMARY KEY,
            node INTEGER NOT NULL,
            what TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE groups (
            name TEXT NOT NULL,
            place INTEGER NOT NULL,
            node INTEGER NOT NULL,
            PRIMARY KEY (name, place)
        ) WITHOUT ROWID;
        CREATE TABLE joins (                  -- the open ones
            token BLOB NOT NULL,              -- T2: what the device's answer carries
            device INTEGER NOT NULL,
            observer INTEGER,                 -- NULL: before human eyes
            PRIMARY KEY (token, device)
        ) WITHOUT ROWID;
        CREATE TABLE outbox (                 -- signed, and not yet acknowledged by the broker
            id INTEGER PRIMARY KEY,
            topic TEXT NOT NULL,
            frame BLOB NOT NULL
        );
        CREATE TABLE history (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            wall INTEGER NOT NULL,            -- milliseconds since 1970
            kind TEXT NOT NULL,
            node INTEGER,
            line TEXT,                        -- the message as a line of a trace: JSON
            words TEXT NOT NULL,
            bytes INTEGER NOT NULL            -- of line and words
        );
        CREATE INDEX history_of ON history (node, id);
        """,
        """
        -- Nobody may observe until it is given: earlier versions let every member.
        ALTER TABLE nodes ADD COLUMN observer INTEGER;           -- 1: may observe; 0: may not; NULL: as its type says
        ALTER TABLE nodes ADD COLUMN type TEXT;                  -- at the registry
        ALTER TABLE nodes ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;  -- 1: a sequence id of it was accepted

        """,
        """
        ALTER TABLE history ADD COLUMN grade TEXT;   -- of a decision: of the evidence
        ALTER TABLE history ADD COLUMN reason TEXT;  -- of a decision
        -- In meta, 'required': how much must be known of a device's proof. An older program would not heed it, so it must
        -- refuse this version.

        """,
        """
        ALTER TABLE history ADD COLUMN verdict TEXT;  -- of a decision
        UPDATE history SET verdict = CASE
            WHEN words LIKE '%: accepted' THEN 'accepted'
            WHEN words LIKE '%: refused' THEN 'refused'
            WHEN words LIKE '%: failed' THEN 'failed'
            END WHERE kind = 'decision';
        CREATE INDEX history_at ON history (wall);
        CREATE INDEX history_of_at ON history (node, wall);
        CREATE INDEX history_verdict ON history (verdict, wall) WHERE verdict IS NOT NULL;

        """,
        """
        CREATE TABLE staged (                 -- the staged update that is under way, or was last
            one INTEGER PRIMARY KEY CHECK (one = 1),
            url TEXT NOT NULL,
            digest BLOB NOT NULL,
            percent INTEGER NOT NULL,         -- of the nodes, in one stage
            phase TEXT NOT NULL,
            stage INTEGER NOT NULL            -- under way, from 0
        );
        CREATE TABLE staged_nodes (
            place INTEGER PRIMARY KEY,
            node INTEGER NOT NULL,
            progress TEXT NOT NULL,
            reason TEXT,                      -- of a failure
            token BLOB                        -- of INITIATE and ACTIVATE
        );

        """,
        """
        ALTER TABLE history ADD COLUMN digest BLOB;  -- of the chain (docs/audit.md); NULL: from before it
        CREATE TABLE audit_chains (
            first INTEGER PRIMARY KEY,        -- id of its first entry
            chain INTEGER NOT NULL            -- 64 random bits
        );
        CREATE TABLE audit_keys (             -- the server's own public keys
            id INTEGER PRIMARY KEY,
            key BLOB NOT NULL,                -- DER
            since INTEGER NOT NULL,
            until INTEGER                     -- NULL: in use
        );
        CREATE TABLE audit_heads (            -- signed: the server's own, and those that nodes have sent; for export
            id INTEGER PRIMARY KEY,
            node INTEGER NOT NULL,
            head TEXT NOT NULL,               -- JSON
            received INTEGER NOT NULL,        -- seconds since 1970
            contradicts INTEGER NOT NULL DEFAULT 0   -- 1: those before it
        );
        CREATE INDEX audit_heads_of ON audit_heads (node, id);
        CREATE TABLE audit_records (          -- what the next head of a node is compared with
            node INTEGER PRIMARY KEY,         -- none: the operator has forgotten it
            head TEXT NOT NULL,               -- the last one that agreed with those before it
            contradicting TEXT,               -- the first one that did not
            chains TEXT NOT NULL              -- so far, the newest last, in hexadecimal digits
        );
        """,
        """
        CREATE TABLE fleet (                  -- what is kept of a node for the operator; no decision uses it
            id INTEGER PRIMARY KEY,           -- the identifier's 64 bits
            heard INTEGER,                    -- milliseconds since 1970
            name TEXT,                        -- set by the operator
            site TEXT,                        -- set by the operator
            told TEXT,                        -- its last answer to ID_REQUEST
            told_at INTEGER,
            mode TEXT,                        -- of its last join that has ended
            observer INTEGER,
            decision TEXT,
            reason TEXT,
            grade TEXT,
            decided INTEGER,
            verdict INTEGER,                  -- 1: a beacon or a person gave a verdict
            paused INTEGER                    -- 1: by this server, 0: resumed, NULL: as it told since
        );
        CREATE INDEX IF NOT EXISTS history_decisions ON history (id) WHERE verdict IS NOT NULL;
        CREATE INDEX IF NOT EXISTS history_decisions_of ON history (node, id) WHERE verdict IS NOT NULL;

        """,
    ]

    /// Brings a file to the newest version, in one transaction.
    /// - Throws: SQLite's errors, and `OperatorFault` if a newer program has written the file.
    static func migrate(_ database: Database) throws {
        for number in try version(database)..<migrations.count {
            try database.script(migrations[number] + "PRAGMA user_version = \(number + 1)")
        }
    }

    /// - Throws: as `migrate`.
    static func version(_ database: Database) throws -> Int {
        let version = Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
        guard version <= migrations.count else {
            throw OperatorFault(
                "the state was written by a newer srup-bench (version \(version), this one knows \(migrations.count))",
                hint: "install that version again")
        }
        return version
    }
}
