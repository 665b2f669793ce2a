import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop

/// A file that only a person can repair: `run` and `run --check` name it, and say what to do.
@Suite("Files of the configuration that cannot be used", .blocking)
struct UnusableFilesTests {
    /// `run` and `run --check` throw the same fault, and the state folder is not created.
    private func expectFault(
        _ files: BeaconFiles, _ section: String, _ key: String, _ value: String, _ message: String, hint: String,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let configuration = try files.configuration([section: [key: value]])
        let checked = error { try DaemonProcess.check(configuration) }
        let started = error { _ = try Shell(configurationFile: configuration, loop: Loop()) }
        let fault = try #require(checked, sourceLocation: location)
        #expect(started?.message == fault.message && fault.exitStatus == 1, sourceLocation: location)
        expectGood(fault, location)
        #expect(fault.message.contains(message), "\(fault)", sourceLocation: location)
        #expect(fault.hint(for: .beacon).contains(hint), "\(fault)", sourceLocation: location)
        #expect(!FileManager.default.fileExists(atPath: files.state), sourceLocation: location)
    }

    private func error(_ body: () throws -> Void) -> (any OperatorError)? {
        do { try body() } catch { return error as? any OperatorError }
        return nil
    }

    @Test("the identity key: missing, exposed, truncated, empty or a link")
    func identityKey() throws {
        try BeaconFiles.with { files in
            let (folder, whole) = (files.folder, try Data(contentsOf: URL(filePath: files.identityKey)))
            func expectKeyFault(_ path: String, _ message: String, hint: String) throws {
                try expectFault(files, "beacon", "key", path, message, hint: hint)
            }
            let missing = folder.path("nothing.pem")
            try expectKeyFault(missing, "\(missing) does not exist", hint: "none is made for you")
            let exposed = try folder.write(whole, to: "exposed.pem", mode: 0o640)
            try expectKeyFault(exposed, "open to others", hint: "chmod 0600 \(exposed)")
            let truncated = try folder.write(whole.prefix(whole.count / 2), to: "truncated.pem")
            try expectKeyFault(truncated, "no usable PEM key", hint: "PEM")
            try expectKeyFault(try folder.write(Data(), to: "empty.pem"), "no usable PEM key", hint: "PEM")
            let link = folder.path("link.pem")
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: files.identityKey)
            try expectKeyFault(link, "\(link) is not a regular file", hint: "not a link")
        }
    }

    @Test("an identity key that this user may not read", .enabled(if: geteuid() != 0, "root reads every file"))
    func unreadableKey() throws {
        try BeaconFiles.with { files in
            let closed = try files.folder.set(mode: 0o000, of: "identity.pem")
            try expectFault(files, "beacon", "key", closed, "cannot be read", hint: "chown")
        }
    }

    @Test("an identity key of another user", .enabled(if: geteuid() == 0, "only root gives files away"))
    func foreignKey() throws {
        try BeaconFiles.with { files in
            #expect(chown(files.identityKey, 65_534, 65_534) == 0)
            try expectFault(files, "beacon", "key", files.identityKey, "belongs to user 65534", hint: "chown")
        }
    }

    @Test("an identity key that is not an RSA key, or is too short")
    func wrongKey() throws {
        try BeaconFiles.with { files in
            try expectFault(files, "beacon", "key", files.otherAccessKey, "is not an RSA key", hint: "RSA")
            try files.folder.openssl("genrsa -out small.pem 1024")
            let small = try files.folder.set(mode: 0o600, of: "small.pem")
            try expectFault(files, "beacon", "key", small, "has 1024 bits", hint: "openssl genrsa")
        }
    }

    @Test("TLS files: missing, exposed, not PEM, or not of one pair")
    func tlsFiles() throws {
        try BeaconFiles.with { files in
            let missing = files.folder.path("nothing.pem")
            for key in ["ca", "certificate"] {
                try expectFault(files, "broker", key, missing, "\(missing) cannot be used for TLS", hint: missing)
            }
            try expectFault(files, "broker", "key", missing, "\(missing) does not exist", hint: missing)
            let other = files.otherAccessKey
            try expectFault(files, "broker", "key", other, "\(other) cannot be used for TLS", hint: "matches")
            let noise = try files.folder.write(Data("no certificate".utf8), to: "noise.pem")
            try expectFault(files, "broker", "ca", noise, "\(noise) cannot be used for TLS", hint: noise)
            let exposed = try files.folder.set(mode: 0o644, of: "tls.key")
            try expectFault(files, "broker", "key", exposed, "open to others", hint: "chmod 0600 \(exposed)")
        }
    }

    @Test("a server's key: missing, or not a key")
    func serverKey() throws {
        try BeaconFiles.with { files in
            let missing = files.folder.path("nothing.pem")
            try expectFault(files, "server c2", "key", missing, "\(missing) does not exist", hint: "configuration")
            try expectFault(
                files, "server c2", "key", files.authority, "holds a certificate, and a public", hint: "x509")
            try expectFault(files, "server c2", "key", files.identityKey, "holds a private key", hint: "-pubout")
            let noise = try files.folder.write(Data("no key".utf8), to: "noise.pem", mode: 0o644)
            try expectFault(files, "server c2", "key", noise, "no usable PEM key", hint: "PEM")
        }
    }

    @Test("a file that decides whom the beacon trusts, and that others can change or replace")
    func trust() throws {
        try BeaconFiles.with { files in
            try FileManager.default.createDirectory(
                atPath: files.folder.path("keys"), withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o755])
            let (authority, key) = (files.folder.path("keys/ca.pem"), files.folder.path("keys/server.pem"))
            for (path, source) in [(authority, files.authority), (key, files.serverKey)] {
                try FileManager.default.copyItem(atPath: source, toPath: path)
                chmod(path, 0o666)
            }
            for (section, setting, path) in [
                ("broker", "ca", authority), ("update", "ca", authority), ("server c2", "key", key),
            ] {
                try expectFault(
                    files, section, setting, path, "\(path) can be changed by others: it can be written to by others",
                    hint: "chmod go-w \(path)")
            }
            // Anyone who can write to the folder can put another file there.
            chmod(authority, 0o644)
            let keys = files.folder.path("keys")
            chmod(keys, 0o777)
            try expectFault(files, "broker", "ca", authority, "\(keys) can be written to", hint: "chmod go-w \(keys)")
            chmod(keys, 0o1777)
            let configuration = try files.configuration(["broker": ["ca": authority]])
            try DaemonProcess.check(configuration)
            chmod(configuration, 0o646)
            let open = #expect(throws: OperatorFault.self) { try DaemonProcess.check(configuration) }
            #expect(open?.hint(for: .beacon) == "chmod go-w \(configuration)")
        }
    }

    @Test(
        "a reload does not take a configuration or a CA file that others can change: the old configuration stays in force"
    )
    func reload() throws {
        try BeaconFiles.with { files in
            let (loop, log) = (Loop(), LogRecorder())
            let file = try files.configuration()
            let shell = try Shell(
                try Configuration(file: file), configurationFile: file,
                loadMaterials: { try KeyMaterial($0, from: file) }, loop: loop, clock: ManualClock(),
                background: BackgroundWork(loop: loop) { $1() }, log: log.logger)
            for path in [file, files.authority] {
                _ = try files.configuration(["observation": ["window": "7"]])
                chmod(path, 0o666)
                loop.perform { shell.assumeIsolated { $0.reloading.begin { _ in } } }
                for _ in 0..<2 { loop.turn() }
                chmod(path, 0o644)
                let line = log.texts.last ?? ""
                #expect(line.contains("\(path) can be changed by others"))
                #expect(line.hasSuffix("hint: chmod go-w \(path); the old configuration stays in force"))
            }
            loop.perform { shell.assumeIsolated { #expect($0.observer.policy == .init()) } }
            loop.turn()
        }
    }

    @Test("an updater that others can change")
    func updater() throws {
        try BeaconFiles.with { files in
            let updater = try files.folder.write(Data("#!/bin/sh\n".utf8), to: "updater", mode: 0o777)
            try expectFault(files, "update", "updater", updater, "can be changed by others", hint: "chmod")
        }
    }

    @Test("a configuration whose files can all be used passes the check, which makes nothing")
    func usable() throws {
        try BeaconFiles.with { files in
            try DaemonProcess.check(try files.configuration())
            #expect(!FileManager.default.fileExists(atPath: files.state))
        }
    }
}
