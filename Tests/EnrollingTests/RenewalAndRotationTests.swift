import Fetching
import Foundation
import Glibc
import Keys
import OperatorText
import SRUP
import TestVectors
import Testing

@testable import Enrolling

@Suite("Enrolling again, renewing and rotating, without a network", .blocking)
struct RenewalAndRotationTests {
    private func fault(_ body: () throws -> Void, _ location: SourceLocation = #_sourceLocation) throws
        -> OperatorFault
    {
        try #require(throws: OperatorFault.self, sourceLocation: location, performing: body)
    }

    @Test("only one of enrol, renew and rotate runs at a time")
    func oneAtATime() throws {
        try FakeEnrollee.with { _, node in
            try node.enrol()
            let lock = open(node.path + "/lock", O_RDWR | O_CLOEXEC)
            #expect(flock(lock, LOCK_EX) == 0)
            var locked = node
            locked.isLocked = true
            let runs: [() throws -> Void] = [{ try locked.enrol() }, { try locked.renew() }, { try locked.rotate() }]
            for run in runs {
                #expect(try fault(run).message.contains("another enrol, renew or rotate is running"))
            }
            flock(lock, LOCK_UN)
            close(lock)
            try node.renew()
        }
    }

    @Test("a service that registers no new nodes still renews")
    func closed() throws {
        try FakeEnrollee.with { service, node in
            try node.enrol()
            service.set("status") { _ in .json(["active": false, "identity": FakeService.name]) }
            try node.renew()
            let other = FakeEnrollee(service: service, path: node.path + "-other")
            #expect(try fault { try other.enrol() }.message.contains("is not active"))
        }
    }

    @Test("after a lost reply the operator gives broker and server; another node's identity is not taken over")
    func lostReply() throws {
        try FakeEnrollee.with { service, node in
            service.set("register") { _ throws(HTTPFault) in throw .tooSlow("no reply") }
            _ = try fault { try node.enrol() }
            service.set("register", nil)
            let lost = try fault { try node.enrol() }
            #expect(lost.message.contains("does not say again which broker and server"))
            #expect(lost.hint(for: .beacon).contains("give them with --broker and --c2"))
            let broker = try #require(BrokerPlace("mqtt://localhost"))
            let wrong = try fault { try node.enrol { $0.given = (broker, Identifier(0x99)) } }
            #expect(wrong.message.contains("has no key of a server 99"))
            let outcome = try node.enrol { $0.given = (broker, FakeService.server) }
            #expect(outcome.broker == broker && outcome.server == FakeService.server)

            let thief = FakeEnrollee(service: service, path: node.path + "-thief")
            let stolen = try fault { try thief.enrol() }
            #expect(stolen.message.contains("already exists") && !thief.exists("access"))
        }
    }

    @Test(
        "broker and server that the operator gives hold at once, whatever the reply to the registration says about them"
    )
    func given() throws {
        let broker = try #require(BrokerPlace("mqtt://other.example:1883"))
        for members in [
            [:], ["broker": "mqtt://elsewhere"], ["default_c2": "abc"], ["broker": "none"], ["key": "?"],
        ] as [[String: String]] {
            try FakeEnrollee.with { service, node in
                service.set("register") { $0.merging(members) }
                let outcome = try node.enrol { $0.given = (broker, FakeService.server) }
                #expect(outcome.broker == broker && outcome.server == FakeService.server, "\(members)")
            }
        }
        // As the reference's service was before it named a server, and gave out no keys.
        try FakeEnrollee.with { service, node in
            let key = try TestKeys.publicKey("wrong_2048")
            let reply = ["broker": "mqtt://x.example", "key": Data(key.pem).base64EncodedString()]
            service.set("register") { _ in .json(reply, 201) }
            service.set("get_key") { _ in .text(404, "Not found") }
            #expect(try node.enrol { $0.given = (broker, FakeService.server) }.broker == broker)
            #expect(node.content("server.pub.pem").map { Array($0) } == key.pem)
        }
        try FakeEnrollee.with { service, node in
            service.set("register") { _ in .json([:], 201) }
            let untold = try fault { try node.enrol() }
            #expect(untold.message.contains("does not give broker, server"), "\(untold.message)")
            #expect(untold.hint(for: .beacon).contains("--broker HOST:PORT --c2 IDENTITY"))
            service.forget()
            #expect(try node.enrol { $0.given = (broker, FakeService.server) }.broker == broker)
        }
    }

    @Test("a finished enrolment refuses another identity or another service, and changes nothing")
    func another() throws {
        try FakeEnrollee.with { service, node in
            try node.enrol()
            let (names, requests) = (node.names, service.requests.count)
            let identity = try fault { try node.enrol(as: Identifier(0x77)) }
            #expect(identity.message.contains("was not asked for") && identity.hint(for: .beacon).contains("--replace"))
            let elsewhere = try fault { try node.enrol(at: "https://elsewhere.example") }
            #expect(
                elsewhere.message.contains("is registered with") && elsewhere.hint(for: .beacon).contains("--replace"))
            #expect(node.names == names && service.requests.count == requests)
        }
    }

