import BootTime
import Broker
import Observing
import SQLite
import SRUP

// The outbox: signed messages that no broker has acknowledged, and those of the last minutes that one has, for the others. A broker's
// acknowledgement does not prove that the server has the message: a broker can be lost before it passes it on (decisions/0031).
extension Journal {
    /// Acknowledged messages that are kept at most. More: more disk and more to publish at a change of broker (about 700 bytes each).
    static let mostAcknowledged: Int64 = 4_096
    /// How often it is looked whether there are more: after as many acknowledgements.
    private static let countInterval = 256

    /// What a broker's acknowledgement means for the messages.
    package struct Receipt: Sendable {
        /// Who has acknowledged them.
        package let broker: BrokerAddress
        /// When, on CLOCK_BOOTTIME.
        package let at: Instant
        /// How long they are kept for other brokers.
        package let kept: Duration

        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        package init(by broker: BrokerAddress, at: Instant, kept: Duration) {
            (self.broker, self.at, self.kept) = (broker, at, kept)
        }

        /// From when on an acknowledgement counts as one of the last minutes.
        fileprivate var oldest: Int64 { (at - kept).nanoseconds }
    }

    /// Puts a signed message into the outbox, and notes that its sequence id is used up. A request takes the place of an
    /// earlier one of its kind that has not left yet.
    /// - Returns: its number in the outbox.
    package func queue(_ frame: [UInt8], _ message: Message, to server: Identifier) throws(Failure) -> Int64 {
        try raiseCeiling(server, message.sequence)
        let topic = message.topic(to: server)
        try change { database in
            try database.run(
                """
                INSERT INTO servers (id, membership, last_sent) VALUES (?, 'stranger', ?)
                ON CONFLICT (id) DO UPDATE SET last_sent = excluded.last_sent
                """, .unsigned(server.number), .unsigned(message.sequence.number))
            for id in try superseded(by: message, to: server) {
                try database.run("DELETE FROM outbox WHERE id = ?", .integer(id))
            }
            try database.run(
                """
                INSERT INTO outbox (server, topic, frame, verdict)
                VALUES (?, ?, ?, (SELECT id FROM verdicts WHERE ? AND server = ? AND token = ?))
                """, .unsigned(server.number), .text(topic), .blob(frame), .integer(message.tellsVerdict ? 1 : 0),
                .unsigned(server.number), .blob(message.token.bytes))
        }
        return database.lastRow
    }

    /// The waiting messages to a server whose place a message takes.
    private func superseded(by message: Message, to server: Identifier) throws -> [Int64] {
        guard message.body.type.isRequest else { return [] }
        guard !message.body.type.isRequestToJoin else {  // nothing else has that topic
            let topic = Database.Value.text(message.topic(to: server))
            return try database.rows("SELECT id FROM outbox WHERE topic = ?", topic).map { $0.integer(0) }
        }
        return try database.rows("SELECT id, frame FROM outbox WHERE server = ?", .unsigned(server.number))
            .filter { (try? UnverifiedFrame($0.blob(1)))?.unverifiedMessage.body.type == message.body.type }
            .map { $0.integer(0) }
    }

    /// What must be published, in the order in which it was signed.
    /// - Parameter receipt: of the broker to which it must be published: then also what only others have acknowledged in the last
    ///   minutes; nil: only what none has.
    func outbox(for receipt: Receipt? = nil) throws(Failure) -> [Publishing.Queued] {
        try Journal.attempt {
            var rows = try database.rows(Journal.waiting)
            if let receipt, !hasPublished(to: receipt) {
                let kept = try database.rows(
                    Journal.acknowledgedByOthers, .integer(receipt.oldest), .text(Journal.entry(receipt.broker)))
                if kept.isEmpty { published = (receipt.broker, receipt.at) }
                if !kept.isEmpty { rows = (rows + kept).sorted { $0.integer(0) < $1.integer(0) } }
            }
            return rows.map {
                .init(
                    server: Identifier($0.unsigned(3)),
                    message: Outgoing(id: $0.integer(0), topic: $0.text(1) ?? "", payload: $0.blob(2)))
            }
        }
    }

    /// Whether nothing that only others have acknowledged is left for this broker. More comes only with another broker's acknowledgement.
    private func hasPublished(to receipt: Receipt) -> Bool {
        published.map { $0.broker == receipt.broker && $0.at <= receipt.at } ?? false
    }

    // One query for both reads every row of the table.
    static let waiting = "SELECT id, topic, frame, server FROM outbox WHERE acknowledged IS NULL ORDER BY id"
    static let acknowledgedByOthers = """
        SELECT id, topic, frame, server FROM outbox WHERE acknowledged >= ? AND instr(brokers, ?) = 0
        """

    /// A broker in the list of those that have acknowledged a message: a line, after the line feed that begins the list.
    private static func entry(_ broker: BrokerAddress) -> String { "\n\(broker)\n" }

