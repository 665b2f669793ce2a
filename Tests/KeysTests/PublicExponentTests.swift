import Foundation
import TestVectors
import Testing

@testable import Keys

@Suite("The public exponent of an RSA key", .serialized)
struct PublicExponentTests {
    /// A key with this exponent, made by openssl: the private key in `key.pem`, the public key in `public.pem`.
    private func with(_ exponent: String, _ body: (TemporaryFolder) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            try folder.openssl(
                "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:\(exponent) -out key.pem"
            )
            try folder.openssl("pkey -in key.pem -pubout -out public.pem")
            try folder.set(mode: 0o600, of: "key.pem")
            try body(folder)
        }
    }

    @Test("may have up to 64 bits", arguments: ["3", "65537", "18446744073709551557"])
    func usable(exponent: String) throws {
        try with(exponent) { folder in
            let path = folder.path("public.pem")
            let key = try PublicKey(pemFile: path)
            #expect(try PublicKey(der: key.der).equals(key))
            _ = try IdentityKey(pemFile: folder.path("key.pem"))
        }
    }

    @Test(
        "with more bits is refused, in files and from outside, also in a certificate and in its issuer's",
        arguments: [
            "18446744073709551629", "340282366920938463463374607431768211507",
        ])
    func tooLong(exponent: String) throws {
        try with(exponent) { folder in
            for (name, isPrivate) in [("public.pem", false), ("key.pem", true)] {
                let path = folder.path(name)
                #expect(throws: KeyError.wrongExponent(path: path)) {
                    if isPrivate { _ = try IdentityKey(pemFile: path) } else { _ = try PublicKey(pemFile: path) }
                }
            }
            let pem = Array(try Data(contentsOf: URL(filePath: folder.path("public.pem"))))
            let der = try folder.openssl("pkey -pubin -in public.pem -outform DER")
            #expect(throws: EncodingError.wrongExponent) { try PublicKey(pem: pem) }
            #expect(throws: EncodingError.wrongExponent) { try PublicKey(der: der) }
            let certificate = try Certificate(
                pem: folder.openssl("req -x509 -key key.pem -subj /CN=x -days 2 -config /etc/ssl/openssl.cnf"))
            #expect(throws: EncodingError.wrongExponent) { try certificate.publicKey() }
            #expect(!certificate.isSigned(by: certificate))
            let request = try folder.openssl("req -new -key key.pem -subj /CN=x -config /etc/ssl/openssl.cnf")
            #expect(throws: EncodingError.wrongExponent) { try CertificateRequest(pem: request) }
        }
    }

    @Test("is odd, and not 1")
    func parity() throws {
        // The key ends with 02 03 01 00 01, its exponent.
        let key = try TestKeys.publicKey("dev_2048")
        for last: [UInt8] in [[1, 0, 0], [0, 0, 1], [1, 0, 2]] {
            var other = key.der
            other.replaceSubrange(other.count - 3..<other.count, with: last)
            #expect(throws: EncodingError.self, "\(last)") { try PublicKey(der: other) }
            try TemporaryFolder.with { folder in
                try folder.write(Data(other), to: "key.der")
                guard let pem = try? folder.openssl("pkey -pubin -inform DER -in key.der") else { return }
                let path = try folder.write(Data(pem), to: "public.pem")
                #expect(throws: KeyError.self, "\(last)") { try PublicKey(pemFile: path) }
            }
        }
    }
}
