import Foundation
import TestVectors
import Testing

@testable import Keys

@Suite("A key file that holds something else")
struct OtherContentTests {
    private func found(_ path: String, isPrivate: Bool) -> KeyError? {
        do {
            if isPrivate { _ = try IdentityKey(pemFile: path) } else { _ = try PublicKey(pemFile: path) }
        } catch { return error as? KeyError }
        return nil
    }

    @Test("is reported as what it is: a public key as the private one, a private key as the public one, a certificate")
    func kinds() throws {
        try TemporaryFolder.with { files in
            let key = try files.privateCopy(of: TestKeys.file("obs_2048.pkcs1"), as: "own.pem")
            try files.openssl("pkey -in own.pem -pubout -out public.pem")
            try files.openssl("pkey -in own.pem -aes256 -passout pass:secret-secret -out pkcs8.pem")
            try files.openssl("rsa -in own.pem -traditional -aes256 -passout pass:secret-secret -out traditional.pem")
            try files.openssl("req -x509 -key own.pem -subj /CN=a -days 9 -out certificate.pem")
            for name in ["public", "pkcs8", "traditional", "certificate"] {
                try files.set(mode: 0o600, of: name + ".pem")
            }
            let wanted: [(String, Bool, KeyContent)] = [
                ("public", true, .publicKey), ("pkcs8", true, .encryptedKey), ("traditional", true, .encryptedKey),
                ("certificate", true, .certificate), ("own", false, .privateKey), ("pkcs8", false, .encryptedKey),
                ("certificate", false, .certificate),
            ]
            for (name, isPrivate, content) in wanted {
                let path = files.path(name + ".pem")
                let error = KeyError.otherContent(path: path, found: content, wantsPrivate: isPrivate)
                #expect(found(path, isPrivate: isPrivate) == error, "\(name)")
                #expect(OperatorTextRules.broken(by: error) == [])
            }
            #expect(found(key, isPrivate: true) == nil && found(files.path("public.pem"), isPrivate: false) == nil)
            let error = KeyError.otherContent(path: key, found: .publicKey, wantsPrivate: true)
            #expect(error.message == "\(key) holds a public key, and a private key without a passphrase is wanted")
        }
    }

    @Test(
        "is not a key where its kind is the right one, or nothing says which it is",
        arguments: [
            "", "text", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "-----BEGIN SOMETHING-----\nAAAA\n-----END SOMETHING-----\n",
        ])
    func unknown(text: String) throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data(text.utf8), to: "own.pem", mode: 0o600)
            #expect(found(path, isPrivate: true) == .notAKey(path: path))
        }
    }
}
