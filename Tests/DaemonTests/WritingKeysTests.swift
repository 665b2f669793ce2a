import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Daemon

@Suite("New keys, while the running beacon may be deregistered")
struct WritingKeysTests {
    private struct Broken: Error {}

    /// A configuration whose keys and state are in the test's folder.
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

    @Test("they stay if the beacon was not deregistered, even if writing them fails")
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
        "they are destroyed if the beacon was deregistered meanwhile, and this is reported",
        arguments: [false, true])
    func meanwhile(fails: Bool) throws {
        try TemporaryFolder.with { files in
            let (configuration, state) = try configuration(files)
            #expect(throws: (any Error).self) {
                try configuration.writingKeys {
                    try state.noteDeregistration("by c2", isFinished: false)
                    configuration.destroyKeys { _ in }
                    try state.noteDeregistration("by c2", isFinished: true)
                    try write(files)
                    if fails { throw Broken() }
                }
            }
            #expect(keys(files).isEmpty)
        }
    }

    @Test("a deregistered beacon gets no new keys, and files that someone has put there stay")
    func before() throws {
        try TemporaryFolder.with { files in
            let (configuration, state) = try configuration(files)
            try state.noteDeregistration("by c2", isFinished: true)
            try write(files)
            #expect(throws: OperatorFault.self) { try configuration.writingKeys { Issue.record("it was begun") } }
            #expect(keys(files).count == 3)
        }
    }
}
