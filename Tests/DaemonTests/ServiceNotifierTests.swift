import TestVectors
import Testing

@testable import Daemon

@Suite("What the service manager is told, and when")
struct ServiceNotifierTests {
    private final class World {
        let clock = ManualClock()
        let listener: ServiceManagerTests.Listener
        /// Rounds that the broker link's thread has not finished.
        var rounds: [@Sendable () -> Void] = []
        var asked = 0
        private(set) var notifier: ServiceNotifier! = nil

        init(_ folder: TemporaryFolder, watchdog: String?) throws {
            listener = try .init(folder.path("notify"))
            var environment = ["NOTIFY_SOCKET": listener.name]
            environment["WATCHDOG_USEC"] = watchdog
            notifier = ServiceNotifier(
                ServiceManager { environment[$0] }, clock: clock,
                outlets: ServiceNotifier.Outlets(
                    turnBroker: { [unowned self] in rounds.append($0) }, askJournal: { [unowned self] in asked += 1 },
                    status: { "joined" }))
        }

        func told() -> [String] { Array(sequence(state: ()) { [listener] _ in listener.next() }) }

        func finishRound() { if !rounds.isEmpty { rounds.removeFirst()() } }
    }

    private func with(watchdog: String? = "8000000", _ body: (World) throws -> Void) throws {
        try TemporaryFolder.with { try body(try World($0, watchdog: watchdog)) }
    }

    @Test("the watchdog is notified at the end of each round, and the next begins after a quarter of its timeout")
    func rounds() throws {
        try with { world in
            world.notifier.begin()
            #expect(world.told() == ["READY=1", "STATUS=joined"] && world.rounds.count == 1)
            for round in 1...3 {
                world.finishRound()
                #expect(world.told() == ["WATCHDOG=1"] && world.asked == round)
                world.clock.advance(by: .milliseconds(1_999))
                #expect(world.rounds.isEmpty)
                world.clock.advance(by: .milliseconds(1))
                #expect(world.rounds.count == 1)
            }
        }
    }

    @Test("a broker link's thread that hangs, or a journal that does, lets the watchdog starve")
    func hangs() throws {
        try with { world in
            world.notifier.begin()
            _ = world.told()
            world.clock.advance(by: .seconds(60))
            #expect(world.told() == [] && world.rounds.count == 1 && world.asked == 0)
            world.finishRound()
            #expect(world.told() == ["WATCHDOG=1"], "it was slow")
        }
    }

    @Test("where the service has no watchdog, no round begins")
    func noWatchdog() throws {
        try with(watchdog: nil) { world in
            world.notifier.begin()
            world.clock.advance(by: .seconds(60))
            #expect(world.told() == ["READY=1", "STATUS=joined"] && world.rounds.isEmpty)
        }
    }

    @Test("a reload begins and ends; the end of the service is told as such, and a restart in place as a reload")
    func states() throws {
        try with { world in
            world.notifier.reloadBegins()
            let result = world.told()
            world.notifier.reloadEnds()
            #expect(result.count == 1 && result[0].hasPrefix("RELOADING=1\n") && world.told() == ["READY=1"])
            world.notifier.tellStatus()
            world.notifier.stopping(isRestart: false)
            #expect(world.told() == ["STATUS=joined", "STOPPING=1"])
            world.notifier.stopping(isRestart: true)
            let restarting = world.told()
            #expect(restarting.count == 1 && restarting[0].hasPrefix("RELOADING=1\n"))
        }
    }
}
