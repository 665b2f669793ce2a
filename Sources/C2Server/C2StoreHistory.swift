import Auditing
import Bench
import OperatorText
import SQLite
import SRUP

// Reading and pruning the history.
extension C2Store {
    /// Which entries are wanted.
    public struct Filter: Equatable, Sendable {
        /// Those that concern this node; nil: any.
        public var node: Identifier?
        /// Those of this time, in milliseconds since 1970; nil: any.
        public var times: Range<Int64>?
        /// Decisions of this kind only; nil: everything.
        public var verdict: C2.Decision?

        /// Decisions only.
        public var isDecision = false

        /// Everything, unless it is narrowed down.
        public init(
            node: Identifier? = nil, times: Range<Int64>? = nil, verdict: C2.Decision? = nil,
            isDecision: Bool = false
        ) {
            (self.node, self.times, self.verdict, self.isDecision) = (node, times, verdict, isDecision)
        }
    }

    /// Entries with greater ids, the oldest first; none if the file cannot be read.
    public func entries(after id: Int64, limit: Int, of node: Identifier? = nil) -> [C2Entry] {
        (try? read(after: id, limit: limit, of: node)) ?? []
    }

    /// The newest entries with smaller ids, the oldest of them first; none if the file cannot be read.
    public func entries(before id: Int64, limit: Int, of node: Identifier? = nil) -> [C2Entry] {
        (try? read(before: id, limit: limit, of: node)) ?? []
    }

    /// - Throws: `OperatorFault` if the file cannot be read.
    func read(after id: Int64, limit: Int, of node: Identifier?) throws(OperatorFault) -> [C2Entry] {
        try rows(Query(Filter(node: node), version: version, isAscending: true), id, limit)
    }

    /// - Throws: `OperatorFault` if the file cannot be read.
    public func read(before id: Int64, limit: Int, of node: Identifier?) throws(OperatorFault) -> [C2Entry] {
        try read(before: id, limit: limit, matching: Filter(node: node))
    }

    /// The newest entries with smaller ids that a filter lets through, the oldest of them first.
    /// - Throws: `OperatorFault` if the file cannot be read.
    public func read(before id: Int64, limit: Int, matching filter: Filter) throws(OperatorFault) -> [C2Entry] {
        try rows(Query(filter, version: version, isAscending: false), id, limit).reversed()
    }

    private func rows(_ query: Query, _ id: Int64, _ limit: Int) throws(OperatorFault) -> [C2Entry] {
        try guarded {
            try database.rows(query.text, query.values + [.integer(id), .integer(Int64(max(0, limit)))])
                .compactMap(C2Entry.init)
        }
    }

    /// How entries are selected: by an index, so that the time depends on what is found and not on how much there is.
    struct Query {
        /// Its last two parameters are an id and the maximum number of entries.
        let text: String
        /// The parameters before these.
        let values: [Database.Value]

        init(_ filter: Filter, version: Int, isAscending: Bool) {
            var (conditions, values): ([String], [Database.Value]) = ([], [])
            func add(_ condition: String, _ more: Database.Value...) {
                conditions.append(condition)
                values += more
            }
            if let node = filter.node { add("node = ?", .unsigned(node.number)) }
            if let verdict = filter.verdict {
                if version >= C2Schema.versionWithVerdicts {
                    add("verdict = ?", .text(verdict.rawValue))
                } else {
                    add("kind = 'decision' AND words LIKE ?", .text("%: \(verdict.rawValue)"))
                }
            }
            if filter.isDecision {
                add(version >= C2Schema.versionWithVerdicts ? "verdict IS NOT NULL" : "kind = 'decision'")
            }
            if let times = filter.times {
                add("wall >= ? AND wall < ?", .integer(times.lowerBound), .integer(times.upperBound))
            }
            add(isAscending ? "id > ?" : "id < ?")
            let order = isAscending ? "id" : "id DESC"
            let which = conditions.joined(separator: " AND ")
            let verdict = version >= C2Schema.versionWithVerdicts ? "verdict" : "NULL"
            let columns =
                "id, wall, kind, node, line, words, \(version >= 3 ? "grade, reason" : "NULL, NULL"), \(verdict)"
            let index = Query.index(for: filter, version: version)
            // The index alone finds the ids: a row may be many kilobytes long.
            text =
                "SELECT \(columns) FROM history WHERE id IN "
                + "(SELECT id FROM history\(index) WHERE \(which) ORDER BY \(order) LIMIT ?) ORDER BY \(order)"
            self.values = values
        }

