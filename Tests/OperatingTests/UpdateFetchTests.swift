import EventLoop
import Foundation
import Glibc
import Keys
import Observing
import Synchronization
import TestVectors
import Testing

@testable import Daemon
@testable import Operating

/// A web server over TLS with its own certificate, Tests/FetchingTests/files.py.
private final class WebServer: Sendable {
    let folder: String
    private let process = Mutex<pid_t?>(nil)

    init(_ folder: TemporaryFolder, content: Data) throws {
        self.folder = folder.path("web")
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        try content.write(to: URL(filePath: self.folder + "/content"))
        let (key, certificate) = (self.folder + "/key.pem", certificate)
        let names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        let request = [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", names, "-keyout", key, "-out", certificate,
        ]
        try #require(ChildProcess.run("/usr/bin/env", request, limit: .seconds(60)).succeeded)
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let serve = ["python3", tests.path + "/FetchingTests/files.py", self.folder, certificate, key]
        startThread("web server") {
            _ = ChildProcess.run("/usr/bin/env", serve, limit: .seconds(300)) { child in
                self.process.withLock { $0 = child }
            }
        }
        for _ in 0..<3_000 where port.isEmpty { usleep(10_000) }
    }

    func stop() { process.withLock { $0.map { _ = kill(-$0, SIGKILL) } } }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)) ?? ""
    }

    var port: String { text("port") }
    var certificate: String { folder + "/cert.pem" }
    var requests: [Substring] { text("requests").split(separator: "\n") }
}

@Suite("The process that fetches an update", .blocking)
struct UpdateFetchTests {
    private static let content = Data((0..<60_000).map { UInt8($0 % 250) })

    /// A download, its folder, and its web server.
    private struct Stage {
        let web: WebServer
        let folder: UpdateFolder
        var settings = UpdateSettings()

