import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The paper's §3.2 and §3.7 with the real program, a real broker, a web server over TLS, and the updater that we document.
@Suite("An update", .blocking)
struct UpdateTests {
    @Test("is fetched, verified, activated on order, and confirmed by the new version itself")
    func wholeLife() throws {
        let stage = try UpdateStage()
        try stage.serve()
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateSuccess], "\(stage.lastLines)")
        #expect(stage.phase == "fetched" && stage.version == "0.1.0")
        let process = stage.beacon.process?.process
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(2) == [.updateSuccess, .activateSuccess])
        #expect(stage.version == UpdateStage.newer && stage.beacon.process?.process == process)
        #expect(stage.beacon.membership == "member")
        try eventually("nothing is left of the file") {
            !FileManager.default.fileExists(atPath: stage.beacon.state + "/update/file")
                && !FileManager.default.fileExists(atPath: stage.beacon.program + ".old")
        }
        // Asked again, the same answer; and nothing older afterwards.
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(3).last == .activateSuccess, "\(stage.lastLines)")
        try stage.serve(version: "0.1.0")
        try stage.order(token: UpdateStage.other)
        #expect(try stage.answer(token: UpdateStage.other) == [.updateFailFile], "\(stage.lastLines)")
        #expect(stage.beacon.says("that is older than \(UpdateStage.newer)"))
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        var path = "file"
        var url: String?
        var digest: [UInt8]?
        let status: Status
        let words: String
        var testDescription: String { url ?? path + (digest == nil ? "" : ", other digest") }
    }

    @Test("that is not what it must be has its code, one line in the log, and is not installed")
    func bad() throws {
        let stage = try UpdateStage(update: ["size-limit = 1", "time-limit = 20"])
        try stage.serve(Data("no program\n".utf8))
        try stage.beacon.startAndJoin()
        let cases = [
            Bad(digest: [UInt8](repeating: 7, count: 32), status: .updateFailDigest, words: "was announced"),
            Bad(path: "endless", status: .updateFailFile, words: "longer than 1048576 bytes"),
            Bad(status: .updateFailFile, words: "the updater does not take the file"),
            Bad(path: "away", status: .updateFailServer, words: "leads to another place"),
            Bad(
                url: "http://localhost:\(stage.port)/file", status: .updateFailServer, words: "not protected by TLS"),
            Bad(url: "https://user@localhost/file", status: .updateFailServer, words: "holds a user name"),
            Bad(url: "file:///etc/passwd", status: .updateFailServer, words: "does not begin with https://"),
            Bad(url: "https://localhost/../x", status: .updateFailServer, words: "holds what no path may"),
            // The certificate names localhost and 127.0.0.1.
            Bad(url: "https://[::1]:\(stage.port)/file", status: .updateFailServer, words: "no connection"),
            Bad(path: "cut", status: .updateFailServer, words: "failed"),
        ]
        for (number, bad) in cases.enumerated() {
            let token = Token(random: [UInt8](repeating: UInt8(number + 16), count: 16), for: Node.beacon)
            try stage.order(bad.path, digest: bad.digest, url: bad.url, token: token)
            #expect(try stage.answer(token: token) == [bad.status], "\(bad.testDescription)")
            #expect(stage.beacon.says(bad.words), "\(bad.testDescription)")
        }
        let line = stage.beacon.logged.split(separator: "\n").filter { $0.contains("was announced") }
        #expect(line.count == 1)
        #expect(try stage.beacon.command("--version").text.isEmpty || stage.version == "0.1.0")
        // A certificate that leads elsewhere.
        try stage.beacon.write([
            "update": ["updater = \(stage.network.folder)/updater", "ca = /etc/ssl/certs/ca-certificates.crt"]
        ])
        stage.beacon.process.map { _ = kill($0.process, SIGHUP) }
        try eventually("the configuration is read") { stage.beacon.logged.contains("configuration read again") }
        try stage.order(token: UpdateStage.other)
        #expect(try stage.answer(token: UpdateStage.other) == [.updateFailServer], "\(stage.lastLines)")
        #expect(stage.beacon.says("certificate"))
    }

    @Test("that the web server answers with an error is FC, after its status and the beginning of what it said (§3.7)")
    func httpError() throws {
        let stage = try UpdateStage()
        try stage.serve()
        try stage.beacon.startAndJoin()
        try stage.order("missing")
        #expect(try stage.answer() == [.updateFailHTTPError], "\(stage.lastLines)")
        let told = stage.server.accepted.filter { $0.token == UpdateStage.token }.map(\.body)
        let said = [UInt8](String(repeating: "no such page ", count: 100).utf8).prefix(1_024)
        #expect(
            told == [
                .data(id: Octets("UPDATE_HTTP_STATUS".utf8), data: Octets([0x94, 0x01, 0, 0])),
                .data(id: Octets("UPDATE_HTTP_CONTENTS".utf8), data: Octets(said)), .response(.updateFailHTTPError),
            ])
    }

    @Test("that is broken off goes on where it was")
    func resumed() throws {
        let stage = try UpdateStage()
        try stage.serve()
        try stage.beacon.startAndJoin()
        try stage.order("once")
        #expect(try stage.answer() == [.updateSuccess], "\(stage.lastLines)")
        #expect(stage.requests.first == "/once  ")
        #expect(stage.requests.last == "/once bytes=\(stage.content.count / 4)- \"v1\"")
    }

    @Test("that holds an older version is refused, unless the configuration allows it", arguments: [false, true])
    func older(isAllowed: Bool) throws {
        let stage = try UpdateStage(update: ["allow-older = \(isAllowed ? "yes" : "no")"])
        try stage.serve(version: "0.0.9")
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [isAllowed ? .updateSuccess : .updateFailFile], "\(stage.lastLines)")
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(2).last == (isAllowed ? .activateSuccess : .activateFail), "\(stage.lastLines)")
        #expect(stage.version == (isAllowed ? "0.0.9" : "0.1.0"))
    }

    @Test("whose program does not take our configuration is not taken by the updater, and answered FE")
    func doesNotStart() throws {
        let stage = try UpdateStage()
        try stage.serve(Data("#!/bin/sh\n[ \"$1\" = --version ] && echo 0.2.0 && exit 0\necho broken\nexit 1\n".utf8))
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateFailFile], "\(stage.lastLines)")
        #expect(stage.beacon.says("the updater does not take the file"))
    }

    @Test("of the version that runs is refused, also where older ones are allowed")
    func sameVersion() throws {
        let stage = try UpdateStage(update: ["allow-older = yes"])
        try stage.serve(version: "0.1.0")
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateFailFile], "\(stage.lastLines)")
        #expect(stage.beacon.says("that is 0.1.0, which runs"))
    }

    @Test("whose updater has put a broken program in place is taken back before the old one has ended, and answered 1F")
    func brokenInPlace() throws {
        let stage = try UpdateStage()
        // An updater that looks at nothing but the version.
        let updater = stage.network.folder + "/updater"
        let script = try String(contentsOfFile: updater, encoding: .utf8)
        try script.replacing("\"$trial\" run --check", with: ": run --check").write(
            toFile: updater, atomically: false, encoding: .utf8)
        // It tells its version, and can do no more.
        try stage.serve(
            Data("#!/bin/sh\n[ \"$1\" = --version ] && echo 0.2.0 && exit 0\necho broken\nexit 1\n".utf8))
        try stage.beacon.startAndJoin()
        try stage.order()
        #expect(try stage.answer() == [.updateSuccess], "\(stage.lastLines)")
        try stage.server.send(.activate, token: UpdateStage.token)
        #expect(try stage.answer(2).last == .activateFail, "\(stage.lastLines)")
        #expect(stage.beacon.says("does not take our configuration"))
        #expect(stage.version == "0.1.0" && stage.beacon.isRunning)
        #expect(try Network.run(stage.beacon.program, ["--version"]) == "0.1.0\n")
    }

    @Test("is refused and counted where there is no updater, or the server may not, or the token does not name us")
    func notAllowed() throws {
        let stage = try UpdateStage(server: ["update-command = no"])
        try stage.serve()
        try stage.beacon.startAndJoin()
        try stage.order()
        try stage.server.send(.activate, token: UpdateStage.token)
        try eventually("refused") { stage.beacon.refused("not-allowed") == 2 }
        try stage.order(token: TestServer.token())
        try eventually("refused") { stage.beacon.refused("not-for-us") == 1 }
        stage.beacon.stop()
        try stage.beacon.write([:])
        try stage.beacon.startAndJoin()
        try stage.order()
        try eventually("refused") { stage.beacon.refused("not-allowed") == 1 }
        #expect(stage.server.verdicts(UpdateStage.token).isEmpty && stage.requests.isEmpty)
    }

    @Test("whose updater others can change keeps the beacon from starting, in a sentence")
    func openUpdater() throws {
        let stage = try UpdateStage()
        chmod(stage.network.folder + "/updater", 0o777)
        let reply = try stage.beacon.command("run", "--check")
        #expect(reply.status == 1 && reply.text.contains("can be changed by others"))
    }
}
