import Bench
import OperatorText
import SQLite

/// The registry's tables, as numbered migrations: number n takes a file from version n to n + 1. A released migration is never changed.
/// The tables contain no private key and no token.
enum RegistrySchema {
    static let migrations = [
        """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE identities (
            id INTEGER PRIMARY KEY,           -- the identifier's 64 bits
            key BLOB NOT NULL,                -- public, DER (SPKI)
            key_hash BLOB NOT NULL UNIQUE,    -- SHA-256 of it: a key is one identity's only
            type TEXT NOT NULL,
            registered INTEGER NOT NULL,      -- seconds since 1970, here and below
            validated INTEGER,                -- NULL: has not proven its key; forgotten after a while
            revoked INTEGER                   -- for ever: no key is this identity's again
        );
        CREATE TABLE certificates (
            serial BLOB PRIMARY KEY,
            identity INTEGER NOT NULL,
            key_hash BLOB NOT NULL,           -- SHA-256 of the certified key
            fingerprint BLOB NOT NULL,        -- SHA-256 of the certificate
            issued INTEGER NOT NULL,
            not_after INTEGER NOT NULL,
            revoked INTEGER
        ) WITHOUT ROWID;
        CREATE INDEX certificates_of ON certificates (identity, issued);
        CREATE INDEX certificates_for ON certificates (key_hash);
        CREATE TABLE tokens (
            hash BLOB PRIMARY KEY,            -- SHA-256 of the token
            role TEXT NOT NULL,
            type TEXT,                        -- enrols only this type; NULL: any
            uses INTEGER,                     -- left; NULL: as many as are wanted
            expires INTEGER NOT NULL,
            made INTEGER NOT NULL
        ) WITHOUT ROWID;
        """,
        """
        ALTER TABLE tokens ADD COLUMN label TEXT;                       -- the operator's words for it
        ALTER TABLE tokens ADD COLUMN used INTEGER NOT NULL DEFAULT 0;  -- how often; before this version not counted
        """,
        """
        CREATE TABLE former_keys (            -- that an identity had before the one that it has
            key_hash BLOB PRIMARY KEY,        -- SHA-256: it is nobody's again
            identity INTEGER NOT NULL,
            replaced INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX former_keys_of ON former_keys (identity, replaced);
        """,
        """
        ALTER TABLE identities ADD COLUMN rekeyed INTEGER;  -- since then it waits for a new key; the one that it has ended
        ALTER TABLE tokens ADD COLUMN identity INTEGER;     -- gives this identity a new key; NULL: registers a new identity
        """,
        """
        CREATE TABLE authorities (
            number INTEGER PRIMARY KEY,       -- 1: made by init; its row is added when the registry is opened
            certificate BLOB NOT NULL,        -- PEM
            state TEXT NOT NULL               -- signing: one at any time; next, old: trusted as well; ended
        );
        ALTER TABLE certificates ADD COLUMN authority INTEGER NOT NULL DEFAULT 1;  -- has signed it
        ALTER TABLE certificates ADD COLUMN newest INTEGER NOT NULL DEFAULT 1;     -- the newest CA whose certificate was sent with it
        """,
        """
        ALTER TABLE tokens ADD COLUMN name TEXT;             -- of the node that it enrols, in the operator's words, and where it is
        ALTER TABLE tokens ADD COLUMN site TEXT;
        ALTER TABLE tokens ADD COLUMN position TEXT;
        ALTER TABLE identities ADD COLUMN name TEXT;         -- of the token, otherwise as the node has sent it
        ALTER TABLE identities ADD COLUMN site TEXT;
        ALTER TABLE identities ADD COLUMN position TEXT;
        ALTER TABLE identities ADD COLUMN token BLOB;        -- SHA-256 of the token that enrolled it; NULL: none, or before this version
        ALTER TABLE identities ADD COLUMN token_label TEXT;  -- the token's label: tokens are deleted after a while
        """,
    ]

    /// Brings a file to the newest version, in one transaction.
    /// - Throws: SQLite's errors, and `OperatorFault` if a newer program has written the file.
    static func migrate(_ database: Database) throws {
        try database.script("BEGIN IMMEDIATE")
        do {
            let version = Int(try database.rows("PRAGMA user_version").first?.integer(0) ?? 0)
            guard version <= migrations.count else {
                throw OperatorFault(
                    "the registry was written by a newer srup-bench (version \(version), this one knows \(migrations.count))",
                    hint: "install that version again")
            }
            for number in version..<migrations.count {
                try database.script(migrations[number] + "\nPRAGMA user_version = \(number + 1)")
            }
            try database.script("COMMIT")
        } catch {
            try? database.script("ROLLBACK")
            throw error
        }
    }
}
