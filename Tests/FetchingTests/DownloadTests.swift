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

        /// - Parameter certificate: and its key, for TLS.
        init(at host: String = "127.0.0.1", _ certificate: [String] = []) throws {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let script = Network.project + "/Tests/FetchingTests/files.py"
            process = try Child(
                "/usr/bin/env", ["python3", script, folder] + certificate, environment: ["FILES_AT": host])
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

    /// As at the broker: decisions/0023. libcurl has it by default.
    @Test("takes the CA that issued the server's certificate for an anchor, without its root")
    func issuingAuthority() throws {
        try TemporaryFolder.with { folder in
            let chain = ChainFixture(folder: folder)
            try chain.make("root", by: nil, ChainFixture.authority)
            try chain.make("issuing", by: "root", ChainFixture.authority)
            try chain.make("leaf", named: "localhost", by: "issuing", ChainFixture.server)
            let server = try Server([folder.path("leaf.pem"), folder.path("leaf.key")])
            func status(_ authority: String) throws -> Int {
                let file = server.open()
                defer { close(file) }
                let client = try HTTPClient(authorityFile: folder.path(authority + ".pem"))
                let address = try WebAddress(try server.address("file").description.replacing("http:", with: "https:"))
                return try client.download(address, to: file, from: 0, tag: nil, limit: 1_000_000).status
            }
            #expect(try status("issuing") == 200)
            #expect(throws: HTTPFault.self) { try status("root") }
        }
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

    @Test("a reply says when to ask again, in seconds or as a date, at most a day away; nothing else does")
    func retryAfter() throws {
        func told(_ value: String) throws -> Int? {
            let reply = try client.get(try server.address("busy/" + value))
            #expect(reply.status == 429)
            return reply.retryAfter
        }
        #expect(try told("12") == 12)
        #expect(try told("99999999") == 86_400)
        for value in ["0", "soon", "-5", "date-in--1000"] { #expect(try told(value) == nil, "\(value)") }
        #expect((90...100).contains(try told("date-in-100") ?? 0))
        #expect(try client.get(try server.address("whole-not")).retryAfter == nil)
    }

    @Test("a connection that ends before the reply is told apart from one that could not be made")
    func interrupted() throws {
        let fault = #expect(throws: HTTPFault.self) { try client.get(try server.address("gone")) }
        guard case .interrupted = fault else {
            Issue.record("\(fault as Any)")
            return
        }
    }
}
