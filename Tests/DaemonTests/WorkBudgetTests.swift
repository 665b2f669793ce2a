import BootTime
import SRUP
import Testing

@testable import Daemon

@Suite("The work that one server may cause")
struct WorkBudgetTests {
    private let one = Identifier(1)
    private let other = Identifier(2)

    @Test("is limited to five seconds in a row, then a quarter of the time, for each server separately")
    func stretch() {
        var budget = WorkBudget()
        var (now, done) = (Instant.seconds(100), 0)
        while budget.hasRoom(for: one, at: now), done < 1_000 {
            budget.add(for: one, from: now, to: now + .milliseconds(100))
            now += .milliseconds(100)
            done += 1
        }
        // A quarter of it has been forgiven meanwhile.
        #expect((64...69).contains(done), "\(done) tenths of a second")
        #expect(budget.hasRoom(for: other, at: now))
        #expect(!budget.hasRoom(for: one, at: now))
        #expect(budget.hasRoom(for: one, at: now + .seconds(1)))
        now += .seconds(60)
        budget.add(for: one, from: now, to: now + .seconds(4))
        #expect(budget.hasRoom(for: one, at: now + .seconds(4)), "all of it is forgiven in time")
    }
}
