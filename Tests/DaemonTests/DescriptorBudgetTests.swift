import Foundation
import Glibc
import OperatorText
import ProofLink
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Nearby

@Suite("What the limit on open files allows", .blocking)
struct DescriptorBudgetTests {
    @Test(
        "leaves the last descriptors to the journal and the broker",
        arguments: [(1, 1), (42, 1), (46, 4), (48, 6), (105, 63), (106, 64), (65_536, 64)])
    func links(limit: Int, allowed: Int) {
        #expect(DescriptorBudget.links(64, limit: limit) == allowed)
        let finding = DescriptorBudget.finding(links: 64, limit: limit)
        #expect((finding == nil) == (allowed == 64))
        if let finding {
            #expect(finding.message.contains("may open \(limit) files: that is enough for \(allowed) links"))
            expectGood(finding)
        }
    }

    @Test("a limit that is too low for a beacon is refused, with what is needed")
    func tooLow() throws {
        #expect(throws: Never.self) { try DescriptorBudget.check(limit: 46) }
        let fault = try #require(throws: OperatorFault.self) { try DescriptorBudget.check(limit: 45) }
        #expect(fault.message == "this process may open 45 files, and needs 46 or more")
        expectGood(fault)
    }

    @Test("a listening socket that can accept nothing more stays, says so once, and goes on when a descriptor is free")
    func shortage() throws {
        final class Box { var (isShort, asked, accepted) = (true, 0, [LinkSocket.Accepted]()) }
        try TemporaryFolder.with { folder in
            let (loop, clock, log, box) = (Loop(), ManualClock(), LogRecorder(), Box())
            let listeners = LinkListeners(
                [.init(address: .local(path: folder.path("link")), security: .none)], loop: loop, clock: clock,
                log: log.logger,
                acceptNext: { socket, transport throws(LinkSocketError) in
                    box.asked += 1
                    if box.isShort { throw .failed(call: "accept", errno: EMFILE) }
                    return try LinkSocket.accept(socket, transport)
                }, accepted: { accepted, _ in box.accepted.append(accepted) })
            listeners.open()
            let socket = listeners.listeners[0].socket
            _ = log.take()
            let end = try LinkSocket.connect(to: .local(path: folder.path("link")))
            defer { close(end) }
            for _ in 0..<3 { loop.turn() }
            #expect(box.asked == 1, "it does not keep the loop busy")
            #expect(listeners.listeners[0].socket == socket && listeners.listeners[0].fault?.isShortage == true)
            clock.advance(by: LinkListeners.pause)
            loop.turn()
            #expect(box.asked == 2)
            #expect(
                log.take() == [
                    "local: accept: Too many open files; hint: raise the limit on open files: LimitNOFILE= in the unit, or ulimit -n"
                ])
            box.isShort = false
            clock.advance(by: LinkListeners.pause)
            loop.turn()
            #expect(box.accepted.count == 1 && listeners.listeners[0].fault == nil)
            for one in box.accepted { close(one.socket) }
        }
    }

    @Test("a socket's path is not taken from a process that listens there, also when its queue is full")
    func full() throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("link"))
            let listening = try LinkSocket.listen(on: address, backlog: 0)
            defer { close(listening) }
            var ends: [Int32] = []
            defer { for end in ends { close(end) } }
            for _ in 0..<8 { if let end = try? LinkSocket.connect(to: address) { ends.append(end) } }
            #expect(throws: LinkSocketError.failed(call: "connect", errno: EAGAIN)) {
                try LinkSocket.connect(to: address)
            }
            #expect(throws: LinkSocketError.failed(call: "bind", errno: EADDRINUSE)) {
                try LinkSocket.listen(on: address)
            }
            #expect(LinkSocket.inode(of: folder.path("link")) != nil)
        }
    }
}
