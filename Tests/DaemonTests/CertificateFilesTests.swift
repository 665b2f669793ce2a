import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Daemon

@Suite("The certificates of a configuration's files", .blocking)
struct CertificateFilesTests {
    private static let client = "basicConstraints=CA:false"
    /// Later than what a test makes, by any clock's seconds.
    private static var now: Int64 { wallSeconds() + 60 }

    /// What is found where our certificate's file, or another one, holds these certificates.
    private func findings(
        _ files: BeaconFiles, _ section: String, _ key: String, _ certificates: [String], at now: Int64 = Self.now
    ) throws -> [CertificateFinding] {
        let chain = ChainFixture(folder: files.folder)
        try chain.write(certificates, to: "under-test.pem")
        try files.folder.set(mode: 0o644, of: "under-test.pem")
        let file = try files.configuration([section: [key: files.folder.path("under-test.pem")]])
        let findings = try Configuration(file: file).certificateFindings(at: now)
        #expect(findings.allSatisfy { OperatorTextRules.broken(by: $0.fault).allSatisfy { $0.contains("capital") } })
        return findings
    }

    private func expect(
        _ findings: [CertificateFinding], _ wanted: [(isBad: Bool, message: String, hint: String)],
        _ location: SourceLocation = #_sourceLocation
    ) {
        let shown = findings.map { "\($0.isBad) \($0.message); \($0.hint)" }
        #expect(findings.count == wanted.count, "\(shown)", sourceLocation: location)
        for (finding, one) in zip(findings, wanted) {
            #expect(
                finding.isBad == one.isBad && finding.message.contains(one.message) && finding.hint.contains(one.hint),
                "\(shown)", sourceLocation: location)
        }
    }

    private func withChain(_ body: (BeaconFiles, ChainFixture) throws -> Void) throws {
        try BeaconFiles.with { files in
            let chain = ChainFixture(folder: files.folder)
            try chain.make("root", by: nil, ChainFixture.authority)
            try body(files, chain)
        }
    }

    @Test("our own: another node's is refused, and any other name is reported")
    func names() throws {
        try withChain { files, chain in
            for (name, wanted) in [
                ("bea0000000000001", nil), ("BEA0000000000001", (false, "is for \"BEA0000000000001\"", "CN = bea0")),
                ("gate", (false, "is for \"gate\", and not for our identity", "access list")),
                ("c2", (true, "another node's, c2, and this beacon is bea0000000000001", "[beacon] identity")),
            ] as [(String, (Bool, String, String)?)] {
                try chain.make("own-\(name)", named: name, by: "root", Self.client)
                let found = try findings(files, "broker", "certificate", ["own-\(name)"])
                expect(found, wanted.map { [$0] } ?? [])
            }
        }
    }

    @Test("another node's client certificate keeps a beacon from starting, and a configuration from being valid")
    func anotherNode() throws {
        try BeaconFiles.with { files in
            try files.folder.openssl("req -new -key tls.key -subj /CN=c2 -out request")
            try files.folder.openssl("x509 -req -in request -CA ca.pem -CAkey ca.key -days 30 -out cert.pem")
            let file = try files.configuration()
            let refused = #expect(throws: OperatorFault.self) { try DaemonProcess.check(file) }
            #expect(refused?.message.contains("cert.pem: the client certificate is another node's, c2") == true)
            #expect(throws: OperatorFault.self) { try KeyMaterial(try Configuration(file: file), from: file) }
        }
    }

    @Test("our own: its times, its purpose, and the order of what goes with it")
    func own() throws {
        try withChain { files, chain in
            let name = "bea0000000000001"
            try chain.make("issuing", by: "root", ChainFixture.authority)
            try chain.make("own", named: name, by: "issuing", Self.client)
            try chain.make("old", named: name, by: "root", Self.client, .past)
            try chain.make("early", named: name, by: "root", Self.client, .future)
            try chain.make("server", named: name, by: "root", Self.client + "\nextendedKeyUsage=serverAuth")
            func found(_ certificates: [String], at now: Int64 = Self.now) throws -> [CertificateFinding] {
                try findings(files, "broker", "certificate", certificates, at: now)
            }
            expect(try found(["own", "issuing", "root"]), [])
            expect(
                try found(["own", "root", "issuing"]),
                [(false, "\"CN = root\" stands after", "first"), (false, "\"CN = issuing\" stands after", "first")])
            expect(try found(["old"]), [(true, "expired on 2021-01-01T00:00:00Z", "srup-beacon renew")])
            expect(try found(["early"]), [(true, "is not valid before 2048-01-01T00:00:00Z", "clock")])
            expect(try found(["server"]), [(true, "is not for TLS clients", "clientAuth")])
            let end: Int64 = 2_493_072_000  // 2049-01-01
            let soon = try found(["own", "root"], at: end - 6 * 86_400)
            #expect(soon.contains { !$0.isBad && $0.message.contains("expires soon, on 2049-01-01T00:00:00Z") })
        }
    }

    @Test(
        "a CA file: what is not a CA's is bad, and an expired CA is where no other one is valid",
        arguments: ["broker", "update"])
    func authorities(section: String) throws {
        try withChain { files, chain in
            try chain.make("old", by: nil, ChainFixture.authority, .past)
            try chain.make("early", by: nil, ChainFixture.authority, .future)
            try chain.make("leaf", by: "root", Self.client)
            func found(_ certificates: [String]) throws -> [CertificateFinding] {
                try findings(files, section, "ca", certificates)
            }
            expect(try found(["root"]), [])
            expect(try found(["old", "root"]), [(false, "\"CN = old\" expired on 2021-01-01", "[\(section)] ca")])
            expect(
                try found(["old", "early"]),
                [
                    (true, "\"CN = old\" expired on", "[\(section)] ca"),
                    (true, "\"CN = early\" is not valid before", "clock"),
                ])
            expect(try found(["root", "leaf"]), [(true, "\"CN = leaf\" is not a CA's", "the CA that issued it")])
            let none = try files.folder.write(Data("none\n".utf8), to: "none.pem", mode: 0o644)
            let empty = try Configuration(file: try files.configuration([section: ["ca": none]]))
            expect(empty.certificateFindings(at: Self.now), [(true, "it holds no certificate", "PEM")])
        }
    }

    @Test("the CA of the registration service, where an enrolment keeps one")
    func registry() throws {
        try withChain { files, chain in
            let keys = files.folder.path("keys")
            try FileManager.default.createDirectory(atPath: keys + "/access", withIntermediateDirectories: true)
            try chain.make("old", by: nil, ChainFixture.authority, .past)
            for (source, name) in [
                ("identity.pem", "identity.key.pem"), ("ca.pem", "access/ca.pem"),
                ("cert.pem", "access/certificate.pem"),
                ("tls.key", "access/key.pem"), ("old.pem", "service-ca.pem"),
            ] { try FileManager.default.copyItem(atPath: files.folder.path(source), toPath: "\(keys)/\(name)") }
            try Data("{}".utf8).write(to: URL(filePath: keys + "/enrolment.json"))
            let file = try files.configuration([
                "beacon": ["key": keys + "/identity.key.pem"],
                "broker": [
                    "ca": keys + "/access/ca.pem", "certificate": keys + "/access/certificate.pem",
                    "key": keys + "/access/key.pem",
                ],
            ])
            let found = try Configuration(file: file).findings(in: .registry(keys + "/service-ca.pem"), at: Self.now)
            expect(found, [(true, "\"CN = old\" expired on", "srup-beacon renew --ca FILE")])
            #expect(try Configuration(file: file).certificateFiles.last == .registry(keys + "/service-ca.pem"))
        }
    }

    @Test(
        "what the clock says of a certificate is a warning of the check, with its file, and keeps no beacon from starting"
    )
    func clock() throws {
        try BeaconFiles.with { files in
            let chain = ChainFixture(folder: files.folder)
            try chain.make("expired", by: nil, ChainFixture.authority, .past)
            try files.folder.set(mode: 0o644, of: "expired.pem")
            let file = try files.configuration(["broker": ["ca": files.folder.path("expired.pem")]])
            let warnings = try DaemonProcess.check(file)
            #expect(warnings.map(\.message).count == 1)
            #expect(
                warnings.first?.message.hasPrefix(files.folder.path("expired.pem") + ": \"CN = expired\" expired on")
                    == true)
            _ = try KeyMaterial(try Configuration(file: file), from: file)
        }
    }
}
