import Foundation
import SRUP
import TestVectors
import Testing

@testable import Keys

@Suite("Key files")
struct KeyFileTests {
    private let good = TestKeys.file("dev_2048.pkcs8")

    @Test("a private key is read where only its owner can write or read it", arguments: [0o600, 0o400, 0o700])
    func closed(mode: Int) throws {
        try TemporaryFolder.with { folder in
            _ = try IdentityKey(pemFile: folder.privateCopy(of: good, mode: mode))
        }
    }

    @Test(
        "a private key that others can read, write or run is refused",
        arguments: [0o640, 0o604, 0o644, 0o660, 0o620, 0o602, 0o601, 0o610, 0o777])
    func exposed(mode: Int) throws {
        try TemporaryFolder.with { folder in
            let path = try folder.privateCopy(of: good, mode: mode)
            #expect(throws: KeyError.exposed(path: path, mode: UInt32(mode))) { try IdentityKey(pemFile: path) }
        }
    }

    @Test("a public key may be read by everybody", arguments: [0o600, 0o644, 0o666])
    func publicModes(mode: Int) throws {
        try TemporaryFolder.with { folder in
            _ = try PublicKey(pemFile: folder.privateCopy(of: TestKeys.file("dev_2048.pub"), mode: mode))
        }
    }

    @Test("a missing file is reported, and none is made")
    func missing() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("nothing.pem")
            #expect(throws: KeyError.missing(path: path)) { try IdentityKey(pemFile: path) }
            #expect(throws: KeyError.missing(path: path)) { try PublicKey(pemFile: path) }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
            #expect(left.isEmpty)
        }
    }

    @Test("a folder, a link, a pipe and a device are not key files, and none blocks")
    func notAFile() throws {
        try TemporaryFolder.with { folder in
            let file = try folder.privateCopy(of: good)
            try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: file)
            try FileManager.default.createSymbolicLink(atPath: folder.path("loose"), withDestinationPath: "nowhere")
            #expect(mkfifo(folder.path("pipe"), 0o600) == 0)
            for path in [folder.url.path, folder.path("link"), folder.path("loose"), folder.path("pipe"), "/dev/null"] {
                #expect(throws: KeyError.notAFile(path: path)) { try IdentityKey(pemFile: path) }
                #expect(throws: KeyError.notAFile(path: path)) { try PublicKey(pemFile: path) }
            }
        }
    }

    @Test("a file that this user may not read is unreadable", .enabled(if: geteuid() != 0, "root may read every file"))
    func unreadable() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.privateCopy(of: good, mode: 0o000)
            let why = String(cString: strerror(EACCES))
            #expect(throws: KeyError.unreadable(path: path, why: why)) { try IdentityKey(pemFile: path) }
        }
    }

    @Test("a path through a file is unreadable, with the system's reason")
    func notAFolder() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.privateCopy(of: good) + "/key.pem"
            let why = String(cString: strerror(ENOTDIR))
            #expect(throws: KeyError.unreadable(path: path, why: why)) { try IdentityKey(pemFile: path) }
        }
    }

    @Test("a private key of another user is refused", .enabled(if: geteuid() == 0, "only root can give a file away"))
    func foreignOwner() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.privateCopy(of: good)
            #expect(chown(path, 65_534, 65_534) == 0)
            #expect(throws: KeyError.foreignOwner(path: path, owner: 65_534)) { try IdentityKey(pemFile: path) }
        }
    }

    @Test("a systemd credential belongs to root, is directly in its folder, and only its group may read it")
    func credentials() {
        func isCredential(_ path: String, owner: UInt32 = 0, mode: UInt32 = 0o440, of folder: String? = "/run/c")
            -> Bool
        {
            var status = stat()
            (status.st_uid, status.st_mode) = (owner, S_IFREG | mode)
            return KeyFile.isCredential(path, status, of: folder)
        }
        #expect(isCredential("/run/c/key.pem") && isCredential("/run/c/key.pem", mode: 0o400))
        for mode: UInt32 in [0o444, 0o460, 0o640, 0o441, 0o450, 0o540] {
            #expect(!isCredential("/run/c/key.pem", mode: mode), "\(String(mode, radix: 8))")
        }
        #expect(!isCredential("/run/c/key.pem", owner: 1_000))
        for path in ["/run/key.pem", "/run/c/deeper/key.pem", "/run/cc/key.pem", "/run/c/../key.pem", "/run/c"] {
            #expect(!isCredential(path), "\(path)")
        }
        #expect(!isCredential("/run/c/key.pem", of: nil) && !isCredential("/key.pem", of: ""))
    }

    @Test("a file is read up to 64 KiB and refused from there")
    func tooLong() throws {
        try TemporaryFolder.with { folder in
            let pem = try Data(contentsOf: good)
            let longest = try folder.write(pem + Data(repeating: 10, count: 65_536 - pem.count), to: "longest.pem")
            _ = try IdentityKey(pemFile: longest)
            let path = try folder.write(pem + Data(repeating: 10, count: 65_537 - pem.count), to: "long.pem")
            #expect(throws: KeyError.tooLong(path: path)) { try IdentityKey(pemFile: path) }
            #expect(throws: KeyError.tooLong(path: path)) { try PublicKey(pemFile: path) }
        }
    }
}
