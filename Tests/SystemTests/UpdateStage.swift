import Foundation
import Keys
import SRUP
import SystemSupport

/// A beacon with a copy of the program, an updater for it, and a web server with a newer version.
final class UpdateStage {
    let network: Network
    let server: TestServer
    let beacon: BeaconProcess
    let web: Child
    private let place: String
    /// The version that is served.
    static let newer = "0.1.1"
    static let (token, other) = (
        Token(random: [UInt8](repeating: 1, count: 16), for: Node.beacon),
        Token(random: [UInt8](repeating: 2, count: 16), for: Node.beacon)
    )

    init(update: [String] = [], server terms: [String] = []) throws {
        network = try Network()
        server = try TestServer(network)
        place = network.folder + "/web"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let folder = network.folder
        let updater = folder + "/updater"
        let script = try String(contentsOfFile: Network.project + "/docs/updater", encoding: .utf8)
            .replacing("/usr/local/bin/srup-beacon", with: folder + "/srup-beacon")
        try script.write(toFile: updater, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: updater)
        beacon = try BeaconProcess(
            network,
            settings: [
                "update": ["updater = \(updater)", "ca = \(folder)/ca.pem"] + update,
                "server \(Node.c2.topicForm)": terms,
            ])
        beacon.program = folder + "/srup-beacon"
        web = try Child(
            "/usr/bin/env",
            [
                "python3", Network.project + "/Tests/FetchingTests/files.py", place, folder + "/server.cert.pem",
                folder + "/server.key",
            ])
        // Without its symbols, of which a debug build has some ten megabytes.
        try Network.run("/usr/bin/strip", ["-o", first, Network.products + "/srup-beacon"])
        try takeBack()
        try eventually("the web server listens") { FileManager.default.fileExists(atPath: place + "/port") }
    }

    deinit { web.end(with: SIGKILL) }

    /// The program as it was at first.
    private var first: String { network.folder + "/srup-beacon.first" }

    func takeBack() throws {
        // By another process: one that another test starts meanwhile would inherit a file that is open for writing, and what is
        // open for writing cannot be started.
        try Network.run("/bin/cp", ["--remove-destination", first, beacon.program])
    }

    /// The program with another version number, as in a release.
    func serve(version: String = newer) throws {
        let bytes = try Data(contentsOf: URL(filePath: first))
        let (old, new) = (Data("srup-beacon 0.1.0".utf8), Data("srup-beacon \(version)".utf8))
        guard bytes.range(of: old) != nil, old.count == new.count else {
            throw NotInTime(what: "the version in the program's file")
        }
        // All occurrences: a sanitizer build also has it among its names.
        try serve(bytes.replacing(old, with: new))
    }

    func serve(_ content: Data) throws { try content.write(to: URL(filePath: place + "/content")) }

    var content: [UInt8] { [UInt8](FileManager.default.contents(atPath: place + "/content") ?? Data()) }
    var port: String { (try? String(contentsOfFile: place + "/port", encoding: .utf8)) ?? "" }
    var requests: [Substring] {
        ((try? String(contentsOfFile: place + "/requests", encoding: .utf8)) ?? "").split(separator: "\n")
    }

    /// INITIATE.
    func order(digest: [UInt8]? = nil, token: Token = token) throws {
        let place = "https://localhost:\(port)/file"
        try server.send(
            .initiate(
                url: Octets(terminated: place), digest: Octets(terminated: hexadecimal(digest ?? sha256(content)))),
            token: token)
    }

    func answer(_ count: Int = 1, token: Token = token, within seconds: Double = 60) throws -> [Status] {
        try eventually("\(count) answers\n\(beacon.logged.suffix(4_000))", within: seconds) {
            server.verdicts(token).count >= count
        }
        return server.verdicts(token)
    }

    /// Fetches the newer version, and begins its activation.
    func beginActivation() throws {
        try serve()
        try beacon.startAndJoin()
        try order()
        let answers = try answer()
        guard answers == [.updateSuccess] else {
            throw NotInTime(what: "the file, but \(answers)\n\(beacon.logged.suffix(4_000))")
        }
        try server.send(.activate, token: UpdateStage.token)
        try eventually("it activates") { beacon.logged.contains("activating version") }
    }

    /// The end of the beacon's log, to show if an answer is wrong.
    var lastLines: Substring { beacon.logged.suffix(3_000) }
    var phase: String? { (beacon.status["update"] as? [String: Any])?["phase"] as? String }
    var version: String? { beacon.status["version"] as? String }
}
