import Foundation
import Observing
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Daemon

@Suite("Fetching an update")
struct UpdateFetcherTests {
    /// A child whose results a test gives, and what is said of it.
    private final class World: Sendable {
        let work = HeldWork()
        let log = LogRecorder()
        let result = Mutex(ChildProcess.Result(status: 0, lines: []))
        let arguments = Mutex<[[String]]>([])
        let ended = Mutex<[pid_t]>([])
        let events = Mutex<[String]>([])

        func fetching(_ folder: UpdateFolder) -> UpdateFetcher {
            UpdateFetcher(
                folder, configurationFile: "/etc/beacon.conf", log: log.logger, background: work.background,
                child: .init(
                    run: { arguments, limit, started in
                        let number = self.arguments.withLock { all -> Int in
                            all.append(arguments + ["\(limit.components.seconds)"])
                            return all.count
                        }
                        started(pid_t(100 + number))
                        return self.result.withLock { $0 }
                    },
                    end: { child in self.ended.withLock { $0.append(child) } }),
                timeLimit: { .seconds(600) },
                handle: { event in
                    if case .fetched(let exchange, let fetched) = event {
                        self.events.withLock { $0.append("\(exchange.token): \(fetched.line)") }
                    }
                })
        }

        func says(_ lines: String...) { result.withLock { $0 = .init(status: 0, lines: lines) } }
    }

    private let world = World()

    private func update(_ number: UInt8, url: String = "https://example.org/file") throws -> Update {
        let order = try #require(UpdateOrder(url: url, digest: Array(repeating: number, count: 32)))
        return Update(exchange: Sample.exchange(number), order: order, phase: .fetching)
    }

    /// An update folder with something in it.
    private func withFolder(_ body: (UpdateFolder, UpdateFetcher) throws -> Void) throws {
        try TemporaryFolder.with { files in
            let folder = UpdateFolder(in: files.url.path)
            try folder.make()
            try Data([1]).write(to: URL(filePath: folder.part))
            try body(folder, world.fetching(folder))
        }
    }

    private func isEmpty(_ folder: UpdateFolder) -> Bool {
        !FileManager.default.fileExists(atPath: folder.part)
    }

    @Test(
        "a child gets URL and digest, and its last line is the result; the lines before it are logged")
    func result() throws {
        try withFolder { folder, fetching in
            world.says("there is room", "fetched: verified 1.2")
            fetching.fetch(try update(7))
            #expect(world.log.take() == ["fetching https://example.org/file for \(server)"])
            world.work.finish()
            #expect(
                world.arguments.withLock { $0 } == [
                    [
                        "fetch", "--config=/etc/beacon.conf", "--url=https://example.org/file", "--digest",
                        String(repeating: "07", count: 32), "720",
                    ]
                ])
            #expect(
                world.events.withLock { $0 } == ["\(Sample.exchange(7).token): fetched: verified 1.2"])
            #expect(world.log.take() == ["update of \(server): there is room"])
            #expect(!isEmpty(folder))
        }
    }

    @Test("a child that ends without a result has not fetched the file")
    func noResult() throws {
        try withFolder { _, fetching in
            world.result.withLock { $0 = .init(status: 9, lines: []) }
            fetching.fetch(try update(7))
            world.work.finish()
            #expect(world.events.withLock { $0 } == ["\(Sample.exchange(7).token): fetched: no-file"])
            #expect(
                world.log.texts.last
                    == "fetching an update ended without a result: it was ended by signal 9")
        }
    }

    @Test("a newer order ends the older one's child, begins when that is gone, and is alone heard")
    func newer() throws {
        try withFolder { _, fetching in
            world.says("fetched: verified 1")
            fetching.fetch(try update(1))
            fetching.fetch(try update(2))
            fetching.fetch(try update(3))
            #expect(world.work.count == 1, "one child at a time")
            world.work.finish()
            #expect(world.ended.withLock { $0 } == [101])
            #expect(world.events.withLock { $0 } == [] && world.work.count == 1)
            world.says("fetched: verified 3")
            world.work.finish()
            #expect(world.events.withLock { $0 } == ["\(Sample.exchange(3).token): fetched: verified 3"])
            #expect(world.arguments.withLock { $0.map { $0[4].prefix(2) } } == ["01", "03"])
        }
    }

    @Test("what has come is put away once the child that writes it is gone")
    func discarded() throws {
        try withFolder { folder, fetching in
            fetching.fetch(try update(1))
            fetching.discard()
            #expect(!isEmpty(folder), "the child may still write")
            world.work.finish()
            #expect(isEmpty(folder) && world.events.withLock { $0 } == [])
            try Data([1]).write(to: URL(filePath: folder.part))
            fetching.discard()
            #expect(isEmpty(folder), "nobody fetches")
        }
    }

    @Test("a child that is given up leaves what has come, for the same order given again")
    func givenUp() throws {
        try withFolder { folder, fetching in
            fetching.fetch(try update(1))
            fetching.giveUp()
            world.work.finish()
            #expect(!isEmpty(folder) && world.ended.withLock { $0 } == [101])
        }
    }

    @Test("a URL that is not short printable ASCII is not shown")
    func shown() throws {
        try withFolder { _, fetching in
            fetching.fetch(try update(1, url: "https://\u{1B}[31m"))
            #expect(world.log.texts.last?.hasPrefix("fetching 0x68747470733a2f2f1b") == true)
        }
    }
}