        /// SQLite knows nothing of how the entries are distributed, and would guess.
        private static func index(for filter: Filter, version: Int) -> String {
            guard version >= C2Schema.versionWithVerdicts else { return "" }
            if filter.isDecision, filter.times == nil, filter.verdict == nil, version == C2Schema.migrations.count {
                return " INDEXED BY history_decisions\(filter.node == nil ? "" : "_of")"
            }
            if filter.node != nil {
                return " INDEXED BY \(filter.times == nil ? "history_of" : "history_of_at")"
            }
            if filter.verdict != nil { return " INDEXED BY history_verdict" }
            return filter.times == nil ? "" : " INDEXED BY history_at"
        }
    }

    /// Bound on the entries that one commit deletes for their age: a clock that is wrong must not cost the whole history at once.
    static let mostAgedAtOnce = 256
    /// How long nothing is deleted for its age after a start at which the clock is more than a day ahead of the newest entry: it may be
    /// wrong, and is set meanwhile, or the server was off. A clock that is set back by more than a day ends it.
    static let pauseOfAging: Int64 = 3_600_000

    /// Compares the clock with the newest entry, before this run adds any.
    /// - Parameter now: milliseconds since 1970.
    func checkClock(now: Int64) throws {
        guard let newest = try database.rows("SELECT wall FROM history WHERE id = ?", .integer(last)).first,
            now - newest.integer(0) > 86_400_000
        else { return }
        agingPause = now - 86_400_000..<now + C2Store.pauseOfAging
    }

    /// Deletes the oldest entries, by their ids, until the history is within its bounds, or a bounded number of those that are too old only.
    /// Nothing else deletes entries.
    /// - Parameter now: milliseconds since 1970.
    func dropOldest(now: Int64) throws {
        let eldest = now - bounds.days * 86_400_000
        var room = agingPause.contains(now) ? 0 : C2Store.mostAgedAtOnce
        var dropped: AuditLink?
        while first < last {
            // Ids have no gaps: the first id is always the oldest entry.
            let row = try database.rows("SELECT bytes, wall, digest FROM history WHERE id = ?", .integer(first)).first
            let isTooOld = row.map { $0.integer(1) < eldest && room > 0 } ?? true
            let isTooMuch = last - first >= bounds.entries || bytes > bounds.bytes
            guard isTooMuch || isTooOld else { break }
            if !isTooMuch { room -= 1 }
            try database.run("DELETE FROM history WHERE id = ?", .integer(first))
            if let row, !row.isNull(2) { dropped = AuditLink(number: first, digest: row.blob(2)) }
            first += 1
            bytes -= row?.integer(0) ?? 0
        }
        if let dropped { try noteDropped(dropped) }
    }
}

extension C2Entry {
    /// nil if the row is not valid.
    fileprivate init?(_ row: Database.Row) {
        guard let kind = row.text(2).flatMap(Kind.init(rawValue:)) else { return nil }
        self.init(
            id: row.integer(0), wallMilliseconds: row.integer(1), kind: kind,
            node: row.isNull(3) ? nil : Identifier(row.unsigned(3)), line: row.text(4).flatMap(TraceLine.init(json:)),
            message: row.text(5) ?? "")
        (grade, reason) = (row.text(6).flatMap(C2.Grade.init(rawValue:)), row.text(7))
        verdict = row.text(8).flatMap(C2.Decision.init(rawValue:))
    }
}
