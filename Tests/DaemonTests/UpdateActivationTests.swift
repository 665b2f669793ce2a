import EventLoop
import Foundation
import Observing
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Daemon

@Suite("Activating an update")
struct UpdateActivationTests {
    /// The updater, the installed program and the rest of the daemon, as a test needs them.
    private final class Fixture: Sendable {
        struct State {
            var settings = UpdateSettings()
            var outcome = Installation.Outcome.inPlace
            var inPlace: String? = "1.0"
            var result = ChildProcess.Result(status: 0, lines: [])
            var starts: Int? = 1
            var canRecord = true
            var isConnected = false
            var done: [String] = []
        }
        let work = HeldWork()
        let clock = ManualClock()
        let log = LogRecorder()
        let state = Mutex(State())

        init() { state.withLock { $0.settings.updater = "/usr/lib/updater" } }

        func did(_ text: String) { state.withLock { $0.done.append(text) } }

        /// What was done since the last call.
        func take() -> [String] {
            state.withLock { state in
                defer { state.done = [] }
                return state.done
            }
        }

        /// An activation in a program of version 1.0.
        func activation(_ folder: UpdateFolder) -> UpdateActivation {
            UpdateActivation(
                folder, configurationFile: "/etc/beacon.conf", version: "1.0", clock: clock,
                log: log.logger,
                background: work.background, children: children,
                outlets: .init(
                    settings: { self.state.withLock { $0.settings } },
                    handle: { event in
                        if case .activated(_, let isDone) = event { self.did("activated: \(isDone)") }
                        return self.state.withLock { $0.canRecord }
                    },
                    countStart: { self.state.withLock { $0.starts } },
                    canRecord: { self.state.withLock { $0.canRecord } },
                    isConnected: { self.state.withLock { $0.isConnected } },
                    startOther: { self.did("start other") }))
        }

        private var children: UpdateActivation.Children {
            UpdateActivation.Children(
                install: { installation in
                    self.did("install \(installation.version) with \(installation.updater.path)")
                    return self.state.withLock { $0.outcome }
                },
                done: { _ in
                    self.did("done")
                    return self.state.withLock { $0.result }
                },
                restore: { _ in
                    self.did("restore")
                    return self.state.withLock { $0.result }
                }, versionInPlace: { self.state.withLock { $0.inPlace.flatMap { VersionNumber($0) } } })
        }
    }

    private let fixture = Fixture()

    private func update(_ version: String) throws -> Update {
        let order = try #require(UpdateOrder(url: "u", digest: Array(repeating: 1, count: 32)))
        return Update(exchange: Sample.exchange, order: order, phase: .activating(version: version))
    }

    /// An update folder that holds a file.
    private func withActivation(_ body: (UpdateActivation, UpdateFolder) throws -> Void) throws {
        try TemporaryFolder.with { files in
            let folder = UpdateFolder(in: files.url.path)
            try folder.make()
            try Data([1]).write(to: URL(filePath: folder.file))
            try body(fixture.activation(folder), folder)
        }
    }

    private func isEmpty(_ folder: UpdateFolder) -> Bool {
        !FileManager.default.fileExists(atPath: folder.file)
    }

