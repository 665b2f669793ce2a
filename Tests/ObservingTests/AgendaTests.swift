import BootTime
import Testing

@testable import Observing

/// The observer's own time-keeping: moments, and what is due when.
@Suite struct AgendaTests {
    @Test(
        "entries come out in the order of their moments, none before it and none twice",
        arguments: [1, 2, 3] as [UInt64])
    func order(seed: UInt64) {
        var random = SplitMix64(state: seed)
        var agenda = Agenda<Int>()
        var waiting: [Int: Int64] = [:]
        for number in 0..<2000 {
            let moment = Int64.random(in: 0...500, using: &random)
            agenda.add(number, at: Instant(nanoseconds: moment))
            waiting[number] = moment
            #expect(agenda.next?.nanoseconds == waiting.values.min())
            guard random.once(in: 4) else { continue }
            let now = Int64.random(in: 0...500, using: &random)
            while let entry = agenda.takeDue(at: Instant(nanoseconds: now)) {
                let least = waiting.values.min()
                #expect(waiting.removeValue(forKey: entry) == least)
            }
            #expect(waiting.values.allSatisfy { $0 > now })
        }
        while let entry = agenda.takeDue(at: Instant(nanoseconds: .max)) { waiting[entry] = nil }
        #expect(waiting.isEmpty && agenda.next == nil)
    }

    @Test("a moment plus a duration is a moment, and two moments differ by a duration")
    func arithmetic() {
        let moment = Instant(nanoseconds: 1_500_000_000)
        #expect(moment + .seconds(2) == Instant(nanoseconds: 3_500_000_000))
        #expect(moment + .nanoseconds(1) > moment)
        #expect(Instant(nanoseconds: 3_500_000_000) - moment == .seconds(2))
        #expect(moment - Instant(nanoseconds: 3_500_000_000) == .seconds(-2))
        #expect(Duration.microseconds(1_999).wholeMicroseconds == 1_999)
        #expect(Duration.nanoseconds(1_999).wholeMicroseconds == 1)
    }
}
