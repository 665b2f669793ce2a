import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@testable import Keys

/// A SoftHSM token and a swtpm, for the whole process: OpenSSL's engine and provider read their settings only once.
private enum Bench {
    nonisolated(unsafe) static let token = try? SoftToken()
    nonisolated(unsafe) static let tpm = try? SoftTPM()

    private static let endsWithUs: Void = {
        ProcessEnd.run {
            Bench.tpm?.discard()
            Bench.token?.vanish()
        }
    }()

    static func open() throws -> (token: SoftToken, tpm: SoftTPM) {
        let (token, tpm) = (try #require(token), try #require(tpm))
        endsWithUs
        for (name, value) in token.environment.merging(tpm.environment, uniquingKeysWith: { $1 }) {
            setenv(name, value, 1)
        }
        return (token, tpm)
    }
}

@Suite("Keys in hardware", .blocking, .serialized)
struct HardwareKeyTests {
    private let message = Array("what a server is told".utf8)

    /// Signs, proves and opens as the same key in memory would.
    private func works(_ key: IdentityKey, as publicKey: PublicKey) throws {
        #expect(key.publicKey.equals(publicKey))
        let signature = try key.signature(over: [message[..<4], message[4...]])
        #expect(publicKey.verifies(signature[...], over: [message[...]]))
        let secret = Secret.random()
        #expect(try key.unseal(publicKey.seal(secret)) == secret)
        #expect(throws: UnsealingError.seal) {
            var torn = try publicKey.seal(secret)
            torn[40] ^= 1
            _ = try key.unseal(torn)
        }
        let proof = try key.pssSignature(over: message)
        try TemporaryFolder.with { folder in
            try publicKey.write(pemFile: folder.path("pub.pem"))
            try Data(proof).write(to: folder.url.appending(path: "proof"))
            try Data(message).write(to: folder.url.appending(path: "message"))
            // The reference's service accepts only the longest salt; a TPM uses one of the digest's length.
            let salt = key.home == .token ? "max" : "32"
            try Network.run(
                "/usr/bin/openssl",
                [
                    "dgst", "-sha256", "-verify", folder.path("pub.pem"), "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                    "rsa_pss_saltlen:\(salt)", "-signature", folder.path("proof"), folder.path("message"),
                ])
        }
    }

    @Test("a key in a PKCS#11 token signs, proves and opens, with its PIN in a file or in the line itself")
    func token() throws {
        let token = try Bench.open().token
        try TemporaryFolder.with { folder in
            let original = try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8"))
            let uri = try token.take(keyFile: original, as: "identity")
            let path = folder.path("identity.key.pem")
            try "\(SoftToken.pin)\n".writePrivately(to: folder.path("pin"))
            let publicKey = try IdentityKey(pemFile: original).publicKey
            for query in [
                "?pin-source=file:\(folder.path("pin"))", "?pin-source=\(folder.path("pin"))",
                "?pin-value=%32\(SoftToken.pin.dropFirst())&module-path=/usr/lib/softhsm/libsofthsm2.so",
            ] {
                try "\(uri)\(query)\n".writePrivately(to: path)
                let key = try IdentityKey(pemFile: path)
                #expect(key.home == .token)
                try works(key, as: publicKey)
            }
        }
    }

    @Test("a token that refuses, a PIN that others can read and an invalid line are reported without the PIN")
    func tokenFaults() throws {
        let token = try Bench.open().token
        try TemporaryFolder.with { folder in
            let uri = try token.take(
                keyFile: try folder.privateCopy(of: TestKeys.file("dev_2048.pkcs8")), as: "second", id: "A2")
            let path = folder.path("identity.key.pem")
            func fault(_ line: String) throws -> KeyError? {
                try line.writePrivately(to: path)
                do { _ = try IdentityKey(pemFile: path) } catch let error as KeyError { return error }
                return nil
            }
            // A wrong PIN needs a process that has not logged in yet: see SystemTests.
            let found = try #require(try fault("\(uri.replacing("second", with: "none"))?pin-value=\(SoftToken.pin)"))
            #expect(!found.message.contains(SoftToken.pin))
            #expect(found == .notInToken(path: path) && !found.isNotToBeRepeated, "it may be plugged in a moment later")
            let pin = folder.path("pin")
            #expect(try fault("\(uri)?pin-source=\(pin)") == .pinFile(.missing(path: pin), of: path))
            try "\n".writePrivately(to: pin)
            #expect(try fault("\(uri)?pin-source=\(pin)") == .pinFile(.emptyPIN(path: pin), of: path))
            try SoftToken.pin.writePrivately(to: pin)
            chmod(pin, 0o644)
            #expect(try fault("\(uri)?pin-source=\(pin)") == .pinFile(.exposed(path: pin, mode: 0o644), of: path))
            for line in [
                uri, "\(uri)?pin-value=", "\(uri);pin-value=1", "\(uri);pin-source=/x?pin-value=1",
                "\(uri)?pin-source=relative", "\(uri)?pin-source=|echo", "\(uri)?slot=1", "\(uri)?pin-value",
                "\(uri)?pin-value=%zz", "\(uri)\nmore", "\(uri)?pin-value=1&pin-source=/x", "handle:0x80000001",
                "handle:0x81000001/../x",
            ] {
                guard case .badLine? = try fault(line) else {
                    Issue.record("\"\(line)\" was taken for a key")
                    continue
                }
            }
            chmod(path, 0o640)
            #expect(throws: KeyError.exposed(path: path, mode: 0o640)) { try IdentityKey(pemFile: path) }
        }
    }

