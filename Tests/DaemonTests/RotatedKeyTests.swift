import Files
import Foundation
import Keys
import Observing
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Daemon

@Suite("The key that the beacon signs with, and the one before it", .blocking)
struct RotatedKeyTests {
    private static let keys = ["obs_2048", "dev_2048", "wrong_2048"]

    private func materials(_ number: Int, file: String? = nil) throws -> KeyMaterial {
        let own = try OwnKeys(RotatedKeyTests.keys[number])
        return KeyMaterial(
            key: own.key, oldKey: own.old, file: file.flatMap { File.Identity($0) }, keyring: PublicKeys([:]))
    }

    @Test("a file that was replaced after it was read is noticed, and no longer once it was read again")
    func replaced() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(Data("one".utf8), to: "identity.key.pem")
            let configuration = try Settings.configuration(
                Settings.good.map { $0 == "key = /etc/k" ? "key = \(path)" : $0 }
                    .joined(separator: "\n"))
            try #require(configuration.keyFile == path)
            let clock = ManualClock()
            let running = RunningKey(try materials(0, file: path), configuration, clock: clock)
            #expect(running.report(isAnythingOpen: true).isReplaced == nil)
            try folder.write(Data("two".utf8), to: "next")
            #expect(rename(folder.path("next"), path) == 0)
            let before = running.report(isAnythingOpen: true)
            #expect(try before.isReplaced == true && before.fingerprint == TestKeys.publicKey("obs_2048").fingerprint)
            #expect(running.take(try materials(1, file: path), openUntil: nil))
            let after = running.report(isAnythingOpen: true)
            #expect(try after.isReplaced == nil && after.fingerprint == TestKeys.publicKey("dev_2048").fingerprint)
            #expect(try running.take(materials(1, file: path), openUntil: nil) == false)
        }
    }

    @Test("a rotation's mark is removed once its key is in use, and the mark of another key stays")
    func mark() throws {
        try TemporaryFolder.with { folder in
            let running = RunningKey(
                try materials(0), try Settings.configuration(Settings.good.joined(separator: "\n")),
                clock: ManualClock())
            let credentials = CredentialFolder(path: folder.url.path)
            running.confirmRotation(in: credentials)
            let next = try TestKeys.publicKey("dev_2048").fingerprint
            try folder.write(Data(next.utf8), to: "identity.rotated")
            running.confirmRotation(in: credentials)
            running.confirmRotation(in: nil)
            #expect(credentials.rotationMark == next)
            _ = running.take(try materials(1), openUntil: nil)
            running.confirmRotation(in: credentials)
            #expect(credentials.rotationMark == nil)
        }
    }

    /// An observation is open, and the shell is started again after this many rotations.
    private func restarted(
        after rotations: Int, _ body: (ShellFixture, _ value: Secret) throws -> Void
    ) throws {
        let rotated = Rotations()
        try TemporaryFolder.with { folder in
            let fixture = try ShellFixture(
                folder,
                keys: {
                    let number = rotated.count.withLock { $0 }
                    return try OwnKeys(
                        RotatedKeyTests.keys[number], before: number > 0 ? RotatedKeyTests.keys[number - 1] : nil)
                })
            try fixture.join()
            let value = Secret.random()
            try fixture.observe(device, value, token: fixture.token(1))
            #expect(try fixture.report().identityKey?.oldKeyNeededSeconds == nil)
            for _ in 0..<rotations {
                rotated.count.withLock { $0 += 1 }
                #expect(try fixture.reload("") == "reloaded")
                #expect(try fixture.report().identityKey?.oldKeyNeededSeconds == 121)
            }
            _ = (fixture.log.take(), try fixture.received())
            try fixture.reopenJournal()
            try body(fixture, value)
        }
    }

    @Test(
        "an observation that is open during a rotation goes on after a restart, and says how long it needs the old key")
    func once() throws {
        try restarted(after: 1) { fixture, value in
            #expect(try fixture.report().observations.open == 1)
            let needed = try fixture.report().identityKey?.oldKeyNeededSeconds
            #expect((119...121).contains(needed ?? 0), "\(String(describing: needed))")
            #expect(try fixture.connectDevice().prove(value, as: device)?.outcome == .valid)
            #expect(try fixture.received().last?.body == .response(.observedJoinValid))
            #expect(try fixture.report().identityKey?.oldKeyNeededSeconds == nil, "nothing is open")
        }
    }

    @Test("where the key it needs is gone, log and explanation name the replaced key and not the server")
    func twice() throws {
        try restarted(after: 2) { fixture, _ in
            #expect(try fixture.received().contains { $0.body == .response(.observedJoinFail) })
            #expect(fixture.log.texts.contains { $0.contains("answered failed") && $0.contains("key was replaced") })
            let token = fixture.token(1).description
            let explained = String(decoding: try fixture.on { $0.answer("explain \(token)") }, as: UTF8.self)
            #expect(
                explained.contains("keyReplaced") && explained.contains("the key was replaced, by rotate"),
                "\(explained)")
            #expect(!explained.contains("the server sealed"))
        }
    }
}

/// How often the key was rotated.
private final class Rotations: Sendable { let count = Mutex(0) }
