import Enrolling
import Foundation
import Keys
import OperatorText
import TestVectors
import Testing

@Suite("The certificates of an enrolment and of its renewals, without a network", .blocking)
struct AuthorityTests {
    private func certificates(_ node: FakeEnrollee, _ name: String) throws -> [Certificate] {
        try Certificate.all(pem: Array(try #require(node.content(name))))
    }

    private func names(_ node: FakeEnrollee, _ name: String) throws -> [String] {
        try certificates(node, name).map { $0.subject.replacing("CN = ", with: "") }
    }

    private func add(_ bytes: [UInt8], to name: String, of node: FakeEnrollee) throws {
        let file = URL(filePath: node.path + "/" + name)
        try (Data(bytes) + Data(contentsOf: file)).write(to: file)
    }

    @Test(
        "a subordinate CA's certificates are all kept, and OpenSSL accepts them as a chain", arguments: [true, false])
    func subordinate(comesWithCertificate: Bool) throws {
        try FakeEnrollee.with { service, node in
            let (root, subordinate) = try service.changeAuthority(to: "subordinate", isSubordinate: true)
            if comesWithCertificate {
                service.set(chain: subordinate, authorities: root)
            } else {
                service.set(chain: [], authorities: root + subordinate)
            }
            let own = FakeEnrollee.identity.topicForm
            for action in [{ _ = try node.enrol() }, { try node.renew() }] {
                try action()
                #expect(
                    try names(node, "access/certificate.pem") == (comesWithCertificate ? [own, "subordinate"] : [own]))
                #expect(
                    try names(node, "access/ca.pem")
                        == (comesWithCertificate ? ["authority"] : ["authority", "subordinate"]))
                let access = node.path + "/access"
                try service.folder.openssl(
                    "verify -CAfile \(access)/ca.pem -untrusted \(access)/certificate.pem \(access)/certificate.pem")
            }
        }
    }

    @Test("a certificate that does not lead to a CA in the reply, or only over one that is not a CA, is refused")
    func gap() throws {
        try FakeEnrollee.with { service, node in
            let (root, subordinate) = try service.changeAuthority(to: "subordinate", isSubordinate: true)
            let leaf = try service.folder.openssl(
                "req -x509 -newkey rsa:2048 -nodes -subj /CN=leaf -days 10 -keyout leaf.key -CA ca.pem -CAkey ca.key"
                    + " -addext basicConstraints=critical,CA:FALSE")
            for (chain, authorities, message) in [
                ([], root, "is not signed by the CA that came with it"), (root, root, "is not signed by the CA"),
                (leaf, subordinate, "is not a CA's"), (subordinate, root + leaf, "is not a CA's"),
                (subordinate.dropLast(40), root, "it cannot be read"),
                (subordinate, root.dropLast(40), "it cannot be read"),
            ] as [([UInt8], [UInt8], String)] {
                service.set(chain: chain, authorities: authorities)
                let fault = #expect(throws: OperatorFault.self) { try node.enrol() }
                #expect(fault?.message.contains(message) == true, "\(fault?.message ?? "")")
                #expect(!node.exists("access"))
            }
        }
    }

    @Test(
        "a renewal keeps the CA certificates that an operator has added, and drops those that the service no longer gives"
    )
    func added() throws {
        try FakeEnrollee.with { service, node in
            try node.enrol()
            let own = try service.folder.openssl(
                "req -x509 -newkey rsa:2048 -nodes -subj /CN=operator -days 10 -keyout own.key")
            try add(own, to: "access/ca.pem", of: node)
            let (old, new) = try service.changeAuthority(to: "second")
            service.set(chain: [], authorities: new + old)
            var said: [String] = []
            try node.renew { step in step.message.map { said.append($0) } }
            #expect(try names(node, "access/ca.pem") == ["second", "authority", "operator"])
            #expect(said.contains { $0.hasPrefix("kept 1 CA certificate in ca.pem") }, "\(said)")
            service.set(chain: [], authorities: nil)
            try node.renew()
            #expect(try names(node, "access/ca.pem") == ["second", "operator"])
        }
    }

    @Test("the same holds for an enrolment of a version that did not store which CA certificates came from the service")
    func earlierVersion() throws {
        try FakeEnrollee.with { service, node in
            try node.enrol()
            try FileManager.default.removeItem(atPath: node.path + "/access/ca.given.pem")
            let own = try service.folder.openssl(
                "req -x509 -newkey rsa:2048 -nodes -subj /CN=operator -days 10 -keyout own.key")
            try add(own, to: "access/ca.pem", of: node)
            try service.changeAuthority(to: "second")
            try node.renew()
            #expect(try names(node, "access/ca.pem") == ["second", "operator"])
        }
    }

    @Test("a ca.pem that cannot be read is not written over: the hint says where to put it")
    func unreadable() throws {
        try FakeEnrollee.with { _, node in
            try node.enrol()
            let before = node.content("access/certificate.pem")
            try Data(repeating: 10, count: 70_000).write(to: URL(filePath: node.path + "/access/ca.pem"))
            let fault = #expect(throws: OperatorFault.self) { try node.renew() }
            #expect(fault?.hint(for: .beacon).contains("[broker] ca") == true, "\(fault?.message ?? "")")
            #expect(node.content("access/certificate.pem") == before)
        }
    }

    @Test("the CAs that the service itself is trusted by follow those that it gives, once it was reached with them")
    func ofTheService() throws {
        try FakeEnrollee.with { service, node in
            let own = try service.folder.openssl(
                "req -x509 -newkey rsa:2048 -nodes -subj /CN=operator -days 10 -keyout own.key")
            try node.enrol(trusting: own + (service.content("ca.pem") ?? []))
            let (old, new) = try service.changeAuthority(to: "second")
            service.set(chain: [], authorities: new + old)
            var said: [String] = []
            try node.renew(did: { step in step.message.map { said.append($0) } }, reach: { _ in throw NotReached() })
            #expect(try names(node, "service-ca.pem") == ["operator", "authority"], "it was not reached")
            #expect(said.contains { $0.contains("cannot be reached with the CA certificates that it gave") }, "\(said)")
            #expect(!node.exists("service-ca.next.pem"))
            // Both are given, and the next renewal tries again.
            var tried: [String] = []
            try node.renew(reach: {
                tried = try Certificate.all(pem: Array(Data(contentsOf: URL(filePath: $0)))).map(\.subject)
            })
            #expect(tried == ["CN = second", "CN = authority", "CN = operator"])
            #expect(try names(node, "service-ca.pem") == ["second", "authority", "operator"])
            service.set(chain: [], authorities: nil)
            try node.renew()
            #expect(try names(node, "service-ca.pem") == ["second", "operator"])
        }
    }

    @Test("a service that is trusted by other CAs than the broker's keeps them")
    func otherAuthorities() throws {
        try FakeEnrollee.with { service, node in
            let own = try service.folder.openssl(
                "req -x509 -newkey rsa:2048 -nodes -subj /CN=operator -days 10 -keyout own.key")
            try node.enrol(trusting: own)
            try service.changeAuthority(to: "second")
            try node.renew(reach: { _ in throw NotReached() })
            #expect(node.content("service-ca.pem").map { Array($0) } == own)
        }
    }

    private struct NotReached: Error {}
}
