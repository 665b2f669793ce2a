import Foundation
import Glibc
import Keys
import OperatorText
import TestVectors
import Testing

@testable import Daemon
@testable import Operating

@Suite("What the doctor finds in a beacon's files", .blocking)
struct DoctorFileTests {
    private func examine(
        _ files: BeaconFiles, _ changes: [String: [String: String]] = [:],
        _ part: (Doctor, Configuration) -> [CheckResult]
    ) throws -> [CheckResult] {
        let file = try files.configuration(changes)
        let doctor = Doctor(configurationFile: file, visits: false) { _ in }
        return part(doctor, try Configuration(file: file))
    }

    private func bad(_ findings: [CheckResult]) -> [String] {
        #expect(findings.allSatisfy { $0.verdict != .bad || $0.hint?.isEmpty == false })
        return findings.filter { $0.verdict == .bad }.map(\.check)
    }

    private func expectBad(
        _ checks: [String], _ findings: [CheckResult], _ location: SourceLocation = #_sourceLocation
    ) {
        let found = bad(findings)
        #expect(found == checks, sourceLocation: location)
    }

    @Test("nothing is bad where every file can be used")
    func good() throws {
        try BeaconFiles.with { files in
            try expectBad([], examine(files) { $0.keys($1) })
            // The beacon creates it at its first start.
            try expectBad(["state folder"], examine(files) { $0.disk($1) })
        }
    }

    @Test("a configuration with an unknown key is bad, and nothing else is examined")
    func configuration() throws {
        try BeaconFiles.with { files in
            var found: [CheckResult] = []
            let file = try files.configuration(["link": ["nonsense": "1"]])
            var doctor = Doctor(configurationFile: file, visits: false) { found.append($0) }
            #expect(doctor.examine() == false)
            #expect(found.last?.check == "configuration" && found.last?.found.contains("nonsense") == true)
            #expect(bad(found) == ["configuration"])
        }
    }

    @Test("keys that others can read, and an updater that others can change")
    func exposed() throws {
        try BeaconFiles.with { files in
            try files.folder.set(mode: 0o640, of: "identity.pem")
            try files.folder.set(mode: 0o640, of: "tls.key")
            let updater = try files.folder.write(Data("#!/bin/sh\n".utf8), to: "updater", mode: 0o777)
            let found = try examine(files, ["update": ["updater": updater]]) { $0.keys($1) }
            #expect(Set(bad(found)) == ["identity key", "access key", "updater"])
        }
    }

    @Test("a file that decides whom the beacon trusts, and that others can change: with the command that closes it")
    func trust() throws {
        try BeaconFiles.with { files in
            let authority = try files.folder.set(mode: 0o666, of: "ca.pem")
            let found = try examine(files) { $0.keys($1) }
            #expect(bad(found) == ["files"] && found.first { $0.verdict == .bad }?.hint == "chmod go-w \(authority)")
        }
    }

    @Test("certificates: another node's, an expired CA, and a CA file with something else in it, each in its own file")
    func certificates() throws {
        try BeaconFiles.with { files in
            let chain = ChainFixture(folder: files.folder)
            try chain.make("expired", by: nil, ChainFixture.authority, .past)
            try chain.make("root", by: nil, ChainFixture.authority)
            try chain.make("leaf", by: "root", "basicConstraints=CA:false")
            for name in ["expired", "root", "leaf"] { try files.folder.set(mode: 0o644, of: name + ".pem") }
            let good = try examine(files, ["update": ["ca": files.folder.path("root.pem")]]) { $0.keys($1) }
            for check in ["certificate", "broker's CA", "update CA"] {
                let found = good.first { $0.check == check }
                #expect(found?.verdict == .good && found?.found.contains("valid until 20") == true, "\(check)")
            }
            let expired = try examine(files, ["broker": ["ca": files.folder.path("expired.pem")]]) { $0.keys($1) }
            #expect(bad(expired) == ["broker's CA"])
            let plain = try examine(files, ["update": ["ca": files.folder.path("leaf.pem")]]) { $0.keys($1) }
            #expect(bad(plain) == ["update CA"])
            let broker = try examine(files, ["broker": ["ca": files.folder.path("leaf.pem")]]) { $0.keys($1) }
            #expect(bad(broker) == ["certificate"])
            #expect(broker.first { $0.verdict == .bad }?.found.contains("is not a CA's, \"CN = leaf\"") == true)
            let other = try examine(files, ["beacon": ["identity": "bea0000000000002"]]) { $0.keys($1) }
            #expect(bad(other) == ["certificate"])
            #expect(other.first { $0.verdict == .bad }?.found.contains("another node's, bea0000000000001") == true)
        }
    }

    @Test("a state folder that is open to others, and a journal that is not one")
    func state() throws {
        try BeaconFiles.with { files in
            try FileManager.default.createDirectory(
                atPath: files.state, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
            try expectBad(["state folder"], examine(files) { $0.disk($1) })
            chmod(files.state, 0o700)
            try Data(repeating: 7, count: 8_192).write(to: URL(filePath: files.state + "/journal.sqlite"))
            try expectBad(["journal"], examine(files) { $0.disk($1) })
        }
    }

    @Test("a journal that a newer program has written, and that this one cannot use")
    func newerJournal() throws {
        try BeaconFiles.with { files in
            let state = try StateFolder(path: files.state)
            do {
                let journal = try Journal(state, bootID: "boot")
                try journal.database.script(
                    "PRAGMA user_version = 99; INSERT OR REPLACE INTO meta VALUES ('readable-from', '98')")
            }
            let found = try examine(files) { $0.disk($1) }
            #expect(bad(found) == ["journal version"])
            #expect(
                found.last?.found.contains("version 99") == true && found.last?.found.contains("98 or more") == true)
        }
    }

