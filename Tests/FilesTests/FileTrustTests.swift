import Files
import Foundation
import TestVectors
import Testing

@Suite("Who can change a file")
struct FileTrustTests {
    private func first(_ path: String) -> OpenPlace? { OpenPlace.first(onTheWayTo: path) }

    private func folder(_ name: String, in files: TemporaryFolder, mode: Int = 0o755) throws -> String {
        let path = files.path(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return try files.set(mode: mode, of: name)
    }

    @Test("a file that others may only read is trusted; a file that does not exist is reported elsewhere")
    func closed() throws {
        try TemporaryFolder.with { files in
            let file = try files.write(Data(), to: "ca.pem", mode: 0o644)
            #expect(first(file) == nil)
            #expect(first(files.path("nothing")) == nil && first(files.path("no/such/folder")) == nil)
            #expect(first("/") == nil && first("/usr/bin/../bin/./env") == nil)
        }
    }

    @Test(
        "a file that group or others may write to is named with the command that closes it",
        arguments: [
            0o664, 0o646, 0o666, 0o620, 0o602,
        ])
    func writable(mode: Int) throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data(), to: "ca.pem", mode: mode)
            let open = try #require(first(path))
            #expect(open.path == path && open.remedy == "chmod go-w \(path)")
            #expect(open.fault == "can be written to by others (mode 0\(String(mode, radix: 8)))")
        }
    }

    @Test("each folder above counts, since another file can be put there; not one with the sticky bit, such as /tmp")
    func folders() throws {
        try TemporaryFolder.with { files in
            let above = try folder("above", in: files)
            _ = try folder("above/below", in: files)
            let path = try files.write(Data(), to: "above/below/ca.pem", mode: 0o644)
            #expect(first(path) == nil)
            for name in ["above", "above/below"] {
                try files.set(mode: 0o775, of: name)
                #expect(first(path)?.path == files.path(name))
                try files.set(mode: 0o1777, of: name)
                #expect(first(path) == nil)
                try files.set(mode: 0o755, of: name)
            }
            #expect(first(above) == nil)
        }
    }

    @Test("each link on the path counts, and each folder that it leads through")
    func links() throws {
        try TemporaryFolder.with { files in
            _ = try folder("own", in: files)
            let open = try folder("open", in: files, mode: 0o777)
            try files.write(Data(), to: "own/ca.pem", mode: 0o644)
            for (name, target) in [
                ("own/absolute", files.path("own/ca.pem")), ("own/relative", "ca.pem"), ("open/through", "../own"),
                ("own/twice", "../open/through/ca.pem"), ("own/loop", "loop"),
            ] {
                try FileManager.default.createSymbolicLink(atPath: files.path(name), withDestinationPath: target)
            }
            #expect(first(files.path("own/absolute")) == nil && first(files.path("own/relative")) == nil)
            #expect(first(files.path("own/loop")) == nil)
            for name in ["open/through/ca.pem", "own/twice"] { #expect(first(files.path(name))?.path == open) }
        }
    }

    @Test(
        "what belongs to another user is named, also a link", .enabled(if: geteuid() == 0, "only root gives files away")
    )
    func foreign() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(Data(), to: "ca.pem", mode: 0o666)
            let link = files.path("link")
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "ca.pem")
            #expect(chown(path, 65_534, 65_534) == 0 && lchown(link, 65_534, 65_534) == 0)
            #expect(first(path)?.remedy == "chown root \(path) && chmod go-w \(path)")
            #expect(first(path)?.fault.hasPrefix("belongs to user 65534 and can be written to") == true)
            #expect(first(link)?.remedy == "chown -h root \(link)")
        }
    }
}
