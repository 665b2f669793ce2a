import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@Suite("The contents of a key file", .serialized)
struct KeyContentTests {
    @Test("a truncated private key is refused", arguments: TestKeys.Form.allCases)
    func truncated(form: TestKeys.Form) throws {
        let pem = try Data(contentsOf: TestKeys.file("dev_2048.\(form.rawValue)"))
        try TemporaryFolder.with { folder in
            for length in [0, 1, 27, 28, 64, 512, pem.count / 2, pem.count - 40] {
                let path = try folder.write(pem.prefix(length), to: "cut.pem")
                #expect(throws: KeyError.notAKey(path: path), "\(length)") { try IdentityKey(pemFile: path) }
            }
        }
    }

    @Test("a truncated public key is refused")
    func truncatedPublic() throws {
        let pem = try Data(contentsOf: TestKeys.file("dev_2048.pub"))
        try TemporaryFolder.with { folder in
            for length in [0, 1, 27, 100, pem.count - 40] {
                let path = try folder.write(pem.prefix(length), to: "cut.pem")
                #expect(throws: KeyError.notAKey(path: path), "\(length)") { try PublicKey(pemFile: path) }
            }
        }
    }

    @Test("noise is not a key")
    func noise() throws {
        var random = Seeded(7)
        try TemporaryFolder.with { folder in
            for count in [1, 100, 65_536] {
                let path = try folder.write(Data(random.bytes(count)), to: "noise.pem")
                #expect(throws: KeyError.notAKey(path: path)) { try IdentityKey(pemFile: path) }
                #expect(throws: KeyError.notAKey(path: path)) { try PublicKey(pemFile: path) }
            }
        }
    }

    @Test("a public key is not a private key, and a private key is not a public one")
    func swapped() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.privateCopy(of: TestKeys.file("dev_2048.pub"))
            let error = KeyError.otherContent(path: path, found: .publicKey, wantsPrivate: true)
            #expect(throws: error) { try IdentityKey(pemFile: path) }
            for form in TestKeys.Form.allCases {
                let path = try folder.privateCopy(of: TestKeys.file("dev_2048.\(form.rawValue)"))
                let error = KeyError.otherContent(path: path, found: .privateKey, wantsPrivate: false)
                #expect(throws: error) { try PublicKey(pemFile: path) }
            }
        }
    }

    @Test(
        "a key of another kind is not RSA",
        arguments: ["EC -pkeyopt ec_paramgen_curve:P-256", "ED25519", "RSA-PSS -pkeyopt rsa_keygen_bits:2048"])
    func notRSA(kind: String) throws {
        try TemporaryFolder.with { folder in
            try folder.openssl("genpkey -algorithm \(kind) -out other.pem")
            try folder.openssl("pkey -in other.pem -pubout -out public.pem")
            let path = try folder.set(mode: 0o600, of: "other.pem")
            #expect(throws: KeyError.notRSA(path: path)) { try IdentityKey(pemFile: path) }
            let publicPath = folder.path("public.pem")
            #expect(throws: KeyError.notRSA(path: publicPath)) { try PublicKey(pemFile: publicPath) }
        }
    }

    @Test("an RSA key of fewer than 2,048 bits is too small", arguments: [1_024, 2_040])
    func tooSmall(bits: Int) throws {
        try TemporaryFolder.with { folder in
            try folder.openssl("genrsa -out small.pem \(bits)")
            try folder.openssl("rsa -in small.pem -pubout -out public.pem")
            let path = try folder.set(mode: 0o600, of: "small.pem")
            #expect(throws: KeyError.wrongSize(path: path, bits: bits)) { try IdentityKey(pemFile: path) }
            let publicPath = folder.path("public.pem")
            #expect(throws: KeyError.wrongSize(path: publicPath, bits: bits)) { try PublicKey(pemFile: publicPath) }
        }
    }

    @Test(
        "a key with a passphrase is refused, without asking for the passphrase",
        arguments: [
            "rsa -traditional -aes256 -passout pass:words -in KEY -out locked.pem",
            "pkcs8 -topk8 -passout pass:words -in KEY -out locked.pem",
        ])
    func passphrase(command: String) throws {
        try TemporaryFolder.with { folder in
            let source = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            try folder.openssl(command.replacing("KEY", with: source))
            let path = try folder.set(mode: 0o600, of: "locked.pem")
            try Prompt.expectNone {
                func error(_ wantsPrivate: Bool) -> KeyError {
                    .otherContent(path: path, found: .encryptedKey, wantsPrivate: wantsPrivate)
                }
                #expect(throws: error(true)) { try IdentityKey(pemFile: path) }
                #expect(throws: error(false)) { try PublicKey(pemFile: path) }
            }
        }
    }

    /// Regression: OpenSSL's own callback asked at the terminal, so a keyring file could stop the daemon.
    @Test("a public key that claims to be encrypted is refused, without asking for a passphrase")
    func encryptedPublic() throws {
        try TemporaryFolder.with { folder in
            var lines = try String(contentsOf: TestKeys.file("dev_2048.pub"), encoding: .utf8).split(separator: "\n")
            let header = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n"
            lines.insert(Substring(header), at: 1)
            let path = try folder.write(Data(lines.joined(separator: "\n").utf8 + [10]), to: "locked.pem")
            try Prompt.expectNone {
                #expect(throws: KeyError.notAKey(path: path)) { try PublicKey(pemFile: path) }
            }
        }
    }
}

/// A stand-in for a person at the terminal.
private enum Prompt {
    /// Does the work with the passphrase waiting on standard input, and expects that nobody has read it. OpenSSL asks
    /// the terminal, and standard input where there is none.
    static func expectNone(_ work: () throws -> Void) throws {
        let words = Pipe()
        try words.fileHandleForWriting.write(contentsOf: Data("words\nwords\n".utf8))
        let before = dup(STDIN_FILENO)
        dup2(words.fileHandleForReading.fileDescriptor, STDIN_FILENO)
        defer {
            if before >= 0 { dup2(before, STDIN_FILENO) } else { close(STDIN_FILENO) }
            close(before)
        }
        try work()
        var waiting = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 0) == 1)
    }
}
