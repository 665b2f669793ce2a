import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Daemon

@Suite("New keys, beside a beacon that may be taken out of the system")
struct WritingKeysTests {
    private struct Broken: Error {}

    /// A configuration whose keys and state are in a folder of the test's.
    private func configuration(_ files: TemporaryFolder) throws -> (Configuration, StateFolder) {
        var text = Settings.good.joined(separator: "\n") + "\n"
        text = text.replacing("= /etc/", with: "= \(files.path(""))/")
            .replacing("= /var/s", with: "= \(files.path("state"))")
        return (
            try Configuration(file: try files.write(Data(text.utf8), to: "beacon.conf")),
            try StateFolder(path: files.path("state"))
        )
    }

    private func keys(_ files: TemporaryFolder) -> [String] {
        ["k", "tls", "cert"].filter { FileManager.default.fileExists(atPath: files.path($0)) }
    }

    private func write(_ files: TemporaryFolder) throws {
        for name in ["k", "tls", "cert"] { _ = try files.write(Data("a key".utf8), to: name) }
    }

    @Test("they stay where nothing has happened meanwhile, also where it fails")
    func peaceful() throws {
        try TemporaryFolder.with { files in
            let (configuration, _) = try configuration(files)
            #expect(try configuration.writingKeys { try write(files) } == ())
            #expect(keys(files).count == 3)
            #expect(throws: Broken.self) { try configuration.writingKeys { throw Broken() } }
            #expect(keys(files).count == 3)
        }
    }

    @Test(
        "they go where the beacon was taken out meanwhile, whether it fails or not, and it is said",
        arguments: [false, true])
    func meanwhile(fails: Bool) throws {
        try TemporaryFolder.with { files in
            let (configuration, state) = try configuration(files)
            #expect(throws: (any Error).self) {
                try configuration.writingKeys {
                    state.noteDeregistration("by c2", isFinished: false)
                    configuration.destroyKeys { _ in }
                    state.noteDeregistration("by c2", isFinished: true)
                    try write(files)
                    if fails { throw Broken() }
                }
            }
            #expect(keys(files).isEmpty)
        }
    }

    @Test("a beacon that was taken out before gets none, and what somebody has put there stays")
    func before() throws {
        try TemporaryFolder.with { files in
            let (configuration, state) = try configuration(files)
            state.noteDeregistration("by c2", isFinished: true)
            try write(files)
            #expect(throws: OperatorFault.self) { try configuration.writingKeys { Issue.record("it was begun") } }
            #expect(keys(files).count == 3)
        }
    }
}