    @Test("a renewal is refused if the service has a different key, or says that the C2 server has")
    func pinned() throws {
        try FakeEnrollee.with { service, node in
            service.set(ownKey: try TestKeys.privateKey("obs_2048"))
            var said: [String] = []
            try node.enrol(did: { step in step.message.map { said.append($0) } })
            #expect(said.contains { $0.contains("has proved its own") })
            let before = node.content("access/certificate.pem")
            service.set(ownKey: try TestKeys.privateKey("dev_2048"))
            #expect(try fault { try node.renew() }.message.contains("another key than it had"))
            service.set(ownKey: try TestKeys.privateKey("obs_2048"))
            service.set(serverKey: try TestKeys.publicKey("wrong_2048"))
            #expect(try fault { try node.renew() }.message.contains("now gives another key for server"))
            #expect(node.content("access/certificate.pem") == before)
            service.set(serverKey: try TestKeys.publicKey("c2_2048"))
            try node.renew()
            #expect(node.content("access/certificate.pem") != before)
            #expect(node.content("access.old/certificate.pem") == before)
        }
    }

    @Test("a rotation that the service does not carry out, or that asks for the same key, changes nothing")
    func refusedRotation() throws {
        try FakeEnrollee.with { service, node in
            try node.enrol()
            let key = node.content("identity.key.pem")
            func expectUnchanged(_ location: SourceLocation = #_sourceLocation) {
                #expect(node.content("identity.key.pem") == key, sourceLocation: location)
            }
            let unknown = try fault { try node.rotate() }
            #expect(
                unknown.message.contains("does not replace keys") && unknown.hint(for: .beacon).contains("--replace"))
            expectUnchanged()
            let same = try fault { try node.rotate(from: .given(file: node.path + "/identity.key.pem")) }
            #expect(same.message.contains("already has"))
            expectUnchanged()
            #expect(!node.folder.hasUnfinishedRotation, "the service has said that it has the old key")
            // Somebody on the network claims that it is done; the service's signed statement denies it.
            service.set("rotate") { _ in .text(200, "{}") }
            #expect(try fault { try node.rotate() }.message.contains("does not know the new key afterwards"))
            expectUnchanged()
            // If nobody can tell which key the service has, the new one is kept, and is used to continue.
            service.set("rotate") { _ in .text(404, "x") }
            service.set("validate") { _ in .text(503, "x") }
            _ = try fault { try node.rotate() }
            #expect(node.folder.hasUnfinishedRotation)
            expectUnchanged()
            let another = try fault { try node.rotate(from: .tpm) }
            #expect(another.message.contains("is not the key that --key asks for"))
        }
    }
}
