import SQLite

// Which brokers have had a session of this beacon's: in the table meta, so that versions before this one go on with the file.
extension Journal {
    private static func name(_ session: String) -> Database.Value { .text("session \(session)") }

    /// Whether a broker has had this session.
    func knowsSession(_ session: String) throws(Failure) -> Bool {
        try Journal.attempt { try !database.rows("SELECT 1 FROM meta WHERE name = ?", Journal.name(session)).isEmpty }
    }

    /// Records that a broker has it.
    /// - Parameter seconds: since 1970, for people.
    func noteSession(_ session: String, at seconds: Int64) throws(Failure) {
        try change {
            try $0.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", Journal.name(session), .text(String(seconds)))
        }
    }
}
