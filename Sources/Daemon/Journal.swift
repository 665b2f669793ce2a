import Auditing
import BootTime
import Broker
import Files
import Glibc
import Keys
import Observing
import SQLite
import SRUP

extension Message {
    /// Whether it is the answer to an OBSERVE_REQ.
    var tellsVerdict: Bool {
        guard case .response(let status) = body else { return false }
        return Verdict.allCases.contains { $0.status == status }
    }
}

/// What must survive a restart: SQLite, WAL, synchronous=FULL, one file, one writer. Used on one thread.
///
/// A transaction is opened by the first change and ends with `commit()`. On any failure the caller discards this journal and
/// the observer and opens both again: the state on disk is authoritative.
package final class Journal {
    /// Larger files are not read through at every start; SQLite still finds what is damaged when it comes to it.
    static let quickCheckPages = 4_096

    let finding: Finding
    let folder: StateFolder
    let database: Database
    let bootID: String
    var ceilings: SequenceReservation
    /// Which files these paths have named since this journal has them.
    private var files: [String: File.Identity] = [:]
    private var inTransaction = false
    /// Acknowledgements until those that are more than are kept are looked for.
    var acknowledgedUntilCount = 0
    /// The broker that has all that only others have acknowledged, and since when; nil: that must be looked up.
    var published: (broker: BrokerAddress, at: Instant)?
    /// The chain of verdicts, once it is known whose it is (`beginRecord`).
    var verdictChain: VerdictRecord?
    /// Which verdict was the newest at these moments, of the last hour and the one before.
    var ages: [(at: Instant, last: Int64)] = []
    /// Until then nothing is pruned.
    var heldUntil = Instant(nanoseconds: 0)
    /// The frame of the message that is being handled, of which a verdict may be given at once.
    var arrived: [UInt8]?

    /// Opens the journal of a state folder; sets a damaged one aside.
    /// - Throws: `Failure` on a disk error; `OperatorFault` if another process has it open, or a newer program has written it.
    /// - Parameters:
    ///   - knownDamaged: SQLite has found damage while the file was in use: it is set aside whatever its size.
    ///   - wasUsed: this identity has had a journal before: where there is none, it was lost.
    ///   - wasReplaced: files were removed or replaced while a journal was open: what is there now is not all that was.
    ///   - disk: see `Database`.
    package init(
        _ folder: StateFolder, bootID: String, knownDamaged: Bool = false, wasUsed: Bool = false,
        wasReplaced: Bool = false, disk: String? = nil
    ) throws {
        self.folder = folder
        self.bootID = bootID
        do throws(FileError) {
            try folder.takeReserve()
            try folder.checkRoom()
        } catch {
            folder.giveReserveBack()
            throw Failure.noReserve(error)
        }
        let stored = try Journal.ceilings(in: folder)
        var finding = knownDamaged ? try Journal.setAside(in: folder) : .whole
        do {
            database = try Journal.open(folder, disk: disk)
        } catch Failure.database(let error) where error.kind == .damaged {
            finding = try Journal.setAside(in: folder)
            database = try Journal.open(folder, disk: disk)
        }
        let epoch = try Journal.attempt { [database] in
            try database.rows("SELECT value FROM meta WHERE name = 'epoch'").first?.text(0)
        }
        let isNew = stored == nil && epoch == nil
        let isLost = wasReplaced || (isNew ? wasUsed : Journal.isNotTheOne(of: stored, epoch))
        if finding == .whole, isLost { finding = .lost }
        self.finding = finding
        let fresh = hexadecimal(randomBytes(8))
        ceilings = stored ?? SequenceReservation(epoch: fresh)
        if finding != .whole { try forgetSequences() }
        try skipToCeilings()
        try renewEpoch(from: epoch, to: fresh)
        note([folder.path, folder.journal, folder.journal + "-wal"])
    }

    static func attempt<Result>(_ body: () throws -> Result) throws(Failure) -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw .database(error)
        } catch {
            preconditionFailure("the journal threw \(error)")
        }
    }

    func change(_ body: (Database) throws -> Void) throws(Failure) {
        try Journal.attempt {
            if !inTransaction { try database.run("BEGIN IMMEDIATE") }
            inTransaction = true
            try body(database)
        }
    }

    /// Makes everything since the last commit permanent: when it returns, it is on disk.
    package func commit() throws(Failure) {
        guard inTransaction else { return }
        try finishRow()
        try checkFiles()
        try Journal.attempt { try database.run("COMMIT") }
        inTransaction = false
    }

    /// Writes one change of the observer's.
    /// - Parameter seconds: the wall clock, seconds since 1970: for people, nothing is decided by it.
    package func record(_ change: Change, at seconds: Int64) throws(Failure) {
        try self.change { database in
            switch change {
            case .accepted(let server, let sequence):
                try database.run(
                    """
                    INSERT INTO servers (id, membership, last_sent, last_accepted) VALUES (?, 'stranger', 0, ?)
                    ON CONFLICT (id) DO UPDATE SET last_accepted = excluded.last_accepted
                    """, .unsigned(server.number), .unsigned(sequence.number))
            case .membership(let server, let membership):
                try addServer(server)
                let observer: Database.Value =
                    if case .observed(let observer) = membership.joinMode { .unsigned(observer.number) } else { .null }
                try database.run(
                    """
                    UPDATE servers SET membership = ?, join_token = ?, join_manner = ?, join_observer = ?, since = ?
                    WHERE id = ?
                    """,
                    .text(membership.name), membership.token.map { .blob($0.bytes) } ?? .null,
                    membership.joinMode.map { .text($0.name) } ?? .null, observer, .integer(seconds),
                    .unsigned(server.number))
            case .paused(let server, let isPaused):
                try addServer(server)
                try database.run(
                    "UPDATE servers SET paused = ? WHERE id = ?", .integer(isPaused ? 1 : 0), .unsigned(server.number))
            case .opened(let exchange, let device, let frame, let deadline):
                try database.run(
                    """
                    INSERT INTO observations (server, token, device, frame, boot, deadline, asked)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                    .unsigned(exchange.server.number), .blob(exchange.token.bytes), .unsigned(device.number),
                    .blob(frame), .text(bootID), .integer(deadline.nanoseconds), .integer(seconds))
            case .update(let update): try record(update, database)
            case .activation(let activation): try record(activation, database)
            case .mismatches(let exchange, let count):
                try database.run(
                    "UPDATE observations SET mismatches = ? WHERE server = ? AND token = ?", .integer(Int64(count)),
                    .unsigned(exchange.server.number), .blob(exchange.token.bytes))
            case .answered(let exchange, let device, let verdict, let reason, let evidence):
                try finishRow()
                try record(exchange, device, verdict, reason, evidence, seconds, database)
            case .proof(let exchange, let proof): add(proof: proof, of: exchange)
            }
        }
    }

    private func record(
        _ exchange: RequestID, _ device: Identifier, _ verdict: Verdict, _ reason: Reason, _ evidence: Evidence?,
        _ seconds: Int64, _ database: Database
    ) throws {
        let (server, token) = (
            Database.Value.unsigned(exchange.server.number), Database.Value.blob(exchange.token.bytes)
        )
        let open = try database.rows(
            "DELETE FROM observations WHERE server = ? AND token = ? RETURNING asked, mismatches, frame", server, token
        ).first
        let asked = open.map { $0.isNull(0) ? nil : $0.integer(0) } ?? seconds
        // The unique index turns a second verdict into a crash, never into a second row.
        try database.run(
            """
            INSERT INTO verdicts (server, token, device, verdict, reason, evidence, decided, asked, mismatches)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            server, token, .unsigned(device.number), .text(verdict.rawValue), .text(reason.rawValue),
            evidence.map { .text($0.json) } ?? .null, .integer(seconds),
            asked.map { .integer($0) } ?? .null, .integer(open?.integer(1) ?? 0))
        var row = AuditVerdict(
            server: exchange.server, device: device, token: exchange.token.bytes, verdict: verdict.rawValue,
            reason: reason.rawValue, evidence: evidence?.json, decided: seconds, asked: asked,
            mismatches: open?.integer(1) ?? 0)
        row.request = request(of: exchange, open?.blob(2))
        beginRow(row, of: exchange, verdict: database.lastRow)
    }

    func addServer(_ server: Identifier) throws {
        try database.run(
            "INSERT OR IGNORE INTO servers (id, membership, last_sent) VALUES (?, 'stranger', 0)",
            .unsigned(server.number))
    }

    func raiseCeiling(_ server: Identifier, _ sequence: SequenceID) throws(Failure) {
        if let ceiling = ceilings.ceilings[server], sequence <= ceiling { return }
        raiseCeiling(of: server, above: sequence)
        try writeCeilings()
    }

    func raiseCeiling(of server: Identifier, above sequence: SequenceID) {
        let (raised, overflow) = sequence.number.addingReportingOverflow(SequenceReservation.block)
        ceilings.ceilings[server] = SequenceID(overflow ? .max : raised)
    }

    func writeCeilings() throws(Failure) {
        do throws(FileError) { try ceilings.write(to: folder) } catch { throw .ceilings(error) }
        note([folder.sequences])
    }

    private func note(_ paths: [String]) { for path in paths { files[path] = File.Identity(path) } }

    /// Checks that the journal's files are those that were opened. SQLite would go on writing to files that were removed: all of it would
    /// be lost with the process, and verdicts given twice after it.
    private func checkFiles() throws(Failure) {
        for (path, identity) in files.sorted(by: { $0.key < $1.key }) where File.Identity(path) != identity {
            throw .replaced(path)
        }
    }

    /// Looks at the files, and reads a row. SQLite may answer from memory: a failed disk is noticed at the next write.
    func answer() throws(Failure) {
        try checkFiles()
        _ = try Journal.attempt { try database.rows("SELECT value FROM meta WHERE name = 'epoch'") }
    }

    /// Records, in the room that the reserve has given back, that the disk is full.
    func recordFullDisk(since seconds: Int64) {
        folder.giveReserveBack()
        try? database.script("ROLLBACK")
        try? database.run("INSERT OR REPLACE INTO meta VALUES ('full-since', ?)", .text(String(seconds)))
    }

    /// When the disk was found full before this journal was opened, in seconds since 1970; forgets it.
    func takeFullSince() throws(Failure) -> Int64? {
        let since = try Journal.attempt {
            try database.rows("SELECT value FROM meta WHERE name = 'full-since'").first?.text(0).flatMap { Int64($0) }
        }
        guard since != nil else { return nil }
        try change { try $0.run("DELETE FROM meta WHERE name = 'full-since'") }
        try commit()
        return since
    }
}
