import Files
import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@Suite("Regular files")
struct FileTests {
    private func names(in files: TemporaryFolder) -> [String] { Folder.entries(of: files.url.path).sorted() }

    private func mode(of path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test(
        "only a regular file is opened: a FIFO, a device, a folder and a link are not, and none is waited for",
        .timeLimit(.minutes(1)))
    func regular() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data("x".utf8), to: "file")
            #expect(mkfifo(files.path("pipe"), 0o600) == 0)
            try FileManager.default.createSymbolicLink(atPath: files.path("link"), withDestinationPath: "file")
            let others = [files.path("pipe"), files.path("link"), files.url.path, "/dev/null", "/dev/tty"]
            for flags in [O_RDONLY, O_WRONLY, O_RDWR] {
                close(try File.open(path, flags))
                for other in others { #expect(throws: FileError.self, "\(other)") { try File.open(other, flags) } }
                for other in others.dropLast() {
                    #expect(throws: FileError.irregular, "\(other)") { try File.open(other, flags) }
                }
            }
            #expect("\(FileError.irregular)" == "it is not a regular file")
            close(try File.open(files.path("link"), O_RDONLY, isFollowing: true))
            #expect(throws: FileError.system(ENOENT)) { try File.open(files.path("nothing"), O_RDONLY) }
            for name in ["pipe", "link"] { #expect(File.isIrregular(files.path(name))) }
            #expect(!File.isIrregular(path) && !File.isIrregular(files.path("nothing")))
            #expect(!File.isIrregular(files.path("link"), isFollowing: true))
            #expect(File.target(ofLink: files.path("link")) == "file" && File.target(ofLink: path) == nil)
        }
    }

    @Test("a file that is opened is not inherited by a program that is executed")
    func notInherited() throws {
        try TemporaryFolder.with { files in
            let file = try File.open(files.path("file"), O_RDWR | O_CREAT)
            defer { close(file) }
            #expect(fcntl(file, F_GETFD) & FD_CLOEXEC == FD_CLOEXEC)
        }
    }

    @Test(
        "is read up to its bound, and refused as a whole beyond it",
        arguments: [0, 1, 100, 65_535, 65_536, 65_537, 200_000])
    func bound(length: Int) throws {
        try TemporaryFolder.with { files in
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
            let path = try files.write(Data(bytes), to: "file")
            try #expect(File.read(path, atMost: length) == bytes)
            try #expect(File.read(path, atMost: length + 1) == bytes)
            if length > 0 {
                let error = FileError.tooLong(limit: length - 1)
                #expect(throws: error) { try File.read(path, atMost: length - 1) }
                #expect("\(error)" == "it is longer than \(length - 1) bytes")
            }
        }
    }

