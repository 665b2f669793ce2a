import BootTime
import Enrolling
import Fetching
import OperatorText
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import C2Server

@Suite("The registry is told of deregistrations")
struct C2DeregistrationTests {
    private let one = Identifier(0x11)
    private let other = Identifier(0x12)
    private let fault = C2Deregistrations.Answer.failed(OperatorFault("no connection", hint: "check it"))

    @Test("one after the other, each once, after the broker has the answer to the node")
    func told() {
        var notices = C2Deregistrations()
        notices.note([one, other])
        #expect(notices.next(at: 0, isReady: { _ in false }) == nil)
        #expect(notices.next(at: 1, isReady: { $0 == other }) == other)
        #expect(notices.next(at: 1, isReady: { _ in true }) == nil, "one at a time")
        notices.answered(other, .ended, at: 2)
        #expect(notices.next(at: 2, isReady: { _ in true }) == one)
        notices.answered(one, .unknown("the identity is not registered"), at: 3)
        notices.note([one, other])
        #expect(notices.next(at: 3, isReady: { _ in true }) == nil && notices.due == nil)
    }

    @Test("again after a failure, at growing intervals of at most ten minutes, and across a restart of the server")
    func again() {
        var notices = C2Deregistrations()
        notices.note([one])
        var (now, pauses): (Instant, [Duration]) = (.boot + .seconds(100), [])
        for _ in 0..<9 {
            #expect(notices.next(at: now, isReady: { _ in true }) == one)
            notices.answered(one, fault, at: now)
            guard let due = notices.due else {
                Issue.record("it is not tried again")
                return
            }
            #expect(notices.next(at: due - .nanoseconds(1), isReady: { _ in true }) == nil)
            pauses.append(due - now)
            now = due
        }
        #expect(pauses == [10, 20, 40, 80, 160, 320, 600, 600, 600].map { .seconds($0) })
        var next = C2Deregistrations(told: [other])
        next.note([one, other])
        #expect(next.next(at: 0, isReady: { _ in true }) == one)
    }

    @Test("which of them it knows is stored, and a node that is deregistered later is told of")
    func stored() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("c2.sqlite")
            do {
                let store = try C2Store(path: path, own: Roles.c2.id)
                #expect(try store.toldDeregistrations().isEmpty)
                try store.noteTold(one)
                try store.noteTold(one)
                _ = try store.noteSession(of: "broker.example.org:8883")
            }
            let store = try C2Store(path: path, own: Roles.c2.id)
            #expect(try store.toldDeregistrations() == [one])
            var notices = C2Deregistrations(told: try store.toldDeregistrations())
            notices.note([one])
            #expect(notices.next(at: 0, isReady: { _ in true }) == nil)
            notices.note([one, other])
            #expect(notices.next(at: 0, isReady: { _ in true }) == other)
        }
    }

    @Test(
        "the service's answers: done, not known, not with this token, and later",
        arguments: [
            (200, Registry.Deregistration.ended as Registry.Deregistration?),
            (400, .refused(status: 400, "no")), (401, .refused(status: 401, "no")),
            (404, .refused(status: 404, "no")), (429, nil), (503, nil),
        ])
    func answers(status: Int, expected: Registry.Deregistration?) throws {
        let asked = Mutex<[Registry.Question]>([])
        let registry = Registry { question throws(HTTPFault) in
            asked.withLock { $0.append(question) }
            return HTTPReply(status: status, body: Array("no".utf8))
        }
        if let expected {
            #expect(try registry.deregister(one) == expected)
        } else {
            #expect(throws: OperatorFault.self) { try registry.deregister(one) }
        }
        #expect(asked.withLock { $0 } == [.post("deregister", Array(#"{"identity":"11"}"#.utf8))])
    }
}
