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
        try Office.with { office throws in
            try office.enrol()
            let reply = try office.access()
            #expect(reply.status == 200)
            let made = try office.certificate(in: reply)
            let authority = Data(base64Encoded: reply.members?["CA_certificate"] ?? "")
            #expect(authority == FileManager.default.contents(atPath: office.folder.path("ca.pem")))
            #expect(made.commonName == Office.id)
            #expect(try made.publicKey().equals(Office.second.publicKey))
            #expect(made.isSigned(by: try Certificate(pem: Array(try #require(authority)))))
            #expect(made.notBefore == office.clock.seconds - 300)
            #expect(made.notAfter == office.clock.seconds + 90 * 86_400)
            #expect(made.serial.count == 16)
            try office.folder.write(Data(made.pem), to: "made.pem")
            try office.folder.openssl("verify -CAfile ca.pem -purpose sslclient made.pem")
            #expect(throws: VectorFault.self) {
                try office.folder.openssl("verify -CAfile ca.pem -purpose sslserver made.pem")
            }
        }
    }

    @Test("nobody gets one who has not been validated")
    func unvalidated() throws {
        try Office.with { office throws in
            #expect(try office.access().status == 400)
            #expect(office.register().status == 201)
            #expect(try office.access().status == 400)
            #expect(try office.validate().status == 200)
            #expect(try office.access().status == 200)
        }
    }

    @Test("a request for another's name, or for more than one name, is refused")
    func names() throws {
        try Office.with { office throws in
            try office.enrol()
            let key = try office.folder.privateCopy(of: TestKeys.file("obs_2048.pkcs8"), as: "second.pem")
            for subject in [
                "/CN=abc", "/CN=\(Office.id)/CN=abc", "/CN=abc/CN=\(Office.id)", "/O=x/CN=\(Office.id)",
                "/CN=0\(Office.id)", "/CN=\(Office.id.uppercased())", "/O=\(Office.id)", "/CN=server",
            ] {
                let request = try office.folder.openssl("req -new -sha256 -key \(key) -subj \(subject)")
                #expect(try office.access(request: request).status == 400, "\(subject)")
            }
            let good = try office.folder.openssl("req -new -sha256 -key \(key) -subj /CN=\(Office.id)")
            #expect(try office.access(request: good).status == 200)
        }
    }

    @Test("a request for the identity's own key, another identity's, the C2 server's, or a weak one is refused")
    func keys() throws {
        try Office.with { office throws in
            try office.enrol()
            #expect(office.register("abc", Office.stranger).status == 201)
            #expect(try office.access(Office.device).status == 400)
            #expect(try office.access(Office.stranger).status == 400)
            #expect(try office.access(Cast.c2.key).status == 400)
            try office.folder.openssl("genrsa -out weak.pem 1024")
            let weak = try office.folder.openssl("req -new -sha256 -key weak.pem -subj /CN=\(Office.id)")
            #expect(try office.access(request: weak).status == 400)
        }
    }

    @Test("a key that another identity has had a certificate for is refused, also as an identity's own key")
    func certifiedKeys() throws {
        try Office.with { office throws in
            try office.enrol()
            #expect(try office.access().status == 200)
            #expect(office.register("abc", Office.second).status == 400)
            #expect(office.register("abc", Office.stranger).status == 201)
            #expect(try office.validate("abc", Office.stranger).status == 200)
            let request = try CertificateRequest(for: Office.second, commonName: "abc").pem
            #expect(try office.access("abc", Office.stranger, request: request).status == 400)
        }
    }

    @Test("a request that is changed, cut, not signed by its key, or not signed for by the identity is refused")
    func forged() throws {
        try Office.with { office throws in
            try office.enrol()
            let good = try CertificateRequest(for: Office.second, commonName: Office.id).pem
            #expect(try office.access(Office.id, Office.stranger, request: good).status == 400)
            #expect(try office.access(request: Array(good.dropLast(60))).status == 400)
            #expect(try office.access(request: Array("no request".utf8)).status == 400)
            #expect(try office.access(request: good + [UInt8](repeating: 10, count: 4_096)).status == 400)
            // The last line of base64 is the request's own signature.
            var lines = String(decoding: good, as: UTF8.self).split(separator: "\n").map(String.init)
            lines[lines.count - 3] = String(lines[lines.count - 3].reversed())
            #expect(try office.access(request: Array(lines.joined(separator: "\n").utf8)).status == 400)
        }
    }

    @Test("renewal is the same again, the earlier certificate holds, and only so many are made in an hour")
    func renewal() throws {
        try Office.with({ $0.certificatesAnHour = 2 }) { office throws in
            try office.enrol()
            let first = try office.certificate(in: try office.access())
            let second = try office.certificate(in: try office.access())
            #expect(first.serial != second.serial)
            let refused = try office.access()
            #expect(refused.status == 429)
            #expect(refused.retryAfter == 3_600)
            try office.registry.care()
            office.clock.seconds += 3_600
            #expect(try office.access().status == 200)
            try office.folder.write(Data(first.pem), to: "first.pem")
            try office.folder.openssl("verify -CAfile ca.pem -CRLfile crl.pem -crl_check first.pem")
        }
    }

    @Test("a closed service still renews")
    func closed() throws {
        try Office.with { office throws in
            try office.enrol()
            var policy = RegistryPolicy()
            policy.isActive = false
            let later = try Office(office.folder, policy)
            #expect(later.register("abc", Office.stranger).status == 403)
            #expect(try later.access().status == 200)
        }
    }
}
