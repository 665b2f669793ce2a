import SRUP
import Testing

@testable import Beacon

@Suite("The work that one server may cause")
struct WorkBudgetTests {
    private let one = Identifier(1)
    private let other = Identifier(2)
    private let second: Int64 = 1_000_000_000

    @Test("is five seconds at a stretch, then a quarter of the time; another server's is its own")
    func stretch() {
        var budget = WorkBudget()
        var (now, done) = (100 * second, 0)
        while budget.hasRoom(for: one, at: now), done < 1_000 {
            budget.add(for: one, from: now, to: now + second / 10)
            now += second / 10
            done += 1
        }
        // A quarter of it was forgiven meanwhile.
        #expect((64...69).contains(done), "\(done) tenths of a second")
        #expect(budget.hasRoom(for: other, at: now))
        #expect(!budget.hasRoom(for: one, at: now))
        #expect(budget.hasRoom(for: one, at: now + second))
        now += 60 * second
        budget.add(for: one, from: now, to: now + 4 * second)
        #expect(budget.hasRoom(for: one, at: now + 4 * second), "all of it is forgiven in time")
    }
}
