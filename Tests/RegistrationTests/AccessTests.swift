import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@testable import Registration

@Suite("Certificates for devices")
struct AccessTests {
    @Test("one is for the identity's name and the second key, for a client, for 90 days, and signed by the CA")
    func good() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let reply = try fixture.access()
            #expect(reply.status == 200)
            let made = try fixture.certificate(in: reply)
            let authority = Data(base64Encoded: reply.members?["CA_certificate"] ?? "")
            #expect(authority == FileManager.default.contents(atPath: fixture.folder.path("ca.pem")))
            #expect(made.commonName == RegistryFixture.id)
            #expect(try made.publicKey().equals(RegistryFixture.second.publicKey))
            #expect(made.isSigned(by: try Certificate(pem: Array(try #require(authority)))))
            #expect(made.notBefore == fixture.clock.seconds - 300)
            #expect(made.notAfter == fixture.clock.seconds + 90 * 86_400)
            #expect(made.serial.count == 16)
            try fixture.folder.write(Data(made.pem), to: "made.pem")
            try fixture.folder.openssl("verify -CAfile ca.pem -purpose sslclient made.pem")
            #expect(throws: VectorFault.self) {
                try fixture.folder.openssl("verify -CAfile ca.pem -purpose sslserver made.pem")
            }
        }
    }

    @Test("an identity that was not validated gets none")
    func unvalidated() throws {
        try RegistryFixture.with { fixture throws in
            #expect(try fixture.access().status == 400)
            #expect(fixture.register().status == 201)
            #expect(try fixture.access().status == 400)
            #expect(try fixture.validate().status == 200)
            #expect(try fixture.access().status == 200)
        }
    }

    @Test("a request for another's name, or for more than one name, is refused")
    func names() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let key = try fixture.folder.privateCopy(of: TestKeys.file("obs_2048.pkcs8"), as: "second.pem")
            for subject in [
                "/CN=abc", "/CN=\(RegistryFixture.id)/CN=abc", "/CN=abc/CN=\(RegistryFixture.id)",
                "/CN=abc/O=x/CN=\(RegistryFixture.id)",
                "/CN=0\(RegistryFixture.id)", "/CN=\(RegistryFixture.id.uppercased())", "/O=\(RegistryFixture.id)",
                "/CN=server",
            ] {
                let request = try fixture.folder.openssl("req -new -sha256 -key \(key) -subj \(subject)")
                #expect(try fixture.access(request: request).status == 400, "\(subject)")
            }
            let good = try fixture.folder.openssl("req -new -sha256 -key \(key) -subj /CN=\(RegistryFixture.id)")
            #expect(try fixture.access(request: good).status == 200)
        }
    }

    @Test(
        "a request as the reference's device makes it is accepted, and only its common name and its key get into the certificate"
    )
    func reference() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let key = try fixture.folder.privateCopy(of: TestKeys.file("obs_2048.pkcs8"), as: "second.pem")
            let request = try fixture.folder.openssl(
                "req -new -sha256 -key \(key) -subj /C=GB/ST=Hampshire/L=Southampton/O=SRUP/CN=\(RegistryFixture.id)"
                    + " -addext subjectAltName=DNS:broker.example -addext basicConstraints=critical,CA:TRUE")
            let reply = try fixture.access(request: request)
            #expect(reply.status == 200, "\(reply.text)")
            let made = try fixture.certificate(in: reply)
            #expect(made.subject == "CN = \(RegistryFixture.id)")
            #expect(!made.isAuthority)
            try fixture.folder.write(Data(made.pem), to: "made.pem")
            let shown = String(decoding: try fixture.folder.openssl("x509 -in made.pem -noout -text"), as: UTF8.self)
            #expect(!shown.contains("broker.example") && !shown.contains("Southampton"))
        }
    }

    @Test(
        "a request in another identity's name gets no certificate, no matter who signs for it: one line of the log says why"
    )
    func requestForAnother() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
            #expect(try fixture.validate("abc", RegistryFixture.stranger).status == 200)
            let request = try CertificateRequest(for: RegistryFixture.second, commonName: "abc").pem
            for (identity, why) in [
                (RegistryFixture.id, "the csr's subject must be the identity as its only common name"),
                ("abc", "the signature is not by the identity's key"),
            ] {
                #expect(try fixture.access(identity, request: request).status == 400)
                let line = "registry: refused access from 127.0.0.1: 400, \(why)"
                #expect(fixture.said.count { $0 == line } == 1, "\(fixture.said)")
            }
            #expect(try fixture.admin.entries().allSatisfy { $0.certifiedUntil == nil })
        }
    }

    @Test("a request for the identity's own key, another identity's, the C2 server's, or a weak one is refused")
    func keys() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
            #expect(try fixture.access(RegistryFixture.device).status == 400)
            #expect(try fixture.access(RegistryFixture.stranger).status == 400)
            #expect(try fixture.access(Roles.c2.key).status == 400)
            try fixture.folder.openssl("genrsa -out weak.pem 1024")
            let weak = try fixture.folder.openssl("req -new -sha256 -key weak.pem -subj /CN=\(RegistryFixture.id)")
            #expect(try fixture.access(request: weak).status == 400)
        }
    }

    @Test("a key that another identity has had a certificate for is refused, also as an identity's own key")
    func certifiedKeys() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(try fixture.access().status == 200)
            #expect(fixture.register("abc", RegistryFixture.second).status == 400)
            #expect(fixture.register("abc", RegistryFixture.stranger).status == 201)
            #expect(try fixture.validate("abc", RegistryFixture.stranger).status == 200)
            let request = try CertificateRequest(for: RegistryFixture.second, commonName: "abc").pem
            #expect(try fixture.access("abc", RegistryFixture.stranger, request: request).status == 400)
        }
    }

    @Test("a request that is changed, truncated, not signed by its key, or not signed by the identity is refused")
    func forged() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            let good = try CertificateRequest(for: RegistryFixture.second, commonName: RegistryFixture.id).pem
            #expect(try fixture.access(RegistryFixture.id, RegistryFixture.stranger, request: good).status == 400)
            #expect(try fixture.access(request: Array(good.dropLast(60))).status == 400)
            #expect(try fixture.access(request: Array("no request".utf8)).status == 400)
            #expect(try fixture.access(request: good + [UInt8](repeating: 10, count: 4_096)).status == 400)
            // The last line of base64 is the request's own signature.
            var lines = String(decoding: good, as: UTF8.self).split(separator: "\n").map(String.init)
            lines[lines.count - 3] = String(lines[lines.count - 3].reversed())
            #expect(try fixture.access(request: Array(lines.joined(separator: "\n").utf8)).status == 400)
        }
    }

    @Test("renewal is the same again, the earlier certificate holds, and only so many are made in an hour")
    func renewal() throws {
        try RegistryFixture.with({ $0.certificatesAnHour = 2 }) { fixture throws in
            try fixture.enrol()
            let first = try fixture.certificate(in: try fixture.access())
            let second = try fixture.certificate(in: try fixture.access())
            #expect(first.serial != second.serial)
            let refused = try fixture.access()
            #expect(refused.status == 429)
            #expect(refused.retryAfter == 3_600)
            try fixture.registry.maintain()
            fixture.clock.seconds += 3_600
            #expect(try fixture.access().status == 200)
            try fixture.folder.write(Data(first.pem), to: "first.pem")
            try fixture.folder.openssl("verify -CAfile ca.pem -CRLfile crl.pem -crl_check first.pem")
        }
    }

    @Test("a closed service still renews")
    func closed() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            var policy = RegistryPolicy()
            policy.isActive = false
            let later = try RegistryFixture(fixture.folder, policy)
            #expect(later.register("abc", RegistryFixture.stranger).status == 403)
            #expect(try later.access().status == 200)
        }
    }
}