    /// The broker has acknowledged these messages: they are marked, or deleted where nothing is kept for another broker. What was kept
    /// long enough is deleted in the same transaction.
    /// - Parameters:
    ///   - seconds: the wall clock, for people.
    ///   - receipt: nil: nothing is kept.
    /// - Returns: which observations' verdicts were among them for the first time, for the log.
    package func delivered(
        _ ids: [Int64], at seconds: Int64, by receipt: Receipt? = nil
    ) throws(Failure) -> [(exchange: RequestID, device: Identifier)] {
        var told: [(exchange: RequestID, device: Identifier)] = []
        let kept = receipt.flatMap { $0.kept > .zero ? $0 : nil }
        if receipt?.broker != published?.broker { published = nil }
        try change { database in
            for id in ids {
                guard let verdict = try settle(id, kept, database) else { continue }
                let row = try database.rows(
                    "UPDATE verdicts SET acknowledged = COALESCE(acknowledged, ?) WHERE id = ? RETURNING server, token, device",
                    .integer(seconds), .integer(verdict)
                ).first
                guard let row, let token = Token(row.blob(1)) else { continue }
                told.append((RequestID(server: Identifier(row.unsigned(0)), token: token), Identifier(row.unsigned(2))))
            }
            try prune(ids.count, receipt, database)
        }
        return told
    }

    /// Marks or deletes one message.
    /// - Returns: the verdict that it tells; nil: none, or a broker had acknowledged it before.
    private func settle(_ id: Int64, _ kept: Receipt?, _ database: Database) throws(DatabaseError) -> Int64? {
        guard let kept else {
            let row = try database.rows("DELETE FROM outbox WHERE id = ? RETURNING verdict, acknowledged", .integer(id))
            return row.first.flatMap { $0.isNull(0) || !$0.isNull(1) ? nil : $0.integer(0) }
        }
        let before = try database.rows("SELECT verdict, acknowledged FROM outbox WHERE id = ?", .integer(id)).first
        guard let before else { return nil }
        // The time of the first one counts: another broker's does not keep it longer.
        try database.run(
            "UPDATE outbox SET acknowledged = COALESCE(acknowledged, ?), brokers = substr(brokers, 1, length(brokers) - 1) || ? WHERE id = ?",
            .integer(kept.at.nanoseconds), .text(Journal.entry(kept.broker)), .integer(id))
        return before.isNull(0) || !before.isNull(1) ? nil : before.integer(0)
    }

    /// Deletes what was kept long enough, and now and then what is more than is kept.
    private func prune(_ count: Int, _ receipt: Receipt?, _ database: Database) throws(DatabaseError) {
        guard let receipt else { return }
        try database.run("DELETE FROM outbox WHERE acknowledged < ?", .integer(receipt.oldest))
        acknowledgedUntilCount -= count
        guard acknowledgedUntilCount <= 0 else { return }
        acknowledgedUntilCount = Journal.countInterval
        try database.run(
            """
            DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE acknowledged IS NOT NULL ORDER BY acknowledged DESC, id DESC LIMIT -1 OFFSET ?)
            """, .integer(Journal.mostAcknowledged))
    }

    /// Whether a broker has acknowledged something that is kept.
    func hasAcknowledged(_ broker: BrokerAddress) throws(Failure) -> Bool {
        try Journal.attempt {
            try !database.rows(
                "SELECT 1 FROM outbox WHERE acknowledged IS NOT NULL AND instr(brokers, ?) > 0 LIMIT 1",
                .text(Journal.entry(broker))
            ).isEmpty
        }
    }

    /// What a broker has acknowledged counts as lost with the session that it has lost: it gets it again.
    func forgetAcknowledgements(of broker: BrokerAddress) throws(Failure) {
        published = nil
        try change {
            try $0.run(
                "UPDATE outbox SET brokers = replace(brokers, ?, char(10)) WHERE instr(brokers, ?) > 0",
                .text(Journal.entry(broker)), .text(Journal.entry(broker)))
        }
    }

    /// The clock starts again with each boot of the machine: what was acknowledged before counts as acknowledged at its start.
    func renewBoot(_ database: Database) throws(DatabaseError) {
        let known = try database.rows("SELECT value FROM meta WHERE name = 'boot'").first?.text(0)
        guard known != bootID else { return }
        try database.run("UPDATE outbox SET acknowledged = 0 WHERE acknowledged IS NOT NULL")
        try database.run("INSERT OR REPLACE INTO meta VALUES ('boot', ?)", .text(bootID))
    }

    /// How many messages no broker has acknowledged.
    func outboxCount() throws(Failure) -> Int { try Journal.attempt { try Journal.outboxCount(database) } }

    /// The same of a journal that no beacon has open; it is only read.
    /// - Throws: `Failure` also where a beacon has it open, as one that is starting.
    package static func outboxCount(of folder: StateFolder) throws -> Int {
        try attempt {
            try Database.checkAtRest(folder.journal)
            return try outboxCount(try Database(lookingAt: folder.journal))
        }
    }

    private static func outboxCount(_ database: Database) throws(DatabaseError) -> Int {
        // A version of the beacon before this one has no such column, and deletes what is acknowledged.
        let marks = try database.rows("SELECT 1 FROM pragma_table_info('outbox') WHERE name = 'acknowledged'")
        let waiting = marks.isEmpty ? "" : " WHERE acknowledged IS NULL"
        return Int(try database.rows("SELECT count(*) FROM outbox" + waiting).first?.integer(0) ?? 0)
    }
}
