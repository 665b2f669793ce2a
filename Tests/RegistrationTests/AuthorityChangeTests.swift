import Foundation
import Keys
import OperatorText
import TestVectors
import Testing

@testable import Registration

@Suite("Changing the CA of a registry")
struct AuthorityChangeTests {
    private func given(_ reply: RegistryReply) throws -> [Certificate] {
        try Certificate.all(pem: Array(try #require(Data(base64Encoded: reply.members?["CA_certificate"] ?? ""))))
    }

    private func signer(_ fixture: RegistryFixture, _ reply: RegistryReply) throws -> Int? {
        let (made, all) = (try fixture.certificate(in: reply), try given(reply))
        return all.firstIndex { made.isSigned(by: $0) }
    }

    @Test("both CAs are given from begin to finish; the first one signs until switch, and then the second one")
    func steps() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let before = try fixture.access()
            try fixture.registry.beginAuthority(bits: 3_072)
            let begun = try fixture.access()
            try #require(try given(begun).count == 2)
            #expect(try signer(fixture, begun) == 0)
            #expect(try given(begun)[0].equals(try given(before)[0]))
            #expect(try given(begun)[0].subject != given(begun)[1].subject)
            _ = try fixture.registry.switchAuthority(isForced: false)
            let switched = try fixture.access()
            #expect(try signer(fixture, switched) == 0)
            #expect(try given(switched)[0].equals(given(begun)[1]) && given(switched)[1].equals(given(begun)[0]))
            try fixture.registry.finishAuthority(isForced: false)
            let finished = try fixture.access()
            #expect(try given(finished).count == 1 && given(finished)[0].equals(given(switched)[0]))
            #expect(!FileManager.default.fileExists(atPath: fixture.folder.path("ca.key.pem")))
            // And again: the third one.
            try fixture.registry.beginAuthority(bits: 3_072)
            #expect(try fixture.registry.authorityStatus().contains { $0.hasPrefix("CA 3  will sign") })
        }
    }

    @Test("the list names the revoked certificates of each CA, and a certificate of either is valid otherwise")
    func lists() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            func verify(_ reply: RegistryReply) throws {
                try fixture.folder.write(Data(try fixture.certificate(in: reply).pem), to: "made.pem")
                try fixture.folder.openssl("verify -CAfile ca.pem -CRLfile crl.pem -crl_check made.pem")
            }
            let first = try fixture.access()
            try fixture.registry.beginAuthority(bits: 3_072)
            let both = try fixture.access()
            _ = try fixture.registry.switchAuthority(isForced: false)
            let second = try fixture.access()
            for reply in [first, both, second] { try verify(reply) }
            try fixture.registry.end(Roles.device.id)
            for reply in [first, both, second] { #expect(throws: VectorFault.self) { try verify(reply) } }
        }
    }

    @Test("switch waits for nodes without the new CA's certificate, and finish for those with the old CA's only")
    func waiting() throws {
        try RegistryFixture.with { fixture throws in
            let registry = fixture.registry
            func message(_ body: () throws -> Void) throws -> String {
                let fault = try #require(throws: OperatorFault.self, performing: body)
                #expect(OperatorTextRules.broken(by: fault).isEmpty)
                return fault.message
            }
            try fixture.enrol()
            _ = try fixture.access()
            #expect(try message { _ = try registry.switchAuthority(isForced: false) } == "no new CA has been made")
            #expect(try message { try registry.finishAuthority(isForced: false) } == "no change of the CA is under way")
            try registry.beginAuthority(bits: 3_072)
            #expect(try message { try registry.beginAuthority(bits: 3_072) } == "a change of the CA is under way")
            #expect(try message { try registry.finishAuthority(isForced: false) } == "the old CA still signs")
            #expect(
                try message { _ = try registry.switchAuthority(isForced: false) }
                    == "1 node has not got the new CA's certificate yet: \(RegistryFixture.id)")
            #expect(try registry.authorityStatus().last == "next: srup-beacon renew on 1 node")
            _ = try fixture.access()
            #expect(try registry.authorityStatus().last == "next: srup-bench registry ca switch")
            _ = try registry.switchAuthority(isForced: false)
            #expect(try message { _ = try registry.switchAuthority(isForced: false) } == "the new CA signs already")
            #expect(
                try message { try registry.finishAuthority(isForced: false) }
                    == "1 node has no certificate of the new CA yet: \(RegistryFixture.id)")
            // What has expired no longer matters.
            fixture.clock.seconds += 91 * 86_400
            #expect(try registry.authorityStatus().last == "next: srup-bench registry ca finish")
            try registry.finishAuthority(isForced: false)
        }
    }

    @Test("a finish that was killed before it destroyed the old CA's key is completed by the next one")
    func killed() throws {
        try RegistryFixture.with { fixture throws in
            let file = fixture.folder.path("ca.key.pem")
            let key = try #require(FileManager.default.contents(atPath: file))
            try fixture.registry.beginAuthority(bits: 3_072)
            _ = try fixture.registry.switchAuthority(isForced: false)
            try fixture.registry.finishAuthority(isForced: false)
            try fixture.folder.write(key, to: "ca.key.pem", mode: 0o600)
            try fixture.registry.finishAuthority(isForced: false)
            #expect(!FileManager.default.fileExists(atPath: file))
            #expect(throws: OperatorFault.self) { try fixture.registry.finishAuthority(isForced: false) }
        }
    }

    @Test("with force, nodes are left behind")
    func forced() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            _ = try fixture.access()
            try fixture.registry.beginAuthority(bits: 3_072)
            _ = try fixture.registry.switchAuthority(isForced: true)
            try fixture.registry.finishAuthority(isForced: true)
            #expect(try fixture.registry.authorityStatus().first?.hasPrefix("CA 2  signs") == true)
        }
    }

    @Test(
        "a service that runs takes what another process has changed, and a key that an interrupted begin has left is replaced"
    )
    func otherProcess() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            try fixture.folder.write(Data("left over".utf8), to: "ca-2.key.pem")
            let other = try RegistryFixture(fixture.folder, RegistryPolicy()).registry
            try other.beginAuthority(bits: 3_072)
            #expect(try given(try fixture.access()).count == 2)
            _ = try other.switchAuthority(isForced: false)
            let reply = try fixture.access()
            #expect(try fixture.certificate(in: reply).isSigned(by: given(reply)[0]))
            #expect(fixture.said.contains("registry: the CAs have changed: CA 2 signs"), "\(fixture.said)")
            // The CAs' own keys are nobody else's.
            let key = try IdentityKey(pemFile: fixture.folder.path("ca-2.key.pem"))
            #expect(fixture.register("abc", key).status == 400)
        }
    }
}
