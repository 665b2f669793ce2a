import CSQLite
import Files
import Observing
import OperatorText
import SQLite
import SRUP

// Checks that a journal is the one that belongs here, and decides where its sequence ids continue.
extension Journal {
    /// Every opening goes on above every id that can have been used, also where the journal is a copy that nothing tells
    /// from the one it was made of.
    func skipToCeilings() throws {
        for standing in try servers() {
            if let ceiling = ceilings.ceilings[standing.server] { try raise(standing, to: ceiling) }
        }
        try commit()
    }

    private func raise(_ standing: StoredServer, to sequence: SequenceID) throws(Failure) {
        guard standing.lastSent < sequence else { return }
        try change {
            try $0.run(
                "UPDATE servers SET last_sent = ? WHERE id = ?", .unsigned(sequence.number),
                .unsigned(standing.server.number))
        }
    }

    /// What stands for the epoch of a journal that has not been told one: it is being made.
    private static let noEpoch = "none"

    /// Whether a journal of this epoch is not the one that the ceilings belong to. A journal that has an epoch and no
    /// ceilings beside it may be any older one.
    static func isNotTheOne(of ceilings: SequenceReservation?, _ epoch: String?) -> Bool {
        guard let ceilings else { return epoch != nil }
        return ![ceilings.epoch, ceilings.previousEpoch].contains(epoch ?? noEpoch)
    }

    static func open(_ folder: StateFolder, disk: String? = nil) throws -> Database {
        do {
            let database = try Database(path: folder.journal, disk: disk)
            // The order matters: an exclusive lock first, so that WAL needs no shared memory and nobody else comes in.
            try database.script("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            try database.script("PRAGMA secure_delete = ON")
            let pages = try database.rows("PRAGMA page_count").first?.integer(0) ?? 0
            if pages <= quickCheckPages, try database.rows("PRAGMA quick_check(1)").first?.text(0) != "ok" {
                throw DatabaseError(code: SQLITE_CORRUPT, words: "quick_check failed")
            }
            try JournalSchema.migrate(database)
            return database
        } catch let error as DatabaseError {
            guard error.kind != .locked else {
                throw OperatorFault(
                    "another process uses the state folder \(folder.path)",
                    hint: "stop the other srup-beacon, or give each its own [beacon] state")
            }
            throw Failure.database(error)
        }
    }

    static func ceilings(in folder: StateFolder) throws(Failure) -> SequenceReservation? {
        do throws(FileError) { return try SequenceReservation(reading: folder) } catch {
            throw .unreadable(folder.sequences, error)
        }
    }

    static func setAside(in folder: StateFolder) throws(Failure) -> Finding {
        do throws(FileError) { return .damaged(aside: try folder.setJournalAside()) } catch {
            throw .notSetAside(error)
        }
    }

    /// The journal beside the ceilings is not the one that they belong to: our state at each server is no longer known.
    /// We go on above every id that we can have used, and believe nobody before a new join. What an older journal holds as
    /// open or unsent may long have been answered otherwise.
    func forgetSequences() throws {
        try change {
            for table in ["servers", "observations", "outbox", "update_in_hand", "activations"] {
                try $0.run("DELETE FROM \(table)")
            }
            try $0.run("INSERT OR REPLACE INTO meta VALUES ('accepted-lost', 'yes')")
            try forgetChain($0)
            for (server, ceiling) in ceilings.ceilings {
                try $0.run(
                    "INSERT INTO servers (id, membership, last_sent) VALUES (?, 'stranger', ?)",
                    .unsigned(server.number), .unsigned(ceiling.number))
            }
        }
        try commit()
    }

    func renewEpoch(from old: String?, to fresh: String) throws {
        (ceilings.epoch, ceilings.previousEpoch) = (fresh, old ?? Journal.noEpoch)
        try writeCeilings()
        try change {
            try $0.run("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", .text(fresh))
            try renewBoot($0)
            // Earlier versions wait with that for sequence-floor settings.
            try $0.run("DELETE FROM meta WHERE name = 'sequences'")
        }
        try commit()
        ceilings.previousEpoch = nil
        try writeCeilings()
    }

    /// Those of these servers to which nothing was ever sent, as far as the journal and the file of ceilings know.
    func unusedServers(among servers: some Sequence<Identifier>) throws(Failure) -> Set<Identifier> {
        let used = try self.servers().filter { $0.lastSent > SequenceID(0) }.map(\.server)
        return Set(servers).subtracting(used)
    }

    /// Goes on above these ids towards these servers, where it is not above them already: one write for all of them.
    /// - Returns: whether any of them was higher.
    @discardableResult
    func raiseSequences(_ floors: [Identifier: SequenceID]) throws(Failure) -> Bool {
        let known = Dictionary(uniqueKeysWithValues: try servers().map { ($0.server, $0.lastSent) })
        var isHigher = false
        for (server, floor) in floors where floor > SequenceID(0) && known[server] ?? SequenceID(0) < floor {
            isHigher = true
            try change {
                try addServer(server)
                try $0.run(
                    "UPDATE servers SET last_sent = ? WHERE id = ?", .unsigned(floor.number), .unsigned(server.number))
            }
        }
        try commit()
        return isHigher
    }

    /// Takes a block of sequence ids towards each of these servers, where there is little left of the last one: one write of the file
    /// for all of them, instead of one for each message.
    func reserveSequences(_ wanted: Set<Identifier>) throws(Failure) {
        var isHigher = false
        for standing in try servers() where wanted.contains(standing.server) {
            let next = standing.lastSent.number.addingReportingOverflow(SequenceReservation.fewest)
            guard !next.overflow, ceilings.ceilings[standing.server] ?? SequenceID(0) < SequenceID(next.partialValue)
            else { continue }
            isHigher = true
            raiseCeiling(of: standing.server, above: standing.lastSent)
        }
        if isHigher { try writeCeilings() }
    }
}
