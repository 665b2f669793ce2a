import Observing
import SQLite
import SRUP

// The update in progress, in the journal.
extension Journal {
    func record(_ update: Update?, _ database: Database) throws {
        guard let update else { return try database.run("DELETE FROM update_in_hand") }
        try database.run(
            """
            INSERT OR REPLACE INTO update_in_hand (one, server, token, url, digest, phase, version, status)
            VALUES (1, ?, ?, ?, ?, ?, ?, ?)
            """,
            .unsigned(update.exchange.server.number), .blob(update.exchange.token.bytes), .text(update.order.url),
            .blob(update.order.digest), .text(update.phase.name.rawValue),
            update.phase.version.map { .text($0) } ?? .null,
            update.phase.status.map { .integer(Int64($0.rawValue)) } ?? .null)
    }

    /// The update that was in progress; an unreadable one counts as none.
    func update() throws(Failure) -> Update? {
        try Journal.attempt {
            try database.rows("SELECT server, token, url, digest, phase, version, status FROM update_in_hand")
                .compactMap { row -> Update? in
                    guard let token = Token(row.blob(1)),
                        let order = UpdateOrder(url: row.text(2) ?? "", digest: row.blob(3)),
                        let phase = Update.Phase(
                            name: row.text(4) ?? "", version: row.text(5),
                            status: row.isNull(6) ? nil : UInt8(truncatingIfNeeded: row.integer(6)))
                    else { return nil }
                    let exchange = RequestID(server: Identifier(row.unsigned(0)), token: token)
                    return Update(exchange: exchange, order: order, phase: phase)
                }.first
        }
    }

    func record(_ activation: Activation, _ database: Database) throws {
        try database.run(
            "INSERT INTO activations (server, token, status) VALUES (?, ?, ?)",
            .unsigned(activation.exchange.server.number), .blob(activation.exchange.token.bytes),
            .integer(Int64(activation.status.rawValue)))
        try database.run(
            "DELETE FROM activations WHERE id <= ?", .integer(database.lastRow - Int64(Activation.mostKept)))
    }

    /// The answers to the last ACTIVATEs, the newest last.
    func activations() throws(Failure) -> [Activation] {
        try Journal.attempt {
            try database.rows("SELECT server, token, status FROM activations ORDER BY id").compactMap { row in
                Token(row.blob(1)).map { token in
                    Activation(
                        exchange: RequestID(server: Identifier(row.unsigned(0)), token: token),
                        status: Status(rawValue: UInt8(truncatingIfNeeded: row.integer(2))))
                }
            }
        }
    }

    /// Counts a start during an activation.
    /// - Returns: how many there were, with this one.
    func countStartOfUpdate() throws(Failure) -> Int {
        try change { try $0.run("UPDATE update_in_hand SET starts = starts + 1") }
        try commit()
        return try Journal.attempt {
            Int(try database.rows("SELECT starts FROM update_in_hand").first?.integer(0) ?? 0)
        }
    }
}

extension Update.Phase {
    /// The phase without its version and answer. The names are those in the journal and in `status`.
    package enum Name: String, CaseIterable, Codable, Sendable {
        case fetching, fetched, activating, answered
    }

    var name: Name {
        switch self {
        case .fetching: .fetching
        case .fetched: .fetched
        case .activating: .activating
        case .answered: .answered
        }
    }

    var version: String? {
        switch self {
        case .fetched(let version), .activating(let version): version
        case .fetching, .answered: nil
        }
    }

    var status: Status? { if case .answered(let status) = self { status } else { nil } }

    /// nil if it is not one of our phases.
    init?(name: String, version: String?, status: UInt8?) {
        switch (Name(rawValue: name), version, status) {
        case (.fetching, _, _): self = .fetching
        case (.fetched, let version?, _): self = .fetched(version: version)
        case (.activating, let version?, _): self = .activating(version: version)
        case (.answered, _, let status?): self = .answered(Status(rawValue: status))
        case (.fetched, nil, _), (.activating, nil, _), (.answered, _, nil), (nil, _, _): return nil
        }
    }
}