        /// - Returns: nil if the file has been downloaded; and what was logged.
        func fetch(_ url: String, digest: [UInt8]? = nil) throws -> (outcome: Fetched?, said: [String]) {
            let place = url.contains(":") ? url : "https://localhost:\(web.port)/\(url)"
            let order = try #require(
                UpdateOrder(url: place, digest: digest ?? sha256([UInt8](UpdateFetchTests.content))))
            var said: [String] = []
            let fetching = UpdateFetching(
                folder: folder, settings: settings, order: order, say: { said.append($0) }, wait: { _ in })
            return (fetching.run(), said)
        }
    }

    private func withStage(_ body: (inout Stage) throws -> Void) throws {
        try TemporaryFolder.with { files in
            let web = try WebServer(files, content: UpdateFetchTests.content)
            defer { web.stop() }
            let folder = UpdateFolder(in: files.url.path)
            try folder.make()
            var settings = UpdateSettings()
            (settings.authority, settings.timeLimit) = (web.certificate, .seconds(1))
            var stage = Stage(web: web, folder: folder, settings: settings)
            try body(&stage)
        }
    }

    @Test("has the complete file under its name once the digest is right, and does not fetch it again")
    func whole() throws {
        try withStage { stage in
            let first = try stage.fetch("file")
            #expect(
                first.outcome == nil
                    && FileManager.default.contents(atPath: stage.folder.file) == UpdateFetchTests.content)
            let again = try stage.fetch("file")
            #expect(again.outcome == nil && stage.web.requests.count == 1)
        }
    }

    @Test("continues where it was interrupted")
    func resumed() throws {
        try withStage { stage in
            stage.settings.timeLimit = .seconds(30)
            let fetched = try stage.fetch("once")
            #expect(fetched.outcome == nil && stage.web.requests.first == "/once  ")
            #expect(stage.web.requests.last == "/once bytes=\(UpdateFetchTests.content.count / 4)- \"v1\"")
        }
    }

    @Test("removes a partial file of another order, or a file with another digest")
    func others() throws {
        try withStage { stage in
            let cut = try stage.fetch("cut")
            #expect(cut.outcome == .noServer && FileManager.default.fileExists(atPath: stage.folder.part))
            let other = try stage.fetch("file", digest: [UInt8](repeating: 7, count: 32))
            #expect(other.outcome == .otherDigest && other.said.last?.hasSuffix("was announced") == true)
            #expect(stage.web.requests.last == "/file  ", "not from where the other one ended")
            #expect(!FileManager.default.fileExists(atPath: stage.folder.part))
        }
    }

    @Test("begins again three times, and no more, at a web server that cannot resume and always closes early")
    func endless() throws {
        try withStage { stage in
            stage.settings.timeLimit = .seconds(600)
            let fetched = try stage.fetch("cut")
            #expect(fetched.outcome == .noServer && fetched.said.last?.hasPrefix("begun again 3 times") == true)
            // Each time without an offset, and then from where that ended, which the server does not do.
            #expect(stage.web.requests.count == 8 && stage.web.requests.count { $0 == "/cut  " } == 4)
        }
    }

    @Test("does not log what may be secret in the address of a redirect")
    func redirectedWithSecrets() throws {
        try withStage { stage in
            let fetched = try stage.fetch("away")
            #expect(fetched.said == ["the server redirects to another address: https://localhost:1/file?..."])
        }
    }

    @Test("reports the web server's error with the beginning of its reply")
    func httpError() throws {
        try withStage { stage in
            let fetched = try stage.fetch("missing")
            let said = [UInt8](String(repeating: "no such page ", count: 100).utf8).prefix(Fetched.maximumContents)
            #expect(fetched.outcome == .httpError(status: 404, contents: Array(said)))
            #expect(fetched.said == ["the web server answers 404"])
        }
    }

    @Test("says in one line why a file is not fetched")
    func bad() throws {
        try withStage { stage in
            stage.settings.maximumFile = 1 << 20
            let port = stage.web.port
            let cases: [(String, Fetched, String)] = [
                ("endless", .noFile, "longer than 1048576 bytes"), ("away", .noServer, "redirects to another address"),
                ("http://localhost:\(port)/file", .noServer, "not protected by TLS"),
                ("https://user@localhost/file", .noServer, "holds a user name"),
                ("file:///etc/passwd", .noServer, "does not begin with https://"),
                ("https://localhost/../x", .noServer, "holds what no path may"),
                // The certificate names localhost and 127.0.0.1.
                ("https://[::1]:\(port)/file", .noServer, "no connection"), ("cut", .noServer, "failed"),
            ]
            for (url, outcome, words) in cases {
                let fetched = try stage.fetch(url)
                #expect(
                    fetched.outcome == outcome && fetched.said.contains { $0.contains(words) }, "\(url): \(fetched)")
            }
            stage.settings.authority = "/etc/ssl/certs/ca-certificates.crt"
            let untrusted = try stage.fetch("file")
            #expect(untrusted.outcome == .noServer && untrusted.said.first?.contains("certificate") == true)
        }
    }

    @Test("a file of the running version is refused, and an older one is accepted only if that is allowed")
    func objections() throws {
        let ours = try #require(VersionNumber(Shell.version))
        #expect(ours.objection(allowsOlder: true) == "that is \(Shell.version), which runs")
        let older = try #require(VersionNumber("0.0.9"))
        #expect(older.objection(allowsOlder: false) == "that is older than \(Shell.version), which runs")
        #expect(older.objection(allowsOlder: true) == nil)
        #expect(VersionNumber("99")?.objection(allowsOlder: false) == nil)
    }

    @Test("asks the updater for the version, and refuses a file that the updater refuses")
    func judged() throws {
        try TemporaryFolder.with { files in
            let path = try files.write(
                Data("#!/bin/sh\n[ \"$2\" != bad ] || exit 1\necho \"$2\"\n".utf8), to: "updater", mode: 0o755)
            let updater = Updater(path: path, folder: UpdateFolder(in: files.url.path))
            #expect(updater.version(of: "1.2", for: "beacon.conf").version == VersionNumber("1.2"))
            let bad = updater.version(of: "bad", for: "beacon.conf")
            #expect(bad.version == nil && bad.words.hasPrefix("the updater does not take the file"))
            let none = updater.version(of: "no version", for: "beacon.conf")
            #expect(none.version == nil && none.words.hasPrefix("the updater does not tell the version of the file"))
            try Data("#!/bin/sh\necho 'warning: 9.9' >&2\necho \"$2\"\necho more >&2\n".utf8).write(
                to: URL(filePath: path))
            let loud = updater.version(of: "1.3", for: "beacon.conf")
            #expect(loud.version == VersionNumber("1.3"), "the version is what it writes to standard output")
        }
    }

    @Test("a result's line is read as it was written, and no other line is a result")
    func lines() {
        let all: [Fetched] = [
            .verified(version: "1.2"), .httpError(status: 404, contents: [1, 2]), .noServer, .noFile, .otherDigest,
        ]
        for fetched in all { #expect(Fetched(line: fetched.line) == fetched) }
        for line in ["", "fetched: ", "fetched: verified", "fetched: http x 00", "fetched: no-file more", "no-file"] {
            #expect(Fetched(line: line) == nil, "\(line)")
        }
    }
}
