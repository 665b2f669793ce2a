import BootTime
import Keys
import Observing
import SQLite
import SRUP

// What the journal holds, read.
extension Journal {
    /// The verdict of an exchange, where it has one.
    package func verdict(of exchange: RequestID) throws(Failure) -> Verdict? {
        try Journal.attempt {
            try database.rows(
                "SELECT verdict FROM verdicts WHERE server = ? AND token = ?", .unsigned(exchange.server.number),
                .blob(exchange.token.bytes)
            ).first?.text(0).flatMap(Verdict.init)
        }
    }

    /// The verdict of an exchange with its evidence and the proof that decided it, for a server that asks again; nil: it has none.
    func answer(to exchange: RequestID) throws(Failure) -> (verdict: Verdict, evidence: String?, proof: [UInt8]?)? {
        try Journal.attempt {
            let row = try database.rows(
                """
                SELECT v.verdict, v.evidence, a.proof, a.proof_frame
                FROM verdicts v LEFT JOIN audit a ON a.verdict = v.id WHERE v.server = ? AND v.token = ?
                """,
                .unsigned(exchange.server.number), .blob(exchange.token.bytes)
            ).first
            guard let row, let verdict = row.text(0).flatMap(Verdict.init) else { return nil }
            let proof = row.isNull(2) ? row.isNull(3) ? nil : Journal.data(inFrame: row.blob(3)) : row.blob(2)
            return (verdict, row.text(1), proof)
        }
    }

    /// What a DATA of ours carries.
    private static func data(inFrame frame: [UInt8]) -> [UInt8]? {
        guard case .data(_, let data)? = (try? UnverifiedFrame(frame))?.unverifiedMessage.body else { return nil }
        return data.bytes
    }

    /// One of these servers that has an observation in the history under this token; nil: none of them.
    package func owner(of token: Token, among servers: some Sequence<Identifier>) throws(Failure) -> Identifier? {
        for server in servers where try verdict(of: RequestID(server: server, token: token)) != nil { return server }
        return nil
    }

    /// Every server that we ever dealt with.
    func servers() throws(Failure) -> [StoredServer] {
        try Journal.attempt { try Journal.servers(database).map(\.standing) }
    }

    /// The same, with when each membership began, in seconds since 1970.
    static func servers(_ database: Database) throws(DatabaseError) -> [(standing: StoredServer, since: Int64?)] {
        try database.rows(
            """
            SELECT id, last_accepted, last_sent, paused, membership, join_token, join_manner, join_observer, since
            FROM servers ORDER BY id
            """
        ).map { row in
            let joinMode = JoinMode(name: row.text(6), observer: row.isNull(7) ? nil : Identifier(row.unsigned(7)))
            let standing = StoredServer(
                server: Identifier(row.unsigned(0)),
                membership: Membership(name: row.text(4) ?? "", token: Token(row.blob(5)), joinMode),
                lastAccepted: row.isNull(1) ? nil : SequenceID(row.unsigned(1)),
                lastSent: SequenceID(row.unsigned(2)), isPaused: row.integer(3) != 0)
            return (standing, row.isNull(8) ? nil : row.integer(8))
        }
    }

    /// Whether a journal was lost once: a server of which this one knows no sequence id may have sent us something before.
    func acceptedIDsWereLost() throws(Failure) -> Bool {
        try Journal.attempt { try !database.rows("SELECT 1 FROM meta WHERE name = 'accepted-lost'").isEmpty }
    }

    /// Every observation without a verdict; its request's signature is checked again.
    func openObservations(_ keyring: PublicKeys) throws(Failure) -> [StoredObservation] {
        try Journal.attempt {
            try database.rows("SELECT server, token, device, frame, boot, deadline, mismatches FROM observations")
                .compactMap { row in
                    guard let token = Token(row.blob(1)) else { return nil }
                    return StoredObservation(
                        exchange: RequestID(server: Identifier(row.unsigned(0)), token: token),
                        device: Identifier(row.unsigned(2)),
                        request: try? UnverifiedFrame(row.blob(3)).verified(by: keyring),
                        deadline: Instant(nanoseconds: row.integer(5)), mismatches: Int(row.integer(6)),
                        sameBoot: !bootID.isEmpty && row.text(4) == bootID)
                }
        }
    }

    /// The last deadline of the open observations of a journal that no beacon has open; it is only read. nil: none is open, or the
    /// machine was restarted since, so that none goes on.
    /// - Throws: `Failure` also where a beacon has it open, as one that is starting.
    package static func openUntil(of folder: StateFolder) throws -> Instant? {
        try attempt {
            try Database.checkAtRest(folder.journal)
            let database = try Database(lookingAt: folder.journal)
            let row = try database.rows("SELECT max(deadline) FROM observations WHERE boot = ?", .text(Startup.bootID))
            return row.first.flatMap { $0.isNull(0) ? nil : Instant(nanoseconds: $0.integer(0)) }
        }
    }

    /// The newest verdicts first.
    func history(limit: Int, _ filter: HistoryFilter = HistoryFilter()) throws(Failure) -> [PastObservation] {
        try Journal.attempt { try Journal.history(database, limit, filter) }
    }

    /// The newest verdicts of a journal that no beacon has open; it is only read.
    static func history(
        of folder: StateFolder, limit: Int, _ filter: HistoryFilter = HistoryFilter()
    ) throws -> [PastObservation] {
        try attempt { try history(try Database(lookingAt: folder.journal), limit, filter) }
    }

    private static func history(
        _ database: Database, _ limit: Int, _ filter: HistoryFilter
    ) throws(DatabaseError) -> [PastObservation] {
        let query = filter.query(limit)
        return try database.rows(query.sql, query.values).map { row in
            PastObservation(
                server: Identifier(row.unsigned(0)), token: Token(row.blob(1)), device: Identifier(row.unsigned(2)),
                verdict: row.text(3) ?? "", reason: row.text(4) ?? "", evidence: row.text(5), decided: row.integer(6))
        }
    }
}

extension JoinMode {
    /// The name in the journal, in the configuration and in `status`.
    var name: String { kind.rawValue }

    init(name: String?, observer: Identifier?) {
        switch (name.flatMap(Kind.init), observer) {
        case (.human, _): self = .human
        case (.observed, let observer?): self = .observed(by: observer)
        case (.simple, _), (.observed, nil), (nil, _): self = .simple
        }
    }
}

extension Membership {
    /// The name in the journal and in `status`.
    var name: String { state.rawValue }

    /// An unknown name is read as `stranger`, which claims nothing.
    init(name: String, token: Token?, _ joinMode: JoinMode) {
        switch (State(rawValue: name), token) {
        case (.joining, let token?): self = .joining(token, joinMode)
        case (.presenting, let token?): self = .presenting(token, joinMode)
        case (.resigning, let token?): self = .resigning(token)
        case (.deregistering, let token?): self = .deregistering(token)
        case (.member, _): self = .member
        case (.refused, _): self = .refused
        case (.terminated, _): self = .terminated
        case (.resigned, _): self = .resigned
        case (.deregistered, _): self = .deregistered
        case (.stranger, _), (.joining, nil), (.presenting, nil), (.resigning, nil), (.deregistering, nil), (nil, _):
            self = .stranger
        }
    }
}