    @Test("is read into a buffer only if one byte is left over, which shows that there is no more")
    func intoBuffer() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data("secret".utf8), to: "file")
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 7, alignment: 1)
            defer { buffer.deallocate() }
            let file = try File.open(path, O_RDONLY)
            defer { close(file) }
            try #expect(File.read(descriptor: file, into: buffer) == 6)
            #expect(buffer.prefix(6).elementsEqual("secret".utf8))
            lseek(file, 0, SEEK_SET)
            #expect(throws: FileError.tooLong(limit: 5)) {
                try File.read(descriptor: file, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<6]))
            }
        }
    }

    @Test("what the operator names may be the output of a program, in pieces", .timeLimit(.minutes(1)))
    func program() throws {
        try TemporaryFolder.with { files in
            let path = files.path("pipe")
            #expect(mkfifo(path, 0o600) == 0)
            Thread.detachNewThread {
                let pipe = open(path, O_WRONLY | O_CLOEXEC)
                defer { close(pipe) }
                for piece in ["to", "ke", "n\n"] {
                    try? File.write(Array(piece.utf8), to: pipe)
                    usleep(10_000)
                }
            }
            try #expect(File.readInput(path, atMost: 64) == Array("token\n".utf8))
        }
    }

    @Test("is replaced by a file with exactly the mode that is wanted, whatever the umask and the old mode are")
    func replaced() throws {
        try TemporaryFolder.with { files in
            let path = files.path("file")
            for (text, wanted) in [("first", 0o600), ("second", 0o644), ("", 0o600)] as [(String, mode_t)] {
                for isSynced in [true, false] {
                    try File.replace(path, with: Array(text.utf8), mode: wanted, isSynced: isSynced)
                    try #expect(File.read(path) == Array(text.utf8))
                    #expect(mode(of: path) == wanted && names(in: files) == ["file"])
                }
            }
        }
    }

    @Test("what stands under the temporary name is removed, not written to: a FIFO, a link, another file")
    func temporaryName() throws {
        try TemporaryFolder.with { files in
            let path = files.path("file")
            let other = try files.write(Data("other".utf8), to: "other", mode: 0o666)
            for make in [
                { mkfifo(path + ".new", 0o666) }, { symlink(other, path + ".new") }, { link(other, path + ".new") },
            ] {
                #expect(make() == 0)
                try File.replace(path, with: [1])
                #expect(mode(of: path) == 0o600 && names(in: files) == ["file", "other"])
                try #expect(File.read(other) == Array("other".utf8))
            }
        }
    }

    @Test("if a file cannot be replaced, the old one stays, and nothing is left over")
    func notReplaced() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data("old".utf8), to: "file")
            try FileManager.default.createDirectory(atPath: path + ".new", withIntermediateDirectories: false)
            #expect(throws: FileError.system(EISDIR)) { try File.replace(path, with: [1]) }
            rmdir(path + ".new")
            try FileManager.default.createDirectory(atPath: files.path("folder"), withIntermediateDirectories: false)
            #expect(throws: FileError.system(EISDIR)) { try File.replace(files.path("folder"), with: [1]) }
            #expect(names(in: files) == ["file", "folder"])
            try #expect(File.read(path) == Array("old".utf8))
            #expect(throws: FileError.system(ENOENT)) { try File.replace(files.path("no/file"), with: [1]) }
        }
    }

    @Test(
        "a write that the disk has no room for is an error, also if some of its bytes were written",
        .timeLimit(.minutes(1)))
    func full() throws {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        #expect(throws: FileError.system(ENOSPC)) { try File.write([1], to: full) }
        for number in [ENOSPC, EDQUOT] { #expect(FileError.system(number).isFullDisk) }
        #expect(!FileError.system(EIO).isFullDisk)
        // A pipe that takes part of the bytes and then no more.
        var ends: [Int32] = [0, 0]
        #expect(Glibc.pipe(&ends) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        defer { for end in ends { close(end) } }
        #expect(throws: FileError.system(EAGAIN)) {
            try [UInt8](repeating: 7, count: 1 << 20).withUnsafeBytes { try File.write($0, to: ends[1]) }
        }
    }

    @Test("is created whole, and never over another: not over a link that leads nowhere either")
    func created() throws {
        try TemporaryFolder.with { files in
            let path = files.path("file")
            try Array("key".utf8).withUnsafeBytes { try File.create(path, $0, mode: 0o640) }
            #expect(mode(of: path) == 0o640 && names(in: files) == ["file"])
            #expect(symlink("nowhere", files.path("link")) == 0)
            for taken in [path, files.path("link")] {
                #expect(throws: FileError.system(EEXIST)) {
                    try [UInt8](repeating: 0, count: 3).withUnsafeBytes { try File.create(taken, $0, mode: 0o600) }
                }
            }
            try #expect(File.read(path) == Array("key".utf8))
            #expect(names(in: files) == ["file", "link"])
        }
    }

    @Test("is overwritten with zeros on disk before it is removed; another name of it shows the zeros")
    func destroyed() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data(repeating: 7, count: 10_000), to: "key")
            #expect(link(path, files.path("copy")) == 0)
            try File.destroy(path)
            #expect(names(in: files) == ["copy"])
            try #expect(File.read(files.path("copy")) == [UInt8](repeating: 0, count: 10_000))
            try File.destroy(path)
        }
    }

    @Test(
        "a FIFO or a link in a key's place is removed without waiting; what the link leads to stays",
        .timeLimit(.minutes(1)))
    func irregularDestroyed() throws {
        try TemporaryFolder.with { files in
            let other = try files.write(Data("other".utf8), to: "other")
            #expect(mkfifo(files.path("pipe"), 0o600) == 0 && symlink(other, files.path("link")) == 0)
            for name in ["pipe", "link"] { try File.destroy(files.path(name)) }
            #expect(names(in: files) == ["other"])
            try #expect(File.read(other) == Array("other".utf8))
        }
    }
}