    @Test("a key that a TPM has made signs, proves and opens; its file alone is of no use")
    func wrapped() throws {
        let tpm = try Bench.open().tpm
        try TemporaryFolder.with { folder in
            let path = folder.path("identity.key.pem")
            let publicKey = try {
                let made = try IdentityKey.makeInTPM(bits: 2_048)
                try made.write(pemFile: path)
                return made.publicKey
            }()
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.hasPrefix("-----BEGIN TSS2 PRIVATE KEY-----"))
            try works(try IdentityKey(pemFile: path), as: publicKey)
            let copy = folder.path("copy.pem")
            try IdentityKey.copyFile(path, to: copy)
            #expect(try IdentityKey(pemFile: copy).publicKey.equals(publicKey))

            try text.replacing("A", with: "B").writePrivately(to: copy)
            #expect(throws: KeyError.self) { try IdentityKey(pemFile: copy) }
            // A key of another TPM, as after a theft of the disk.
            _ = tpm
            let other = try SoftTPM()
            let (program, environment) = ("/usr/bin/openssl", other.environment)
            let output = folder.path("output")
            let thief = try Child(
                program,
                [
                    "pkeyutl", "-provider", "tpm2", "-provider", "default", "-propquery", "?provider=tpm2", "-sign",
                    "-inkey",
                    path, "-in", output, "-out", "/dev/null",
                ], output: output, environment: environment)
            #expect(thief.wait() != 0)
        }
    }

    @Test("a key that stays in a TPM is named by its handle; a missing one is reported")
    func handle() throws {
        let tpm = try Bench.open().tpm
        try TemporaryFolder.with { folder in
            func tool(_ line: String) throws {
                let words =
                    tpm.environment.map { "\($0.key)=\($0.value)" } + line.split(separator: " ").map(String.init)
                try Network.run("/usr/bin/env", words)
            }
            let path = folder.path("identity.key.pem")
            try tool("tpm2_createprimary -Q -C o -c \(folder.path("primary"))")
            try tool(
                "tpm2_create -Q -C \(folder.path("primary")) -G rsa2048 -a fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|decrypt"
                    + " -u \(folder.path("u")) -r \(folder.path("r")) -c \(folder.path("key"))")
            try tool("tpm2_flushcontext -t")
            try tool("tpm2_evictcontrol -Q -C o -c \(folder.path("key")) 0x81010001")
            try tool("tpm2_flushcontext -t")
            try tool("tpm2_readpublic -Q -c 0x81010001 -f pem -o \(folder.path("pub.pem"))")
            try "handle:0x81010001\n".writePrivately(to: path)
            let key = try IdentityKey(pemFile: path)
            #expect(key.home == .tpm)
            try works(key, as: try PublicKey(pemFile: folder.path("pub.pem")))

            try "handle:0x81010009".writePrivately(to: path)
            do {
                _ = try IdentityKey(pemFile: path)
                Issue.record("a key that is not there was taken")
            } catch KeyError.notThisTPM(path, .tpm, _) {}
        }
    }

    @Test("a key that a TPM had wrapped before it was cleared is not a key of this TPM any more")
    func cleared() throws {
        let tpm = try Bench.open().tpm
        try TemporaryFolder.with { folder in
            let path = folder.path("identity.key.pem")
            try IdentityKey.makeInTPM(bits: 2_048).write(pemFile: path)
            let words = tpm.environment.map { "\($0.key)=\($0.value)" }
            try Network.run("/usr/bin/env", words + ["tpm2_clear"])
            do {
                _ = try IdentityKey(pemFile: path)
                Issue.record("a key from before the TPM was cleared was taken")
            } catch let error as KeyError {
                guard case .notThisTPM(path, .wrapped, _) = error else { throw error }
                #expect(error.hint(for: .beacon).contains("Replacing a machine"))
            }
        }
    }
}
