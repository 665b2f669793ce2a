import Foundation
import Glibc
import Nearby
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop

@Suite("What vanishes from the state folder while the daemon runs", .blocking)
struct FolderWatchTests {
    private final class World: @unchecked Sendable {
        let clock = ManualClock()
        let log = LogRecorder()
        var asked = 0
        private(set) lazy var watch = FolderWatch(SocketPaths(), clock: clock, log: log.logger) { [unowned self] in
            asked += 1
        }
    }

    private let world = World()
    private let loop = Loop()

    private func answers(_ path: String) -> Bool { Control.process(at: path) != nil }

    @Test("the journal is asked every ten seconds")
    func journal() {
        withExtendedLifetime(world.watch) {
            world.clock.advance(by: .seconds(30))
            #expect(world.asked == 3)
        }
    }

    /// A control socket in a folder, which is looked at.
    private func watchControl(in folder: TemporaryFolder) throws -> String {
        let path = folder.path("control")
        let control = try Control(path, loop, clock: world.clock) { $1(Array($0.utf8)) }
        world.watch.add(
            .init(path: path) { [control] () throws(LinkSocketError) in
                try control.makeAgain()
                return true
            })
        return path
    }

    @Test("a control socket that was removed is made again, and answers; that is said once")
    func control() throws {
        try TemporaryFolder.with { folder in
            let path = try watchControl(in: folder)
            world.clock.advance(by: .seconds(30))
            #expect(world.log.texts.isEmpty)
            for _ in 0..<2 {
                #expect(unlink(path) == 0 && !answers(path))
                world.clock.advance(by: .seconds(10))
                #expect(answers(path) && world.log.take().count == 1)
            }
            world.clock.advance(by: .seconds(30))
            #expect(world.log.texts.isEmpty)
        }
    }

    @Test("a folder in its place, or a file, stays there; that is said once, until the socket can be made")
    func occupied() throws {
        try TemporaryFolder.with { folder in
            let path = try watchControl(in: folder)
            #expect(unlink(path) == 0)
            try folder.write(Data("mine".utf8), to: "control")
            world.clock.advance(by: .seconds(30))
            #expect(world.log.take().count == 1)
            #expect(try Data(contentsOf: URL(filePath: path)) == Data("mine".utf8))
            #expect(unlink(path) == 0)
            world.clock.advance(by: .seconds(10))
            #expect(answers(path) && world.log.take().count == 1)
        }
    }

    @Test("the local socket for devices is made again in the same way")
    func local() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("link")
            let listeners = LinkListeners(
                [.init(address: .local(path: path), security: .none)], loop: loop, clock: world.clock,
                log: world.log.logger
            ) { accepted, _ in close(accepted.socket) }
            listeners.open()
            world.watch.add(.init(path: path) { () throws(LinkSocketError) in try listeners.reopenLocal() })
            #expect(unlink(path) == 0 && !answers(path))
            world.clock.advance(by: .seconds(10))
            #expect(answers(path))
        }
    }
}