@Suite("Folders")
struct FolderTests {
    @Test(
        "the folder of a path",
        arguments: [("a", "."), ("/a", "/"), ("a/b", "a"), ("/a/b", "/a"), ("/a/b/", "/a/b"), ("./a", "."), ("", ".")])
    func of(path: String, folder: String) { #expect(Folder.of(path) == folder) }

    @Test("is created for its owner only, and one that is there must be so")
    func ownerOnly() throws {
        try TemporaryFolder.with { files in
            let path = files.path("folder")
            try Folder.makeOwnerOnly(path, as: "the folder")
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o700)
            try Folder.makeOwnerOnly(path, as: "the folder")
            for mode in [0o701, 0o710, 0o704, 0o777] as [mode_t] {
                chmod(path, mode)
                let fault = #expect(throws: OperatorFault.self) { try Folder.makeOwnerOnly(path, as: "the folder") }
                #expect(fault?.hint(for: .beacon) == "restrict it: chmod 0700 \(path)")
                #expect(
                    fault?.message == "the folder \(path) is accessible to others (mode 0\(String(mode, radix: 8)))")
            }
            let file = try files.write(Data(), to: "file")
            for (other, part) in [
                (file, "is not a folder"), (files.path("no/folder"), "cannot be created: No such file"),
            ] {
                let fault = #expect(throws: OperatorFault.self) { try Folder.makeOwnerOnly(other, as: "the folder") }
                #expect(fault?.message.contains(part) == true)
            }
        }
    }

    @Test("one that is missing is said to be so where none is created")
    func missing() throws {
        try TemporaryFolder.with { files in
            let path = files.path("folder")
            let fault = #expect(throws: OperatorFault.self) { try Folder.checkOwnerOnly(path, as: "the folder") }
            #expect(fault?.message == "the folder \(path) does not exist" && access(path, F_OK) != 0)
        }
    }

    @Test("one of another user is not ours", .enabled(if: geteuid() == 0, "only root gives files away"))
    func foreign() throws {
        try TemporaryFolder.with { files in
            let path = files.path("folder")
            try Folder.makeOwnerOnly(path, as: "the folder")
            #expect(chown(path, 65_534, 65_534) == 0)
            let fault = #expect(throws: OperatorFault.self) { try Folder.checkOwnerOnly(path, as: "the folder") }
            #expect(fault?.message.contains("is not a folder owned by this user") == true)
        }
    }

    @Test("its entries are listed without itself and the one above; a folder that is missing has none")
    func entries() throws {
        try TemporaryFolder.with { files in
            let names = ["a", ".hidden", String(repeating: "n", count: 255), "größe"]
            for name in names { try files.write(Data(), to: name) }
            #expect(Folder.entries(of: files.url.path).sorted() == names.sorted())
            #expect(Folder.entries(of: files.path("nothing")).isEmpty)
        }
    }

    @Test("is synced if it is there; a file or nothing in its place is an error")
    func synced() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data(), to: "file")
            try Folder.sync(files.url.path)
            try Folder.sync(of: path)
            #expect(throws: FileError.system(ENOTDIR)) { try Folder.sync(path) }
            #expect(throws: FileError.system(ENOENT)) { try Folder.sync(files.path("nothing")) }
            // Kernel file systems that have nothing to sync.
            try Folder.sync("/proc")
        }
    }
}
