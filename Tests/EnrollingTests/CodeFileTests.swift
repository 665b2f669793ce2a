import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Enrolling

@Suite("A file with a registration code", .blocking)
struct CodeFileTests {
    private static let photograph = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "code.jpg")
        .path
    private static let isThere = access("/usr/bin/zbarimg", X_OK) == 0

    private func fault(_ path: String, reader: String = "/usr/bin/zbarimg") throws -> OperatorFault {
        let fault = try #require(throws: OperatorFault.self) { try CodeFile(path, reader: reader).text() }
        #expect(OperatorTextRules.broken(by: fault) == [])
        return fault
    }

    @Test("a text is taken without the blanks and the end of line around it")
    func text() throws {
        try TemporaryFolder.with { files in
            for (content, text) in [
                ("https://r.example\n", "https://r.example"), (" \t\r\nab c\r\n ", "ab c"), ("", ""), ("\n", ""),
            ] {
                #expect(try CodeFile(files.write(Data(content.utf8), to: "code")).text() == text)
            }
            let long = try files.write(Data(repeating: 0x61, count: 1_027), to: "long")
            #expect(try fault(long).message.hasSuffix("cannot be read: it is longer than 1026 bytes"))
        }
    }

    @Test("a folder, a FIFO and a device are refused at once, and a file that is not there")
    func irregular() throws {
        try TemporaryFolder.with { files in
            try #require(mkfifo(files.path("pipe"), 0o600) == 0)
            for path in [files.path("pipe"), files.path(""), "/dev/zero"] {
                #expect(try fault(path).message.hasSuffix("cannot be read: it is not a regular file"))
            }
            #expect(try fault(files.path("none")).message.hasSuffix("No such file or directory"))
        }
    }

    @Test("a photograph is read: askew, unsharp, badly lit", .enabled(if: isThere, "apt-get install zbar-tools"))
    func photograph() throws {
        let hash = "5aa260dd2e704e23343c0465f883a8ccb3030fd5bc9ec5eca8fdb8958fa4ae80"
        #expect(try CodeFile(CodeFileTests.photograph).text() == "https://register.example.org#ca=\(hash)")
    }

    @Test("without zbarimg a picture is refused with the package to install")
    func missing() throws {
        let fault = try fault(CodeFileTests.photograph, reader: "/nowhere/zbarimg")
        #expect(fault.message.contains("zbarimg, which is not installed"))
        #expect(fault.hint(for: .bench).hasPrefix("sudo apt-get install zbar-tools"))
    }

    @Test(
        "what only begins like a picture, or is cut short, is refused, and so is one that is too long",
        .enabled(if: isThere, "apt-get install zbar-tools"))
    func damaged() throws {
        try TemporaryFolder.with { files in
            let whole = try Data(contentsOf: URL(filePath: CodeFileTests.photograph))
            let png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            for content in [whole.prefix(3), whole.prefix(2_000), png, png + Data(repeating: 0x41, count: 5_000)] {
                let path = try files.write(Data(content), to: "picture")
                let message = try fault(path).message
                #expect(message == "\(path) cannot be read as a picture" || message == "there is no QR code in \(path)")
            }
            let long = try files.write(png, to: "long")
            try #require(truncate(long, off_t(CodeFile.maximumPicture) + 1) == 0)
            #expect(try fault(long).message.hasSuffix("it is longer than \(CodeFile.maximumPicture) bytes"))
        }
    }

    /// A PNG of 900 million pixels in a few bytes: a small file, and a gigabyte or more in memory.
    @Test(
        "a picture that is much larger than its file ends its reader, and not this program",
        .enabled(if: isThere, "apt-get install zbar-tools"))
    func bomb() throws {
        try TemporaryFolder.with { files in
            let script = """
                import struct, sys, zlib
                def chunk(kind, data):
                    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
                side = 30000
                packer = zlib.compressobj(9)
                rows = b"".join(packer.compress(bytes(1 + side // 8)) for _ in range(side)) + packer.flush()
                open(sys.argv[1], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
                    + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
                """
            let python = Process()
            python.executableURL = URL(filePath: "/usr/bin/env")
            python.arguments = ["python3", "-c", script, files.path("bomb.png")]
            try python.run()
            python.waitForExit()
            let begin = Date()
            #expect(try fault(files.path("bomb.png")).message.hasPrefix(files.path("bomb.png")))
            #expect(Date().timeIntervalSince(begin) < 22)
        }
    }
}
