import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Bench

@Suite("The TLS key log of the bench")
struct KeyLogTests {
    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("is created for its owner alone, and is appended to")
    func created() throws {
        try TemporaryFolder.with { files in
            let path = files.path("keys.log")
            for line in ["one\n", "two\n"] {
                let log = try KeyLog(path)
                #expect(write(log.descriptor, line, 4) == 4)
                #expect(fcntl(log.descriptor, F_GETFD) & FD_CLOEXEC != 0)
            }
            #expect(try mode(path) == 0o600)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "one\ntwo\n")
        }
    }

    private func fault(_ path: String) throws -> OperatorFault {
        let fault = try #require(throws: OperatorFault.self) { try KeyLog(path) }
        #expect(OperatorTextRules.broken(by: fault) == [])
        return fault
    }

    @Test("is refused where others could read it: by its mode, its owner, or a link or a FIFO in its place")
    func refused() throws {
        try TemporaryFolder.with { files in
            let open = try files.write(Data(), to: "open", mode: 0o640)
            #expect(try fault(open).message == "the TLS key log \(open) can be opened by others (mode 0640)")
            #expect(try fault(open).hint(for: .bench) == "give --tls-key-log a new file, or: rm \(open)")
            let (link, pipe) = (files.path("link"), files.path("pipe"))
            try #require(symlink(files.path("elsewhere"), link) == 0 && mkfifo(pipe, 0o600) == 0)
            for path in [link, pipe, files.path("")] {
                #expect(try fault(path).message.hasSuffix("cannot be written: it is not a regular file"))
            }
            #expect(!FileManager.default.fileExists(atPath: files.path("elsewhere")))
            #expect(try fault(files.path("none/keys.log")).message.hasSuffix("No such file or directory"))
        }
    }

    @Test("is refused if it is another user's", .enabled(if: geteuid() == 0))
    func foreign() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data(), to: "foreign", mode: 0o600)
            try #require(chown(path, 65_534, 65_534) == 0)
            #expect(try fault(path).message == "the TLS key log \(path) belongs to user 65534, who can read it")
        }
    }
}
