import Foundation
import Glibc
import OperatorText
import TestVectors
import Testing

@testable import Files

@Suite("A file that takes a free name")
struct FileNameTests {
    @Test(
        "gets it in each of the ways, whole and once; the next way is tried only where the file system lacks one",
        arguments: File.Renaming.allCases)
    func each(way: File.Renaming) throws {
        try TemporaryFolder.with { files in
            let (old, new) = (try files.write(Data("text".utf8), to: "old"), files.path("new"))
            try File.rename(old, toFree: new, ways: [way])
            #expect(Folder.entries(of: files.url.path) == ["new"])
            try #expect(File.read(new) == Array("text".utf8))
        }
    }

    @Test(
        "never takes one that is taken: the other file stays, and so does this one", arguments: File.Renaming.allCases)
    func taken(way: File.Renaming) throws {
        try TemporaryFolder.with { files in
            let old = try files.write(Data("mine".utf8), to: "old")
            let new = try files.write(Data("another's".utf8), to: "new")
            for ways in [[way], File.Renaming.allCases] {
                #expect(throws: FileError.system(EEXIST)) { try File.rename(old, toFree: new, ways: ways) }
            }
            try #expect(File.read(old) == Array("mine".utf8) && File.read(new) == Array("another's".utf8))
        }
    }

    @Test("is not lost where its folder is not there")
    func noFolder() throws {
        try TemporaryFolder.with { files in
            let old = try files.write(Data("text".utf8), to: "old")
            #expect(throws: FileError.system(ENOENT)) { try File.rename(old, toFree: files.path("no/new")) }
            #expect(throws: FileError.system(ENOENT)) {
                try File.rename(old, toFree: files.path("no/new"), ways: [.claiming])
            }
            #expect(Folder.entries(of: files.url.path) == ["old"])
        }
    }
}

@Suite("A folder that may be created")
struct FreeFolderTests {
    @Test("is accepted where it can be, and where it is there and ours; nothing is created")
    func free() throws {
        try TemporaryFolder.with { files in
            try Folder.checkOwnerOnlyOrFree(files.path("new"), as: "the folder")
            #expect(Folder.entries(of: files.url.path).isEmpty)
            mkdir(files.path("own"), 0o700)
            try Folder.checkOwnerOnlyOrFree(files.path("own"), as: "the folder")
        }
    }

    @Test("is refused with the cause: what is around it is not there or is not a folder, or others can access it")
    func refused() throws {
        try TemporaryFolder.with { files in
            let file = try files.write(Data(), to: "file")
            mkdir(files.path("open"), 0o755)
            for (path, why) in [
                (files.path("no/new"), "does not exist, and cannot be created in \(files.path("no")): No such file"),
                (file + "/new", "is not a folder"), (files.path("open"), "is accessible to others (mode 0755)"),
            ] {
                let fault = try #require(throws: OperatorFault.self) {
                    try Folder.checkOwnerOnlyOrFree(path, as: "the folder")
                }
                #expect(fault.message.contains(why), "\(fault.message)")
            }
        }
    }

    @Test("a file system counts as without inodes only if it counts them")
    func inodes() {
        #expect(!Folder.hasNoInodes("/proc") && !Folder.hasNoInodes("/nowhere"))
        #expect(FileError.noInodes.isFullDisk && "\(FileError.noInodes)".contains("no inodes left"))
    }
}
