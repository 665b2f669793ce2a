import BootTime
import Glibc
import ProofLink
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import EventLoop
@testable import Nearby

@Suite("A device's link to a beacon that does not behave", .blocking)
struct DeviceLinkTests {
    private struct Told {
        var lines = 0
        var frames = 0
        var ended: LinkPlan.Ended?
    }

    /// A device that has sent READY to a beacon that the test plays: what the device reports, and its loop.
    private func withDevice(
        _ limits: DeviceLink.Limits = DeviceLink.Limits(),
        _ body: (_ beacon: Int32, _ told: borrowing Mutex<Told>, _ loop: Loop) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("link"))
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            let loop = Loop()
            startThread("device") { loop.run() }
            defer { loop.stop() }
            let told = Shared()
            let parties = DeviceSession.Parties(
                device: Identifier(1), server: Identifier(3), beacon: nil, transport: .local, modes: [.challenge])
            let session = DeviceSession(parties, deviceNonce: [UInt8](repeating: 7, count: 32)) { _, _ in
                [UInt8](repeating: 0, count: 32)
            }
            let link = DeviceLink(loop, to: address, session: session, limits: limits, sign: { _ in [] }) { report in
                told.value.withLock {
                    switch report {
                    case .say: $0.lines += 1
                    case .frame: $0.frames += 1
                    case .presented: break
                    case .ended(let how): $0.ended = how
                    }
                }
            }
            loop.performAndWait { link.open(from: .any) }
            var accepted: LinkSocket.Accepted?
            for _ in 0..<2_000 where accepted == nil {
                accepted = try LinkSocket.accept(listener, .local)
                usleep(1_000)
            }
            let socket = try #require(accepted?.socket)
            defer {
                loop.performAndWait { link.drop() }
                close(socket)
            }
            _ = LinkSocket.send(
                .hello(version: 1, modes: .challenge, beacon: Identifier(2), nonce: [UInt8](repeating: 1, count: 16)),
                over: socket)
            for _ in 0..<2_000 where told.value.withLock({ $0.frames < 2 }) { usleep(1_000) }
            try body(socket, told.value, loop)
        }
    }

    private final class Shared: Sendable { let value = Mutex(Told()) }

    @Test("one that sends WAIT endlessly is left at once, with a few log lines, and the loop continues")
    func waits() throws {
        try withDevice { socket, told, loop in
            let piece = (0..<1_000).flatMap { _ in LinkFrame.wait(seconds: 1).encoded }
            var slowest = Duration.zero
            let end = Instant.now + .seconds(2)
            while .now < end {
                for _ in 0..<4 { _ = send(socket, piece, piece.count, Int32(MSG_NOSIGNAL)) }
                let begun = Instant.now
                loop.performAndWait {}
                slowest = max(slowest, .now - begun)
            }
            let seen = told.withLock { $0 }
            guard case .left? = seen.ended else {
                Issue.record("the link goes on: \(seen)")
                return
            }
            #expect(seen.lines <= 4 && seen.frames <= 6, "\(seen)")
            #expect(slowest < .milliseconds(500), "the loop stood still for \(slowest)")
        }
    }

    @Test(
        "one that says nothing after READY, or keeps the device waiting, is left after a time limit",
        arguments: [false, true])
    func silent(waits: Bool) throws {
        var limits = DeviceLink.Limits()
        (limits.answer, limits.hold) = (.milliseconds(300), .seconds(1))
        try withDevice(limits) { socket, told, _ in
            if waits { _ = LinkSocket.send(.wait(seconds: 65_535), over: socket) }
            for _ in 0..<5_000 where told.withLock({ $0.ended == nil }) { usleep(1_000) }
            guard case .left? = told.withLock({ $0.ended }) else {
                Issue.record("the device stays")
                return
            }
            #expect(LinkSocket.receive(from: socket) != .nothing)
        }
    }

    @Test("an occasional WAIT is accepted")
    func seldom() throws {
        try withDevice { socket, told, _ in
            for _ in 0..<3 {
                _ = LinkSocket.send(.wait(seconds: 5), over: socket)
                usleep(1_050_000)
            }
            let seen = told.withLock { $0 }
            #expect(seen.ended == nil && seen.frames == 5, "\(seen)")
        }
    }
}
