import Foundation
import TestVectors
import Testing

@testable import Daemon

@Suite("The light that identifies the beacon")
struct IdentificationLightTests {
    private let clock = ManualClock()
    private let log = LogRecorder()

    /// A light and what it was last set to.
    private func withLight(_ body: (IdentificationLight, () -> String?) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(Data("?".utf8), to: "light")
            let light = IdentificationLight(path, clock: clock, log: log.logger)
            try body(light) { try? String(contentsOfFile: path, encoding: .utf8) }
        }
    }

    @Test("blinks for as long as it was asked, and is off afterwards")
    func blinks() throws {
        try withLight { light, state in
            #expect(light.blink(seconds: 1, askedBy: server) && state() == "1")
            var states: [String?] = []
            for _ in 0..<8 {
                clock.advance(by: IdentificationLight.pause)
                states.append(state())
            }
            #expect(states == ["0", "1", "0", "0", "0", "0", "0", "0"])
            #expect(log.texts == ["server \(server) asks this beacon to identify itself: the light blinks for 1 s"])
        }
    }

    @Test("a second request starts again")
    func again() throws {
        try withLight { light, state in
            _ = light.blink(seconds: 1, askedBy: server)
            clock.advance(by: .milliseconds(750))
            _ = light.blink(seconds: 1, askedBy: server)
            clock.advance(by: .milliseconds(500))
            #expect(state() == "1")
            clock.advance(by: .seconds(1))
            #expect(state() == "0")
        }
    }

    @Test("without a light, or with one that cannot be switched, the server gets a failure")
    func none() throws {
        #expect(!IdentificationLight(nil, clock: clock, log: log.logger).blink(seconds: 1, askedBy: server))
        #expect(log.texts.last?.hasSuffix("hint: name a light in [beacon] light") == true)
        let missing = IdentificationLight("/nowhere/light", clock: clock, log: log.logger)
        #expect(!missing.blink(seconds: 1, askedBy: server))
        #expect(log.texts.last == "the light /nowhere/light cannot be switched: No such file or directory")
    }

    @Test("a light that fails while it blinks is left alone, and can be used again")
    func fails() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(Data("?".utf8), to: "light")
            let light = IdentificationLight(path, clock: clock, log: log.logger)
            _ = light.blink(seconds: 10, askedBy: server)
            try FileManager.default.removeItem(atPath: path)
            clock.advance(by: .seconds(5))
            #expect(log.texts.count { $0.contains("cannot be switched") } == 1)
            try folder.write(Data("?".utf8), to: "light")
            #expect(light.blink(seconds: 1, askedBy: server))
        }
    }
}
