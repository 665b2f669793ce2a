import Observing
import SQLite
import SRUP

/// How many verdicts each server was given since 00:00 UTC, by this machine's clock: for people, nothing is decided by it.
struct VerdictsToday: Equatable, Sendable {
    struct Counts: Equatable, Sendable {
        /// *Valid*.
        var accepted = 0
        /// Every other verdict.
        var refused = 0
    }

    /// Since 1970.
    private var day: Int64 = 0
    private var counts: [Identifier: Counts] = [:]

    init() {}

    /// Those of one server.
    /// - Parameter seconds: the wall clock, since 1970; as in the other functions.
    func counts(of server: Identifier, at seconds: Int64) -> Counts {
        VerdictsToday.day(of: seconds) == day ? counts[server] ?? Counts() : Counts()
    }

    /// One more, or several.
    mutating func note(_ verdict: Verdict, to server: Identifier, count: Int = 1, at seconds: Int64) {
        let today = VerdictsToday.day(of: seconds)
        if today != day { (day, counts) = (today, [:]) }
        switch verdict {
        case .valid: counts[server, default: Counts()].accepted += count
        case .invalid, .failed: counts[server, default: Counts()].refused += count
        }
    }

    /// The day of a moment, in days since 1970.
    static func day(of seconds: Int64) -> Int64 { Int64((Double(seconds) / 86_400).rounded(.down)) }
}

extension Journal {
    /// Goes back from the newest verdict to the first that is not of this day, and no further: the history may have a million. The index
    /// of servers and tokens would be read from end to end for the grouping.
    static let ofToday = """
        SELECT server, verdict, count(*) FROM verdicts NOT INDEXED
        WHERE id > coalesce((SELECT id FROM verdicts WHERE decided < ?1 ORDER BY id DESC LIMIT 1), 0) AND decided >= ?1
        GROUP BY server, verdict
        """

    /// What the history has of this day.
    func verdictsToday(at seconds: Int64) throws(Failure) -> VerdictsToday {
        try Journal.attempt {
            var today = VerdictsToday()
            let midnight = VerdictsToday.day(of: seconds) * 86_400
            for row in try database.rows(Journal.ofToday, .integer(midnight)) {
                guard let verdict = row.text(1).flatMap(Verdict.init) else { continue }
                today.note(verdict, to: Identifier(row.unsigned(0)), count: Int(row.integer(2)), at: seconds)
            }
            return today
        }
    }
}
