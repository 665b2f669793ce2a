import Foundation
import Keys
import OperatorText
import SRUP
import TestVectors
import Testing

@testable import Bench
@testable import Registration

@Suite("The registry's folder")
struct RegistryFolderTests {
    private func expectFault(_ part: String, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("no fault, wanted \"\(part)\"")
        } catch let fault as any OperatorError {
            #expect(fault.message.contains(part) || fault.hint(for: .bench).contains(part), "\(fault)")
        } catch { Issue.record("\(error)") }
    }

    private func open(_ path: String, _ passphrase: Passphrase? = nil) throws {
        _ = try Registry(
            in: RegistryFolder(existing: path), policy: RegistryPolicy(), passphrase: passphrase
        ) { _ in }
    }

    @Test("is for its owner only, and so is everything secret in it; the CA is for end certificates only")
    func made() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("registry")
            try RegistryFixture.plan(path).make(passphrase: nil)
            func mode(_ name: String) throws -> Int? {
                try FileManager.default.attributesOfItem(atPath: path + name)[.posixPermissions] as? Int
            }
            #expect(try mode("") == 0o700)
            for name in ["identity.key.pem", "ca.key.pem", "https.key.pem", "broker.key.pem", "registry.sqlite"] {
                #expect(try mode("/" + name) == 0o600, "\(name)")
            }
            let shown = try folder.openssl("x509 -in registry/ca.pem -noout -text -ext basicConstraints,keyUsage")
            let text = String(decoding: shown, as: UTF8.self)
            for part in ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "3072 bit"] {
                #expect(text.contains(part), "\(part)")
            }
            for server in ["https", "broker"] {
                try folder.openssl(
                    "verify -CAfile registry/ca.pem -purpose sslserver -verify_hostname localhost"
                        + " registry/\(server).cert.pem")
            }
            try open(path)
            #expect(throws: OperatorFault.self, "nothing is overwritten") {
                try RegistryFixture.plan(path).make(passphrase: nil)
            }
        }
    }

    @Test("with a passphrase, the CA's key is encrypted, and opens with that one only")
    func passphrase() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("registry")
            func passphrase(_ text: String) throws -> Passphrase? {
                try Passphrase.read(file: folder.write(Data(text.utf8), to: "passphrase"))
            }
            #expect(try passphrase("too short\nlong enough but no first line") == nil)
            try RegistryFixture.plan(path).make(passphrase: passphrase("a long passphrase\n"))
            let pem = try String(contentsOfFile: path + "/ca.key.pem", encoding: .utf8)
            #expect(pem.hasPrefix("-----BEGIN ENCRYPTED PRIVATE KEY-----"))
            try open(path, try passphrase("a long passphrase"))
            for wrong in [nil, try passphrase("another passphrase")] {
                expectFault("--ca-passphrase") { try open(path, wrong) }
            }
        }
    }

    @Test("that others can read, or whose keys they can read, is refused")
    func exposed() throws {
        try RegistryFixture.with { fixture throws in
            let path = fixture.folder.url.path
            for name in ["ca.key.pem", "identity.key.pem", "registry.sqlite"] {
                try fixture.folder.set(mode: 0o640, of: name)
                expectFault("chmod 0600") { try open(path) }
                try fixture.folder.set(mode: 0o600, of: name)
            }
            try open(path)
            chmod(path, 0o750)
            expectFault("chmod 0700") { try open(path) }
            chmod(path, 0o700)
        }
    }

    @Test("without a registry, or with parts of two, is refused")
    func foreign() throws {
        try TemporaryFolder.with { folder in
            expectFault("registry init") { try open(folder.url.path) }
            expectFault("does not exist") { try open(folder.path("nowhere")) }
        }
        try RegistryFixture.with { fixture throws in
            _ = try fixture.folder.privateCopy(of: TestKeys.file("wrong_2048.pkcs8"), as: "ca.key.pem")
            expectFault("not the key") { try open(fixture.folder.url.path) }
        }
    }

    @Test(
        "is not made for an invalid host or broker",
        arguments: [
            ("local host", "mqtts://b"), ("a,DNS:b", "mqtts://b"), ("", "mqtts://b"), ("a", "https://b"),
            ("a", "mqtts://"), ("a", "mqtts://b:0"), ("a", "mqtts://b:x"), ("a", "mqtts://b/c"), ("a", "b:8883"),
            ("a", "mqtts://b:+8883"), ("a", "mqtts://ho]st"), ("a", "mqtts://[b]:8883"), ("a", "mqtts://::1"),
            ("[::1]", "mqtts://b"), ("1:2", "mqtts://b"),
        ])
    func names(host: String, broker: String) {
        #expect(throws: OperatorFault.self) {
            try RegistryPlan(folder: "/nowhere", host: host, broker: broker, c2: RegistryFixture.c2, c2KeyFile: "x")
        }
    }

    @Test(
        "distinguishes the broker's host from its port",
        arguments: ["mqtts://b", "mqtt://b:1883", "mqtts://[::1]:8883"])
    func broker(url: String) throws {
        let host = try BrokerURL(url).host
        #expect(["b", "::1"].contains(host))
    }

    @Test("of a newer program is left alone")
    func newer() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.registry.store.database.script("PRAGMA user_version = 99")
            expectFault("newer") { try open(fixture.folder.url.path) }
        }
    }

    @Test("of the version before is used, and its tokens count")
    func older() throws {
        try RegistryFixture.with { fixture throws in
            let token = try fixture.token(.enrol, uses: 1)
            try fixture.registry.store.database.script(
                "ALTER TABLE tokens DROP COLUMN label; ALTER TABLE tokens DROP COLUMN used; DROP TABLE former_keys;"
                    + " ALTER TABLE tokens DROP COLUMN identity; ALTER TABLE identities DROP COLUMN rekeyed;"
                    + " ALTER TABLE certificates DROP COLUMN authority; ALTER TABLE certificates DROP COLUMN newest;"
                    + " DROP TABLE authorities;"
                    + ["name", "site", "position"].map { " ALTER TABLE tokens DROP COLUMN \($0);" }.joined()
                    + ["name", "site", "position", "token", "token_label"].map {
                        " ALTER TABLE identities DROP COLUMN \($0);"
                    }.joined() + " PRAGMA user_version = 1")
            var policy = RegistryPolicy()
            policy.needsToken = true
            let again = try RegistryFixture(fixture.folder, policy)
            #expect(again.register().status == 403)
            #expect(again.register(token: token).status == 201)
            let left = try #require(try again.admin.tokens().first)
            #expect(left.used == 1 && left.usesLeft == 0)
        }
    }

    @Test("is listed by commands while the service has it open")
    func listed() throws {
        try RegistryFixture.with { fixture throws in
            try fixture.enrol()
            #expect(try fixture.access().status == 200)
            let admin = try RegistryAdmin(RegistryFolder(existing: fixture.folder.url.path), clock: fixture.clock.clock)
            let entry = try #require(try admin.entries().first)
            #expect(entry.identity == Roles.device.id)
            #expect(entry.type == "thing")
            #expect(entry.validated != nil && entry.revoked == nil && entry.certifiedUntil != nil)
        }
    }
}
