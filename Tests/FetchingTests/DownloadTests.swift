import Fetching
import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("A download", .blocking)
struct DownloadTests {
    final class Server {
        let folder = FileManager.default.temporaryDirectory.appending(path: "srup-files-\(UUID().uuidString)").path
        let process: Child

        init(at host: String = "127.0.0.1") throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let script = Network.project + "/Tests/FetchingTests/files.py"
            process = try Child("/usr/bin/env", ["python3", script, folder], environment: ["FILES_AT": host])
            let port = folder + "/port"
            try eventually("the file server listens") { FileManager.default.fileExists(atPath: port) }
        }

        deinit {
            process.end(with: SIGKILL)
            try? FileManager.default.removeItem(atPath: folder)
        }

        func address(_ path: String) throws -> WebAddress {
            let port = try String(contentsOfFile: folder + "/port", encoding: .utf8)
            return try WebAddress("http://localhost:\(port)/\(path)")
        }

        /// Opens the file of the download, and keeps its contents.
        func open() -> Int32 { Glibc.open(folder + "/got", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600) }
        var got: Data { FileManager.default.contents(atPath: folder + "/got") ?? Data() }
    }

    let server: Server
    let client: HTTPClient
    private static let content = Data((0..<200_000).map { UInt8($0 % 251) })

    init() throws {
        server = try Server()
        client = try HTTPClient(allowsPlainOnLoopback: true)
    }

    private func get(
        _ path: String, from offset: Int64 = 0, tag: String? = nil, limit: Int64 = 1_000_000
    ) throws -> HTTPDownload {
        let file = server.open()
        defer { close(file) }
        return try client.download(try server.address(path), to: file, from: offset, tag: tag, limit: limit)
    }

    @Test("arrives complete, and continues where it was interrupted")
    func resumed() throws {
        #expect(throws: HTTPFault.self) { try get("cut") }
        #expect(server.got == DownloadTests.content.prefix(50_000))
        let rest = try get("file", from: 50_000, tag: "\"v1\"")
        #expect(rest == HTTPDownload(status: 206, written: 150_000, tag: "\"v1\"", excerpt: []))
        #expect(server.got == DownloadTests.content)
    }

    @Test("does not continue with another file, from another offset, or if the server cannot resume")
    func notResumed() throws {
        for (path, tag) in [("file", "\"v0\""), ("lies", "\"v1\""), ("whole", "\"v1\"")] {
            #expect(throws: HTTPFault.cannotResume) { try get(path, from: 50_000, tag: tag) }
            #expect(server.got.isEmpty, "\(path)")
        }
    }

    /// libcurl goes over the addresses of a name itself, and has both for localhost without asking a resolver.
    @Test("reaches a server at either address of a name with two", arguments: ["127.0.0.1", "::1"])
    func addresses(host: String) throws {
        let server = try Server(at: host)
        let file = server.open()
        defer { close(file) }
        let address = try server.address("file")
        #expect(try client.download(address, to: file, from: 0, tag: nil, limit: 1_000_000).written == 200_000)
    }

    @Test("ends at its size limit, which includes what was there before")
    func bounded() throws {
        #expect(throws: HTTPFault.tooLong(limit: 300_000)) { try get("endless", limit: 300_000) }
        #expect(server.got.count <= 300_000)
        #expect(throws: HTTPFault.tooLong(limit: 199_999)) {
            try get("file", from: 100_000, tag: "\"v1\"", limit: 199_999)
        }
    }

    @Test("of a missing file writes nothing, and returns the status and the beginning of the reply")
    func missing() throws {
        let reply = try get("nothing")
        #expect(reply == HTTPDownload(status: 404, written: 0, tag: nil, excerpt: Array("it is not here".utf8)))
        #expect(server.got.isEmpty)
    }

    @Test("plain HTTP is refused unless it was requested")
    func plain() throws {
        let address = try server.address("file")
        #expect(throws: HTTPFault.notSecure(address.description)) { try HTTPClient().get(address) }
    }
}
