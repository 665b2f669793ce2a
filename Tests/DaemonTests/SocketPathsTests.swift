import Foundation
import Glibc
import TestVectors
import Testing

@testable import Daemon
@testable import Nearby

@Suite("The paths of the daemon's sockets")
struct SocketPathsTests {
    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test("are removed at its end, and not where another process has made its own there")
    func replaced() throws {
        try TemporaryFolder.with { folder in
            let paths = SocketPaths()
            let (own, taken) = (folder.path("own"), folder.path("taken"))
            var sockets = try [own, taken].map { try LinkSocket.listen(on: .local(path: $0)) }
            defer { for socket in sockets { close(socket) } }
            for path in [own, taken] { paths.note(path) }
            #expect(rename(taken, folder.path("ours")) == 0)  // its inode stays in use
            sockets.append(try LinkSocket.listen(on: .local(path: taken)))
            paths.remove()
            #expect(!exists(own) && exists(taken))
        }
    }

    @Test("that were never made are left alone")
    func nothing() throws {
        try TemporaryFolder.with { folder in
            let paths = SocketPaths()
            paths.note(folder.path("later"))
            let path = try folder.write(Data(), to: "later")
            paths.remove()
            #expect(exists(path))
        }
    }
}
