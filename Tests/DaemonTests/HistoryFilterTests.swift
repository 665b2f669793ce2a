import Observing
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("A filter of past observations")
struct HistoryFilterTests {
    private func filter(_ change: (inout HistoryFilter) -> Void) -> HistoryFilter {
        var filter = HistoryFilter()
        change(&filter)
        return filter
    }

    private var filters: [(HistoryFilter, [UInt8])] {
        [
            (HistoryFilter(), [4, 3, 2, 1]), (filter { $0.since = 2_000 }, [4, 3, 2]),
            (filter { $0.until = 2_000 }, [1]),
            (filter { ($0.since, $0.until) = (2_000, 4_000) }, [3, 2]), (filter { $0.verdict = .failed }, [4, 2]),
            (filter { ($0.since, $0.verdict) = (3_000, .failed) }, [4]),
            (filter { $0.device = device }, [4, 3, 2, 1]), (filter { $0.device = us }, []),
            (filter { ($0.device, $0.since) = (device, 4_000) }, [4]),
        ]
    }

    @Test("finds those that an operator asks for, the newest first, in a running beacon and in a journal")
    func found() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                for number in UInt8(1)...4 {
                    let verdict: Verdict = number.isMultiple(of: 2) ? .failed : .valid
                    try journal.record(Sample.answered(Sample.exchange(number), verdict), at: Int64(number) * 1_000)
                }
                try journal.commit()
                for (filter, numbers) in filters {
                    let found = try journal.history(limit: 10, filter)
                    #expect(found.map(\.token) == numbers.map { Sample.exchange($0).token.description }, "\(filter)")
                    #expect(found.allSatisfy { filter.contains($0) }, "an older beacon's reply is filtered likewise")
                    #expect(try journal.history(limit: 10).count { filter.contains($0) } == numbers.count)
                }
                #expect(try journal.history(limit: 1, filter { $0.until = 4_000 }).count == 1)
            }
        }
    }

    @Test("is the same at both ends of the control socket")
    func words() throws {
        for (filter, _) in filters {
            let request = ControlRequest.observations(limit: 7, filter)
            #expect(ControlRequest(line: request.line) == request, "\(request.line)")
        }
        for request in [ControlRequest.audit(after: nil), .audit(after: 0), .audit(after: .max)] {
            #expect(ControlRequest(line: request.line) == request)
        }
        #expect(ControlRequest(line: "audit x") == nil)
    }

    @Test("reads no more than it finds where times or a result are given")
    func plan() throws {
        try JournalFolder.with { folder in
            try folder.run { journal in
                let wanted = [
                    (filter { $0.since = 5 }, "verdicts_of_time (decided>?"),
                    (
                        filter { ($0.since, $0.until, $0.verdict) = (5, 9, .valid) },
                        "verdicts_of_result (verdict=? AND decided>?"
                    ), (filter { $0.verdict = .failed }, "verdicts_of_result (verdict=?)"),
                ]
                for (filter, index) in wanted {
                    let query = filter.query(10)
                    let plan = try journal.database.rows("EXPLAIN QUERY PLAN " + query.sql, query.values).map {
                        $0.text(3) ?? ""
                    }
                    #expect(plan.count == 1 && plan[0].contains("USING INDEX \(index)"), "\(plan)")
                }
            }
        }
    }
}
