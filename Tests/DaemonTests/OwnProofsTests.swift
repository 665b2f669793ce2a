import Glibc
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Nearby

@Suite("This beacon's own proof to another", .blocking)
struct OwnProofsTests {
    private final class World {
        let loop = Loop()
        let clock = ManualClock()
        let log = LogRecorder()
        var value = Secret([UInt8](repeating: 7, count: Secret.length))
        var configured: NearbyAddress?
        private(set) lazy var proofs = OwnProofs(
            us, from: .any, loop: loop, clock: clock, events: EventLog(log.logger, clock: clock),
            outlets: OwnProofs.Outlets(
                value: { [unowned self] _ in value }, configuredAddress: { [unowned self] _ in configured },
                signer: { { _ in [] } }))
    }

    private let world = World()
    private let observed = JoinMode.observed(by: device)

    /// The observer's listening socket, in the test's hands.
    private func withObserver(_ body: (Int32) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("observer"))
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            world.configured = address
            try body(listener)
        }
    }

    /// The link that this beacon has opened; nil where it opens none.
    private func accept(_ listener: Int32) throws -> Int32? {
        for _ in 0..<5 { world.loop.turn() }
        return try LinkSocket.accept(listener, .local)?.socket
    }

    /// Says who it is, and gives back what this beacon answers.
    private func greet(_ link: Int32, as beacon: Identifier) -> LinkSocket.Received {
        let nonce = [UInt8](repeating: 1, count: LinkFrame.linkNonceLength)
        _ = LinkSocket.send(.hello(version: 1, modes: .challenge, beacon: beacon, nonce: nonce), over: link)
        for _ in 0..<5 { world.loop.turn() }
        return LinkSocket.receive(from: link)
    }

    @Test("a value for human eyes opens no link: a line says how it is shown")
    func human() throws {
        try withObserver { listener in
            world.proofs.present(to: server, .human)
            #expect(
                world.log.texts == [
                    "server \(server) waits for a person; hint: srup-beacon join \(server.topicForm) --human shows the value"
                ])
            let link = try accept(listener)
            #expect(link == nil)
        }
    }

    @Test("where nobody has said where the observer is, a line says so")
    func unknown() {
        world.proofs.present(to: server, observed)
        #expect(world.log.lines.map(\.level) == [.warning])
        #expect(
            world.log.texts[0].hasPrefix("where observer \(device) is near by is not known; hint: set observer-address")
        )
    }

    @Test("a link is opened to the observer, and this beacon says that it is ready")
    func ready() throws {
        try withObserver { listener in
            world.proofs.present(to: server, observed)
            let link = try #require(try accept(listener))
            defer { close(link) }
            #expect(greet(link, as: device) == .bytes(LinkFrame.ready(mode: .challenge, device: us).encoded))
        }
    }

    @Test("what a person says of the observer's place goes before the configuration")
    func told() throws {
        try withObserver { listener in
            let address = try #require(world.configured)
            world.configured = .local(path: "/nowhere")
            world.proofs.note(address, for: server)
            #expect(world.proofs.address(for: server) == address)
            #expect(world.proofs.address(for: otherServer) == .local(path: "/nowhere"))
            world.proofs.present(to: server, observed)
            let link = try #require(try accept(listener))
            close(link)
        }
    }

    @Test("an observer that is another is left, and tried again later, as long as the value is to be shown")
    func another() throws {
        try withObserver { listener in
            let address = try #require(world.configured)
            world.proofs.present(to: server, observed)
            let first = try #require(try accept(listener))
            defer { close(first) }
            #expect(greet(first, as: otherServer) == .closed)
            #expect(world.log.lines.last?.level == .warning)
            #expect(world.log.texts.last?.hasPrefix("our own proof for \(server), at \(address): ") == true)
            #expect(try accept(listener) == nil)
            world.clock.advance(by: LinkPlan.initialPause)
            let second = try #require(try accept(listener))
            close(second)
            for _ in 0..<5 { world.loop.turn() }
            world.value = nil
            world.clock.advance(by: LinkPlan.maximumPause)
            #expect(try accept(listener) == nil, "the server has answered")
            world.value = Secret([UInt8](repeating: 7, count: Secret.length))
            world.clock.advance(by: LinkPlan.maximumPause)
            #expect(try accept(listener) == nil, "it is over")
        }
    }

    @Test("an observer that is not there yet is tried again soon; what can never work is not")
    func unreachable() throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("observer"))
            world.configured = address
            world.proofs.present(to: server, observed)
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            #expect(try accept(listener) == nil)
            world.clock.advance(by: .milliseconds(50))
            let link = try #require(try accept(listener))
            close(link)
            world.configured = .local(path: String(repeating: "x", count: 200))
            world.proofs.present(to: otherServer, observed)
            #expect(world.log.lines.last?.level == .warning)
            #expect(world.log.texts.last?.hasSuffix("is longer than \(NearbyAddress.longestPath) bytes") == true)
        }
    }
}
