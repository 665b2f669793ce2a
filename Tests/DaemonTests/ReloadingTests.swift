import EventLoop
import OperatorText
import Synchronization
import TestVectors
import Testing

@testable import Daemon

@Suite("Reading the configuration again", .blocking)
struct ReloadingTests {
    private final class World: @unchecked Sendable {
        let loop = Loop()
        var done: [String] = []
        var number = 0
        /// What waits for its thread.
        var work: [@Sendable () -> Void] = []
        let isBad = Atomic<Bool>(false)
        private(set) lazy var reloading = Reloading<Int>(
            background: BackgroundWork(loop: loop) { [unowned self] in work.append($1) },
            outlets: .init(
                load: { [unowned self] in
                    if isBad.load(ordering: .relaxed) { throw OperatorFault("a bad key", hint: "replace it") }
                    return 7
                },
                begins: { [unowned self] in done.append("begins") },
                take: { [unowned self] result in
                    done.append("take")
                    do { _ = try result.get() } catch { return error as? any OperatorError }
                    return nil
                },
                ends: { [unowned self] in done.append("ends") }))

        /// The other thread has its turn.
        func load() {
            let begun = work
            work = []
            for one in begun { one() }
            loop.turn()
        }
    }

    private let world = World()

    @Test("is done on another thread: until the keys are there, the loop goes on, and nobody is told anything")
    func beside() {
        world.reloading.begin { [world] in world.done.append("told \($0?.message ?? "good")") }
        world.loop.turn()
        #expect(world.done == ["begins"] && world.work.count == 1)
        world.load()
        #expect(world.done == ["begins", "take", "ends", "told good"])
    }

    @Test("asked for while one is under way, it is done once more afterwards, for all who have asked since")
    func again() {
        for name in ["a", "b", "c"] { world.reloading.begin { [world] _ in world.done.append(name) } }
        #expect(world.work.count == 1)
        world.load()
        #expect(world.done == ["begins", "take", "ends", "a", "begins"])
        world.load()
        #expect(world.done.suffix(4) == ["take", "ends", "b", "c"] && world.work.isEmpty)
    }

    @Test("that fails is told to the one who has asked")
    func bad() {
        world.isBad.store(true, ordering: .relaxed)
        world.reloading.begin { [world] in world.done.append($0?.message ?? "good") }
        world.load()
        #expect(world.done == ["begins", "take", "ends", "a bad key"])
    }
}
