import Glibc
import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Nearby

@Suite("The beacon's own proof to another beacon", .blocking)
struct OwnProofsTests {
    private final class Fixture {
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

    private let fixture = Fixture()
    private let observed = JoinMode.observed(by: device)

    /// The observer's listening socket, which the test holds.
    private func withObserver(_ body: (Int32) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("observer"))
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            fixture.configured = address
            try body(listener)
        }
    }

    /// The link that this beacon has opened; nil if it opens none.
    private func accept(_ listener: Int32) throws -> Int32? {
        for _ in 0..<5 { fixture.loop.turn() }
        return try LinkSocket.accept(listener, .local)?.socket
    }

    /// Identifies itself, and returns this beacon's answer.
    private func greet(_ link: Int32, as beacon: Identifier) -> LinkSocket.Received {
        let nonce = [UInt8](repeating: 1, count: LinkFrame.linkNonceLength)
        _ = LinkSocket.send(.hello(version: 1, modes: .challenge, beacon: beacon, nonce: nonce), over: link)
        for _ in 0..<5 { fixture.loop.turn() }
        return LinkSocket.receive(from: link)
    }

    @Test("a value that a person compares opens no link: a log line says how to show it")
    func human() throws {
        try withObserver { listener in
            fixture.proofs.present(to: server, .human)
            #expect(
                fixture.log.texts == [
                    "server \(server) waits for a person; hint: srup-beacon join \(server.topicForm) --human shows the value"
                ])
            let link = try accept(listener)
            #expect(link == nil)
        }
    }

    @Test("without the observer's address a log line says so")
    func unknown() {
        fixture.proofs.present(to: server, observed)
        #expect(fixture.log.lines.map(\.level) == [.warning])
        #expect(
            fixture.log.texts[0].hasPrefix(
                "where observer \(device) is near by is not known; hint: set observer-address")
        )
    }

    @Test("an observer that is not there is said once, with a hint, however often the link is tried")
    func missing() {
        fixture.configured = .local(path: "/nowhere/at/all")
        fixture.proofs.present(to: server, observed)
        for _ in 0..<10 { fixture.clock.advance(by: .seconds(1)) }
        #expect(fixture.log.lines.map(\.level) == [.warning], "\(fixture.log.texts)")
        let start =
            "our own proof for \(server): no link to /nowhere/at/all: there is no socket at /nowhere/at/all; hint: "
        #expect(fixture.log.texts.first?.hasPrefix(start) == true, "\(fixture.log.texts)")
    }

    @Test("a link to the observer is opened, and the beacon sends READY")
    func ready() throws {
        try withObserver { listener in
            fixture.proofs.present(to: server, observed)
            let link = try #require(try accept(listener))
            defer { close(link) }
            #expect(greet(link, as: device) == .bytes(LinkFrame.ready(mode: .challenge, device: us).encoded))
        }
    }

    @Test("an address that the operator gives for the observer takes precedence over the configuration")
    func told() throws {
        try withObserver { listener in
            let address = try #require(fixture.configured)
            fixture.configured = .local(path: "/nowhere")
            fixture.proofs.note(address, for: server)
            #expect(fixture.proofs.address(for: server) == address)
            #expect(fixture.proofs.address(for: otherServer) == .local(path: "/nowhere"))
            fixture.proofs.present(to: server, observed)
            let link = try #require(try accept(listener))
            close(link)
        }
    }

    @Test(
        "another beacon at the observer's address is left, and the address tried again while the value must be proved")
    func another() throws {
        try withObserver { listener in
            let address = try #require(fixture.configured)
            fixture.proofs.present(to: server, observed)
            let first = try #require(try accept(listener))
            defer { close(first) }
            #expect(greet(first, as: otherServer) == .closed)
            #expect(fixture.log.lines.last?.level == .warning)
            #expect(fixture.log.texts.last?.hasPrefix("our own proof for \(server), at \(address): ") == true)
            #expect(try accept(listener) == nil)
            fixture.clock.advance(by: LinkPlan.initialPause)
            let second = try #require(try accept(listener))
            close(second)
            for _ in 0..<5 { fixture.loop.turn() }
            fixture.value = nil
            fixture.clock.advance(by: LinkPlan.maximumPause)
            #expect(try accept(listener) == nil, "the server has answered")
            fixture.value = Secret([UInt8](repeating: 7, count: Secret.length))
            fixture.clock.advance(by: LinkPlan.maximumPause)
            #expect(try accept(listener) == nil, "it has ended")
        }
    }

    @Test("an observer that is not there yet is tried again soon; an address that can never work is not")
    func unreachable() throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("observer"))
            fixture.configured = address
            fixture.proofs.present(to: server, observed)
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            #expect(try accept(listener) == nil)
            fixture.clock.advance(by: .milliseconds(50))
            let link = try #require(try accept(listener))
            close(link)
            fixture.configured = .local(path: String(repeating: "x", count: 200))
            fixture.proofs.present(to: otherServer, observed)
            #expect(fixture.log.lines.last?.level == .warning)
            let text = "is longer than \(NearbyAddress.maximumPath) bytes; hint: "
            #expect(fixture.log.texts.last?.contains(text) == true, "\(fixture.log.texts)")
        }
    }
}
