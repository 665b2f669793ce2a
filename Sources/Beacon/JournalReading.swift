import Keys
import Observing
import SQLite
import SRUP

// What the journal holds, read.
extension Journal {
    /// The verdict of an exchange, where it has one.
    func verdict(of exchange: Exchange) throws(Failure) -> Verdict? {
        try Journal.attempt {
            try database.rows(
                "SELECT verdict FROM verdicts WHERE server = ? AND token = ?", .unsigned(exchange.server.number),
                .blob(exchange.token.bytes)
            ).first?.text(0).flatMap(Verdict.init)
        }
    }

    /// Every server that we ever dealt with.
    func servers() throws(Failure) -> [StoredServer] {
        try Journal.attempt {
            try database.rows("SELECT id, membership, join_token, last_accepted, last_sent FROM servers").map { row in
                StoredServer(
                    server: Identifier(row.unsigned(0)),
                    membership: Membership(name: row.text(1) ?? "", token: Token(row.blob(2))),
                    lastAccepted: row.isNull(3) ? nil : SequenceID(row.unsigned(3)),
                    lastSent: SequenceID(row.unsigned(4)))
            }
        }
    }

    /// Every observation without a verdict; its request's signature is checked again.
    func openObservations(_ keyring: PublicKeys) throws(Failure) -> [StoredObservation] {
        try Journal.attempt {
            try database.rows("SELECT server, token, device, frame, boot, deadline, mismatches FROM observations")
                .compactMap { row in
                    guard let token = Token(row.blob(1)) else { return nil }
                    return StoredObservation(
                        exchange: Exchange(server: Identifier(row.unsigned(0)), token: token),
                        device: Identifier(row.unsigned(2)),
                        request: try? UnverifiedFrame(row.blob(3)).verified(by: keyring),
                        deadline: Instant(nanoseconds: row.integer(5)), mismatches: Int(row.integer(6)),
                        sameBoot: !bootID.isEmpty && row.text(4) == bootID)
                }
        }
    }

    /// What the broker has not acknowledged, in the order in which it was sent.
    func outbox() throws(Failure) -> [(id: Int64, topic: String, frame: [UInt8])] {
        try Journal.attempt {
            try database.rows("SELECT id, topic, frame FROM outbox ORDER BY id").map {
                ($0.integer(0), $0.text(1) ?? "", $0.blob(2))
            }
        }
    }

    /// How many messages the broker has not acknowledged.
    func outboxCount() throws(Failure) -> Int {
        try Journal.attempt { Int(try database.rows("SELECT count(*) FROM outbox").first?.integer(0) ?? 0) }
    }

    /// The newest verdicts first.
    func history(limit: Int) throws(Failure) -> [PastObservation] {
        try Journal.attempt { try Journal.history(database, limit) }
    }

    /// The newest verdicts of a journal that no beacon has open; it is only read.
    static func history(of folder: StateFolder, limit: Int) throws -> [PastObservation] {
        try attempt { try history(try Database(path: folder.journal, readOnly: true), limit) }
    }

    private static func history(_ database: Database, _ limit: Int) throws(DatabaseError) -> [PastObservation] {
        try database.rows(
            "SELECT server, token, device, verdict, reason, evidence, decided FROM verdicts ORDER BY id DESC LIMIT ?",
            .integer(Int64(limit))
        ).map { row in
            PastObservation(
                server: Identifier(row.unsigned(0)), token: Token(row.blob(1)), device: Identifier(row.unsigned(2)),
                verdict: row.text(3) ?? "", reason: row.text(4) ?? "", evidence: row.text(5), decided: row.integer(6))
        }
    }
}

extension Membership {
    /// The name in the journal and in `status`.
    var name: String {
        switch self {
        case .stranger: "stranger"
        case .joining: "joining"
        case .member: "member"
        case .refused: "refused"
        case .terminated: "terminated"
        }
    }

    init(name: String, token: Token?) {
        switch (name, token) {
        case ("joining", let token?): self = .joining(token)
        case ("member", _): self = .member
        case ("refused", _): self = .refused
        case ("terminated", _): self = .terminated
        default: self = .stranger
        }
    }
}
