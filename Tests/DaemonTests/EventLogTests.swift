import Testing
import TestVectors

@testable import Daemon

@Suite("The log of events")
struct EventLogTests {
    private let clock = ManualClock()
    private let log = LogRecorder()

    @Test("writes twenty lines a second of each kind, and a second later how many were left out")
    func summary() {
        let events = EventLog(log.logger, clock: clock)
        for _ in 0..<25 { events.say(.info, about: "ready", "a line") }
        events.say(.info, about: "ended", "another kind")
        #expect(log.take() == Array(repeating: "a line", count: 20) + ["another kind"])
        clock.advance(by: .seconds(1))
        #expect(log.texts == ["5 more lines of the kind ready were not written"])
        #expect(log.lines.first?.fields == ["event": "left-out", "kind": "ready"])
        clock.advance(by: .seconds(60))
        #expect(log.lines.count == 1, "each kind is summarised once")
    }

    @Test("says with the next line of the kind how many were left out, and not again in a summary")
    func nextLine() {
        let events = EventLog(log.logger, clock: clock)
        clock.advance(by: .milliseconds(500))
        for _ in 0..<23 { events.say(.info, about: "ready", "a line") }
        _ = log.take()
        clock.advance(by: .milliseconds(500))
        events.say(.info, about: "ready", "a line")
        clock.advance(by: .seconds(60))
        #expect(log.take() == ["a line (3 more like it were not written)"])
    }

    @Test("a flood that goes on is summed up when it ends")
    func goesOn() {
        let events = EventLog(log.logger, clock: clock)
        for _ in 0..<30 {
            for _ in 0..<22 { events.say(.info, about: "ready", "a line") }
            clock.advance(by: .milliseconds(500))
        }
        clock.advance(by: .seconds(2))
        let told = log.texts.compactMap { line in
            line.split(separator: " ").compactMap { Int($0.filter(\.isNumber)) }.first
        }
        let written = log.texts.count { $0.hasPrefix("a line") }
        #expect(written + told.reduce(0, +) == 30 * 22)
        #expect(log.texts.last?.hasSuffix("more lines of the kind ready were not written") == true)
    }
}
