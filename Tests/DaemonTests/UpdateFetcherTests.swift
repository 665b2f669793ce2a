import EventLoop
import Foundation
import Observing
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Daemon

@Suite("Fetching an update")
struct UpdateFetcherTests {
    /// A child process whose results the test provides, and what is reported about it.
    private final class Fixture: Sendable {
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
                    run: { arguments, input, limit, started in
                        let number = self.arguments.withLock { all -> Int in
                            all.append(arguments + [input, "\(limit.components.seconds)"])
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

    private let fixture = Fixture()

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
            try body(folder, fixture.fetching(folder))
        }
    }

    private func isEmpty(_ folder: UpdateFolder) -> Bool {
        !FileManager.default.fileExists(atPath: folder.part)
    }

    @Test(
        "the child process gets the digest, and the URL where nobody reads it; its last line is the result, and the others are logged"
    )
    func result() throws {
        try withFolder { folder, fetching in
            fixture.says("there is room", "fetched: verified 1.2")
            fetching.fetch(try update(7))
            #expect(fixture.log.take() == ["fetching https://example.org/file for \(server)"])
            fixture.work.finish()
            #expect(
                fixture.arguments.withLock { $0 } == [
                    [
                        "fetch", "--config=/etc/beacon.conf", "--url=-", "--digest", String(repeating: "07", count: 32),
                        "https://example.org/file", "720",
                    ]
                ])
            #expect(
                fixture.events.withLock { $0 } == ["\(Sample.exchange(7).token): fetched: verified 1.2"])
            #expect(fixture.log.take() == ["update of \(server): there is room"])
            #expect(!isEmpty(folder))
        }
    }

    @Test("a child process that ends without a result has not fetched the file")
    func noResult() throws {
        try withFolder { _, fetching in
            fixture.result.withLock { $0 = .init(status: 9, lines: []) }
            fetching.fetch(try update(7))
            fixture.work.finish()
            #expect(fixture.events.withLock { $0 } == ["\(Sample.exchange(7).token): fetched: no-file"])
            #expect(
                fixture.log.texts.last
                    == "fetching an update ended without a result: it was ended by signal 9")
        }
    }

    @Test("a newer order ends the older one's child process, starts when that has ended, and only its result counts")
    func newer() throws {
        try withFolder { _, fetching in
            fixture.says("fetched: verified 1")
            fetching.fetch(try update(1))
            fetching.fetch(try update(2))
            fetching.fetch(try update(3))
            #expect(fixture.work.count == 1, "one child at a time")
            fixture.work.finish()
            #expect(fixture.ended.withLock { $0 } == [101])
            #expect(fixture.events.withLock { $0 } == [] && fixture.work.count == 1)
            fixture.says("fetched: verified 3")
            fixture.work.finish()
            #expect(fixture.events.withLock { $0 } == ["\(Sample.exchange(3).token): fetched: verified 3"])
            #expect(fixture.arguments.withLock { $0.map { $0[4].prefix(2) } } == ["01", "03"])
        }
    }

    @Test("a partial file is removed once the child process that writes it has ended")
    func discarded() throws {
        try withFolder { folder, fetching in
            fetching.fetch(try update(1))
            fetching.discard()
            #expect(!isEmpty(folder), "the child may still write")
            fixture.work.finish()
            #expect(isEmpty(folder) && fixture.events.withLock { $0 } == [])
            try Data([1]).write(to: URL(filePath: folder.part))
            fetching.discard()
            #expect(isEmpty(folder), "nothing is being fetched")
        }
    }

    @Test("a child process that is stopped leaves the partial file for a repetition of the same order")
    func givenUp() throws {
        try withFolder { folder, fetching in
            fetching.fetch(try update(1))
            fetching.giveUp()
            fixture.work.finish()
            #expect(!isEmpty(folder) && fixture.ended.withLock { $0 } == [101])
        }
    }

    @Test("what may be secret in a URL is neither logged nor shown")
    func secrets() throws {
        try withFolder { _, fetching in
            let secret = try update(1, url: "https://me:5ec4e7@example.org/file?X-Signature=5ec4e7#5ec4e7")
            fetching.fetch(secret)
            #expect(fixture.log.take() == ["fetching https://...@example.org/file?... for \(server)"])
            #expect(StatusReport.UpdateState(secret).url == "https://...@example.org/file?...")
        }
    }

    @Test("a URL that is not short printable ASCII is not shown")
    func shown() throws {
        try withFolder { _, fetching in
            fetching.fetch(try update(1, url: "https://\u{1B}[31m"))
            #expect(fixture.log.texts.last?.hasPrefix("fetching 0x68747470733a2f2f1b") == true)
        }
    }
}
