import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@Suite("Certificate requests and certificates")
struct CertificateTests {
    private let device = "5f1e2d3c4b5a6978"

    private func openssl(_ folder: TemporaryFolder, _ line: String) throws -> String {
        String(decoding: try folder.openssl(line), as: UTF8.self)
    }

    @Test("our request is valid for OpenSSL, and is read back as it was")
    func ours() throws {
        try TemporaryFolder.with { folder throws in
            let key = try TestKeys.privateKey("dev_2048")
            let request = try CertificateRequest(for: key, commonName: device)
            #expect(request.commonName == device)
            #expect(request.publicKey.equals(key.publicKey))
            try folder.write(Data(request.pem), to: "request.pem")
            let shown = try openssl(folder, "req -in request.pem -verify -noout -subject -text -nameopt RFC2253")
            #expect(shown.contains("subject=CN=\(device)\n"))
            #expect(shown.contains("sha256WithRSAEncryption"))
            let back = try CertificateRequest(pem: request.pem)
            #expect(back.commonName == device && back.publicKey.equals(key.publicKey))
        }
    }

    @Test("a request that is cut short anywhere, or not PEM, or too long is refused")
    func cut() throws {
        let request = try CertificateRequest(for: try TestKeys.privateKey("dev_2048"), commonName: device).pem
        for length in 0..<(request.count - 1) {
            #expect(throws: EncodingError.malformed) { try CertificateRequest(pem: Array(request[..<length])) }
        }
        #expect(throws: EncodingError.tooLong(bytes: 65_537)) {
            try CertificateRequest(pem: [UInt8](repeating: 10, count: 65_537))
        }
    }

    @Test("a request with any byte changed is refused, or reads as other than a request by this key for this name")
    func changed() throws {
        let key = try TestKeys.privateKey("dev_2048")
        let request = try CertificateRequest(for: key, commonName: device).pem
        let header = Array("-----BEGIN CERTIFICATE REQUEST-----\n".utf8).count
        for place in stride(from: header, to: request.count - 36, by: 7) where request[place] != 10 {
            var bytes = request
            bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(throws: EncodingError.self, "byte \(place)") { try CertificateRequest(pem: bytes) }
        }
    }

    @Test("a request whose key is not an RSA key of 2048 bits or more is refused")
    func weak() throws {
        try TemporaryFolder.with { folder throws in
            try folder.openssl("genrsa -out weak.pem 1024")
            try folder.openssl("ecparam -name prime256v1 -genkey -noout -out ec.pem")
            let weak = try folder.openssl("req -new -key weak.pem -subj /CN=a")
            let curve = try folder.openssl("req -new -key ec.pem -subj /CN=a")
            #expect(throws: EncodingError.wrongSize(bits: 1_024)) { try CertificateRequest(pem: weak) }
            #expect(throws: EncodingError.notRSA) { try CertificateRequest(pem: curve) }
        }
    }

    @Test(
        "a subject's common name is read where it has exactly one that is printable, whatever else is in it",
        arguments: [
            ("/CN=a", "a"), ("/CN=a/CN=b", nil), ("/CN=a/O=x/CN=b", nil), ("/O=x/CN=a", "a"), ("/CN=a/O=x", "a"),
            ("/O=a", nil), ("/CN=a+OU=b", "a"), ("/CN=a+CN=b", nil), ("/C=GB/ST=S/L=T/O=U/CN=a", "a"), ("/CN=é", nil),
            ("/CN=\(String(repeating: "a", count: 64))", String(repeating: "a", count: 64)),
        ] as [(String, String?)])
    func subjects(subject: String, name: String?) throws {
        try TemporaryFolder.with { folder throws in
            let key = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            let request = try folder.openssl("req -new -utf8 -multivalue-rdn -key \(key) -subj \(subject)")
            #expect(try CertificateRequest(pem: request).commonName == name)
            let made = try folder.openssl("req -x509 -utf8 -multivalue-rdn -key \(key) -subj \(subject) -days 2")
            #expect(try Certificate(pem: made).commonName == name)
        }
    }

    @Test("a certificate shows its key, its validity and its issuer")
    func certificate() throws {
        let (own, other) = (try TestKeys.privateKey("c2_3072"), try TestKeys.privateKey("dev_2048"))
        let authority = try CertificateAuthority.make(key: own, named: "A", from: 1_000, until: 2_000)
        let namesake = try CertificateAuthority.make(key: other, named: "A", from: 1_000, until: 2_000)
        let made = try authority.certify(
            other.publicKey, named: device, for: .client, from: 1_100, until: 4_102_444_800)
        #expect(made.commonName == device)
        #expect(try made.publicKey().equals(other.publicKey))
        #expect((made.notBefore, made.notAfter) == (1_100, 4_102_444_800))
        #expect(made.isSigned(by: authority.certificate))
        #expect(!made.isSigned(by: namesake.certificate))
        #expect(!made.isSigned(by: made))
        let back = try Certificate(pem: made.pem)
        #expect(back.pem == made.pem && back.serial == made.serial && back.der == made.der)
        #expect(throws: CertificateAuthority.Fault.keyDoesNotFit) {
            try CertificateAuthority(key: other, certificate: authority.certificate)
        }
    }

    @Test("a certificate that is truncated, or for a key of another kind, is refused")
    func badCertificates() throws {
        try TemporaryFolder.with { folder throws in
            let key = try TestKeys.privateKey("dev_2048")
            let pem = try CertificateAuthority.make(key: key, named: "A", from: 0, until: 1).certificate.pem
            for length in stride(from: 0, to: pem.count - 1, by: 13) {
                #expect(throws: EncodingError.malformed) { try Certificate(pem: Array(pem[..<length])) }
            }
            try folder.openssl("ecparam -name prime256v1 -genkey -noout -out ec.pem")
            let curve = try Certificate(pem: folder.openssl("req -x509 -key ec.pem -subj /CN=a -days 2"))
            #expect(throws: EncodingError.notRSA) { try curve.publicKey() }
        }
    }

    @Test("a server's certificate is for its name or its address, and not for a client")
    func servers() throws {
        try TemporaryFolder.with { folder throws in
            let (own, other) = (try TestKeys.privateKey("c2_3072"), try TestKeys.privateKey("dev_2048"))
            let now = Int64(Date().timeIntervalSince1970)
            let authority = try CertificateAuthority.make(key: own, named: "A", from: now, until: now + 900)
            try folder.write(Data(authority.certificate.pem), to: "ca.pem")
            for (host, check) in [("b.example", "-verify_hostname b.example"), ("::1", "-verify_ip ::1")] {
                let made = try authority.certify(
                    other.publicKey, named: host, for: .server(host: host), from: now, until: now + 900)
                try folder.write(Data(made.pem), to: "made.pem")
                try folder.openssl("verify -CAfile ca.pem -purpose sslserver -x509_strict \(check) made.pem")
                for wrong in ["-purpose sslclient", "-verify_hostname c.example", "-verify_ip 127.0.0.2"] {
                    #expect(throws: VectorFault.self) { try folder.openssl("verify -CAfile ca.pem \(wrong) made.pem") }
                }
            }
        }
    }

    @Test("a revocation list has its number and the revoked certificates; the CA's other certificates stay valid")
    func revocations() throws {
        try TemporaryFolder.with { folder throws in
            let (own, other) = (try TestKeys.privateKey("c2_3072"), try TestKeys.privateKey("dev_2048"))
            let now = Int64(Date().timeIntervalSince1970)
            let authority = try CertificateAuthority.make(key: own, named: "A", from: now, until: now + 900)
            try folder.write(Data(authority.certificate.pem), to: "ca.pem")
            let made = try (0..<3).map { _ in
                try authority.certify(other.publicKey, named: device, for: .client, from: now, until: now + 900)
            }
            #expect(Set(made.map(\.serial)).count == 3)
            let list = try authority.revocationList(
                of: [.init(serial: made[1].serial, time: now)], number: 7, from: now, until: now + 900)
            try folder.write(Data(list), to: "crl.pem")
            let shown = try openssl(folder, "crl -in crl.pem -CAfile ca.pem -noout -crlnumber")
            #expect(shown.contains("0x07") || shown.contains("=07"))
            for (number, certificate) in made.enumerated() {
                try folder.write(Data(certificate.pem), to: "made.pem")
                let check = "verify -x509_strict -CAfile ca.pem -CRLfile crl.pem -crl_check made.pem"
                if number == 1 {
                    #expect(throws: VectorFault.self) { try folder.openssl(check) }
                } else {
                    try folder.openssl(check)
                }
            }
        }
    }
}
