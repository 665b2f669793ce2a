import BootTime
import Observing
import SQLite
import TestVectors
import Testing

@testable import Daemon

@Suite("What is known of the journal's health")
struct JournalHealthTests {
    private let fault = Journal.Failure.database(DatabaseError(code: 10, words: "disk I/O error"))
    private let full = Journal.Failure.database(DatabaseError(code: 13, words: "full"))
    private let damage = Journal.Failure.database(DatabaseError(code: 11, words: "malformed"))
    private func moment(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test("a failure is logged the first time and once a minute, and lasts since the first")
    func once() {
        var health = JournalHealth()
        let logged = (0..<130).filter { health.failed(fault, at: moment(Int64($0)), wallSeconds: 1_000 + Int64($0)) }
        #expect(logged == [0, 60, 120])
        #expect(health.failure?.message == fault.message && health.failure?.since == 1_000)
        health.recovered()
        #expect(health.failure == nil)
        let isLogged = health.failed(full, at: moment(131), wallSeconds: 2_000)
        #expect(isLogged && health.failure?.isFull == true && health.failure?.since == 2_000)
    }

    @Test("damage is remembered until the journal is open again, whatever is logged meanwhile")
    func damaged() {
        var health = JournalHealth()
        _ = health.failed(fault, at: moment(0), wallSeconds: 0)
        let isLogged = health.failed(damage, at: moment(1), wallSeconds: 1)
        #expect(!isLogged && health.isDamaged && health.failure?.message == fault.message)
        _ = health.failed(fault, at: moment(61), wallSeconds: 61)
        #expect(health.isDamaged)
        health.recovered()
        #expect(!health.isDamaged)
    }

    @Test("the newest ten findings are kept, each once, until they are over")
    func findings() {
        var health = JournalHealth()
        for number in 0..<12 { health.found("\(number)") }
        health.found("5")
        #expect(health.findings == ["2", "3", "4", "6", "7", "8", "9", "10", "11", "5"])
        health.isOver("11")
        #expect(health.findings.count == 9 && !health.findings.contains("11"))
    }

    @Test("an error of the database keeps the rules for texts, whatever its kind")
    func texts() {
        for code: Int32 in [5, 6, 8, 10, 11, 13, 14, 26, 1] {
            #expect(OperatorTextRules.broken(by: DatabaseError(code: code, words: "why")) == [])
        }
    }
}