    @Test("an installed version is started, and nothing is reported before it has come up")
    func inPlace() throws {
        try withActivation { activation, folder in
            activation.install(try update("2.0"))
            activation.confirm(try update("2.0"))
            #expect(fixture.work.count == 1, "the updater is already running")
            fixture.work.finish()
            #expect(
                fixture.take() == ["install 2.0 with /usr/lib/updater", "start other"] && !isEmpty(folder))
        }
    }

    @Test("one that cannot be installed is answered at once where nothing was changed")
    func untouched() throws {
        try withActivation { activation, folder in
            fixture.state.withLock { $0.outcome = .untouched("it is older") }
            activation.install(try update("0.9"))
            fixture.work.finish()
            #expect(
                fixture.take() == ["install 0.9 with /usr/lib/updater", "activated: false"] && isEmpty(folder)
            )
            #expect(fixture.log.texts.last == "the update cannot be activated: it is older")
        }
    }

    @Test("one whose installation fails is undone before it is answered")
    func failed() throws {
        try withActivation { activation, folder in
            fixture.state.withLock { $0.outcome = .failed("the updater fails") }
            activation.install(try update("2.0"))
            fixture.work.finish()
            #expect(fixture.take() == ["install 2.0 with /usr/lib/updater"] && !isEmpty(folder))
            fixture.work.finish()
            #expect(fixture.take() == ["restore", "activated: false"] && isEmpty(folder))
        }
    }

    @Test("without an updater it is answered at once")
    func noUpdater() throws {
        try withActivation { activation, _ in
            fixture.state.withLock { $0.settings.updater = nil }
            activation.install(try update("2.0"))
            #expect(fixture.take() == ["activated: false"] && fixture.work.count == 0)
        }
    }

    @Test("an answer that cannot be recorded keeps the file: the activation is looked into again")
    func notRecorded() throws {
        try withActivation { activation, folder in
            fixture.state.withLock { ($0.outcome, $0.canRecord) = (.untouched("x"), false) }
            activation.install(try update("2.0"))
            fixture.work.finish()
            #expect(!isEmpty(folder))
        }
    }

    @Test(
        "the ordered version has come up once a broker has it: the updater lets the old one go, then the server is told"
    )
    func comesUp() throws {
        try withActivation { activation, folder in
            activation.versionHasComeUp()
            #expect(fixture.take() == [], "nothing was ordered")
            activation.confirm(try update("1.0"))
            #expect(fixture.work.count == 0, "no broker yet")
            activation.versionHasComeUp()
            fixture.work.finish()
            #expect(fixture.take() == ["done", "activated: true"] && isEmpty(folder))
            fixture.clock.advance(by: .seconds(3_600))
            #expect(fixture.take() == [], "its deadline has been cancelled")
        }
    }

    @Test("where a broker is connected already when it is confirmed, it has come up at once")
    func isConnected() throws {
        try withActivation { activation, _ in
            fixture.state.withLock { $0.isConnected = true }
            activation.confirm(try update("1.0"))
            fixture.state.withLock { $0.result = .init(status: 256, lines: ["it broke"]) }
            fixture.work.finish()
            #expect(
                fixture.take() == ["done", "activated: true"], "an updater that fails then changes nothing")
            #expect(fixture.log.texts.last == "the updater, told that it is done: it broke")
        }
    }

    @Test(
        "while the journal cannot be written it has not come up; afterwards the same question is asked again"
    )
    func journalAway() throws {
        try withActivation { activation, _ in
            activation.confirm(try update("1.0"))
            fixture.state.withLock { ($0.canRecord, $0.isConnected) = (false, true) }
            activation.versionHasComeUp()
            #expect(fixture.work.count == 0)
            fixture.state.withLock { $0.canRecord = true }
            activation.confirm(try update("1.0"))
            fixture.work.finish()
            #expect(fixture.take() == ["done", "activated: true"])
        }
    }

    @Test("a version that reaches no broker in ten minutes is taken back, and the old one is started")
    func reachesNone() throws {
        try withActivation { activation, _ in
            activation.confirm(try update("1.0"))
            fixture.clock.advance(by: .seconds(599))
            #expect(fixture.work.count == 0)
            fixture.clock.advance(by: .seconds(1))
            fixture.state.withLock { $0.inPlace = "0.9" }
            fixture.work.finish()
            #expect(fixture.take() == ["restore", "start other"])
            #expect(
                fixture.log.texts.suffix(2) == [
                    "version 1.0 reaches no broker: putting the old one back", "starting version 0.9",
                ])
        }
    }

    @Test("a version that is started a fourth time without having come up is taken back")
    func starts() throws {
        try withActivation { activation, _ in
            fixture.state.withLock { $0.starts = UpdateActivation.mostStarts + 1 }
            activation.confirm(try update("1.0"))
            fixture.work.finish()
            #expect(fixture.take() == ["restore", "activated: false"])
            #expect(fixture.log.texts.last == "version 1.0 has not come up: putting the old one back")
        }
    }

    @Test("the old version that has come back answers that it failed")
    func oldIsBack() throws {
        try withActivation { activation, folder in
            activation.confirm(try update("2.0"))
            #expect(fixture.log.texts == ["version 2.0 was to be activated, and 1.0 has come back"])
            fixture.work.finish()
            #expect(fixture.take() == ["restore", "activated: false"] && isEmpty(folder))
        }
    }

    @Test("a start that could not be counted decides nothing")
    func notCounted() throws {
        try withActivation { activation, _ in
            fixture.state.withLock { $0.starts = nil }
            activation.confirm(try update("2.0"))
            #expect(fixture.work.count == 0)
            fixture.state.withLock { $0.starts = 1 }
            activation.confirm(try update("2.0"))
            #expect(fixture.work.count == 1)
        }
    }

    @Test(
        "an updater that does not put the old version back is asked again every minute",
        arguments: [nil, "2.0"])
    func again(inPlace: String?) throws {
        try withActivation { activation, _ in
            fixture.state.withLock { ($0.inPlace, $0.result) = (inPlace, .init(status: 256, lines: [])) }
            activation.confirm(try update("2.0"))
            fixture.work.finish()
            #expect(fixture.take() == ["restore"])
            #expect(
                fixture.log.texts.last
                    == "version \(inPlace ?? "none") is in place; hint: put a srup-beacon there that starts")
            fixture.clock.advance(by: .seconds(60))
            fixture.state.withLock { ($0.inPlace, $0.result) = ("1.0", .init(status: 0, lines: [])) }
            fixture.work.finish()
            #expect(fixture.take() == ["restore", "activated: false"])
        }
    }

    @Test("a version that is restarted repeatedly and never comes up is no longer started")
    func noMoreStarts() throws {
        try withActivation { activation, _ in
            fixture.state.withLock {
                ($0.inPlace, $0.starts) = ("2.0", 2 * UpdateActivation.mostStarts + 1)
            }
            activation.confirm(try update("2.0"))
            fixture.work.finish()
            #expect(fixture.take() == ["restore"])
        }
    }
}