    @Test("a rotation that was interrupted: with the command that finishes it")
    func rotation() throws {
        try BeaconFiles.with { files in
            let keys = files.folder.path("keys")
            try FileManager.default.createDirectory(
                atPath: keys + "/access", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            for (name, source) in [
                ("identity.key.pem", files.identityKey), ("identity.next.key.pem", files.identityKey),
                ("server.pub.pem", files.serverKey), ("access/key.pem", files.accessKey),
                ("access/ca.pem", files.authority), ("access/certificate.pem", files.folder.path("cert.pem")),
            ] { try FileManager.default.copyItem(atPath: source, toPath: keys + "/" + name) }
            try Data("{}".utf8).write(to: URL(filePath: keys + "/enrolment.json"))
            let found = try examine(
                files,
                [
                    "beacon": ["key": keys + "/identity.key.pem"],
                    "broker": [
                        "ca": keys + "/access/ca.pem", "certificate": keys + "/access/certificate.pem",
                        "key": keys + "/access/key.pem",
                    ],
                ]
            ) { $0.keys($1) }
            #expect(bad(found) == ["rotation"])
            #expect(found.first { $0.check == "rotation" }?.hint == "finish it: srup-beacon rotate")
        }
    }

    @Test(
        "a rotation that the beacon may not know of, and a running beacon that signs with another key than its file's")
    func runningKey() throws {
        try TemporaryFolder.with { files in
            let folder = CredentialFolder(path: files.url.path)
            var doctor = Doctor(configurationFile: "", visits: false) { _ in }
            #expect(doctor.rotation(folder).isEmpty)
            try files.write(Data("ab".utf8), to: "identity.rotated")
            #expect(doctor.rotation(folder).map(\.verdict) == [.warning], "the next start has the new one")
            let key = try TestKeys.publicKey("obs_2048")
            for (fingerprint, verdict) in [(key.fingerprint, CheckResult.Verdict.good), ("ab", .bad)] {
                doctor.status = try DoctorChecksTests.status(#","identity_key":{"fingerprint":"\#(fingerprint)"}"#)
                #expect(doctor.rotation(folder).map(\.hint) == ["finish it: srup-beacon rotate"])
                #expect(bad(doctor.rotation(folder)) == ["rotation"])
                let found = doctor.runningKey(key, try DoctorChecksTests.configuration())
                #expect(found.map(\.verdict) == [verdict] && (found[0].hint != nil) == (verdict == .bad))
            }
            doctor.status = try DoctorChecksTests.status("")
            #expect(doctor.runningKey(key, try DoctorChecksTests.configuration()).isEmpty, "an older beacon")
        }
    }

    @Test("radio transports that are on where the kernel has no Bluetooth", .enabled(if: !hasBluetooth))
    func noBluetooth() throws {
        try BeaconFiles.with { files in
            try expectBad(["radio"], examine(files, ["link": ["le": "0xD5"]]) { $0.radio($1) })
            let off = try examine(files) { $0.radio($1) }
            #expect(off.map(\.verdict) == [.skipped])
        }
    }
}

/// Whether this kernel has Bluetooth sockets.
private let hasBluetooth = {
    let descriptor = socket(31, Int32(SOCK_RAW.rawValue), 1)
    if descriptor >= 0 { close(descriptor) }
    return descriptor >= 0
}()

@Suite("Orders about an enrolment that are refused before a service is asked", .blocking)
struct EnrolmentOrderTests {
    @Test("a beacon that was not enrolled has nothing to renew, and no service to rotate its key at")
    func notEnrolled() throws {
        try BeaconFiles.with { files in
            var (renewal, rotation) = (RenewalOrder(), RotationOrder())
            renewal.configuration = try files.configuration()
            rotation.configuration = renewal.configuration
            let nothing = #expect(throws: OperatorFault.self) { try renewal.perform { _ in } }
            #expect(nothing?.message.contains("does not name the files of an enrolment") == true)
            let noService = #expect(throws: OperatorFault.self) { try rotation.perform { _ in } }
            #expect(noService?.hint(for: .beacon).contains("by hand") == true)
        }
    }

    @Test("an enrolment does not write over another beacon's configuration, and makes nothing")
    func anotherConfiguration() throws {
        try BeaconFiles.with { files in
            var order = EnrolmentOrder()
            (order.configuration, order.state) = (files.folder.path("other.conf"), files.state)
            order.form.address = "https://localhost:1"
            try files.folder.write(Data("[beacon]\n".utf8), to: "other.conf")
            let taken = #expect(throws: OperatorFault.self) { try order.perform { _ in } }
            #expect(taken?.message.contains("is there already, and is not this enrolment's") == true)
            #expect(!FileManager.default.fileExists(atPath: files.state))
        }
    }
}
