import Foundation
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Enrolment with a service like the reference's", .blocking)
struct EnrolTests {
    let network: Network
    let service: RegistryService
    let beacon: Enrollee

    init() throws {
        network = try Network()
        service = try RegistryService(network)
        beacon = Enrollee(service)
    }

    @Test("ends with a beacon that runs and joins, and whose keys are closed to others")
    func whole() throws {
        let keyLog = network.folder + "/tls-keys"
        let reply = try beacon.enrol(
            "--identity", Node.beacon.topicForm, "--type", "gate", environment: ["SSLKEYLOGFILE": keyLog])
        #expect(reply.status == 0, "\(reply.text)")
        #expect(!FileManager.default.fileExists(atPath: keyLog), "libcurl has written the connection's keys")
        #expect(reply.text.contains("the broker takes the certificate"))
        for name in ["identity.key.pem", "access/key.pem", "enrolment.json"] {
            #expect(try beacon.mode(beacon.keys + "/" + name) == 0o600, "\(name)")
        }
        #expect(try beacon.mode(beacon.keys) == 0o700)
        #expect(try beacon.command("run", "--check").status == 0)
        #expect(service.log.contains { $0.contains("\"type\": \"gate\"") })

        // The service has our key, and the server learns it there; then the beacon joins.
        let registered = service.folder + "/keys/" + Node.beacon.topicForm
        try FileManager.default.removeItem(atPath: network.folder + "/\(Node.beacon.topicForm).pub.pem")
        try FileManager.default.copyItem(
            atPath: registered, toPath: network.folder + "/\(Node.beacon.topicForm).pub.pem")
        let server = try TestServer(network)
        var text = try String(contentsOfFile: beacon.configuration, encoding: .utf8)
        text = text.replacing(
            "[link]", with: "[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = \(network.folder)/link")
        try text.write(toFile: beacon.configuration, atomically: true, encoding: .utf8)
        let log = network.folder + "/daemon.log"
        let daemon = try Child(
            Network.products + "/srup-beacon", ["run", "--config", beacon.configuration], output: log)
        defer { daemon.end() }
        try eventually("the beacon has joined") { server.accepted.contains { $0.body == .joinRequest } }
        try eventually("the beacon is a member") { try beacon.command("status").text.contains("member") }
        let maps = try Network.run("/bin/cat", ["/proc/\(daemon.process)/maps"])
        #expect(maps.contains("libmosquitto"))
        #expect(!maps.contains("libcurl"), "the HTTP client is in the daemon")
    }

    @Test("a second time does nothing and needs no service")
    func again() throws {
        #expect(try beacon.enrol().status == 0)
        let (names, requests) = (beacon.names, service.log.count)
        let identity = beacon.identity
        let before = beacon.names.sorted().map { beacon.content("../" + $0) }
        let reply = try beacon.enrol()
        #expect(reply.status == 0, "\(reply.text)")
        #expect(beacon.names == names)
        #expect(service.log.count == requests)
        #expect(beacon.identity == identity)
        #expect(beacon.names.sorted().map { beacon.content("../" + $0) } == before)
    }

    @Test("with --dry-run nothing is written and nothing registered")
    func rehearsal() throws {
        let reply = try beacon.enrol("--dry-run")
        #expect(reply.status == 0, "\(reply.text)")
        #expect(reply.text.contains("would register"))
        #expect(!beacon.exists(beacon.state))
        #expect(!beacon.exists(beacon.configuration))
        #expect(service.log.allSatisfy { $0.hasPrefix("GET status") })
        try service.fault("status", ["body", "{\"active\": false, \"identity\": \"10\"}"])
        let inactive = try beacon.enrol("--dry-run")
        #expect(inactive.status == 1)
        #expect(inactive.text.contains("is not active"))
    }

    @Test("--replace sets the old identity aside, and makes another one")
    func replace() throws {
        #expect(try beacon.enrol().status == 0)
        let (identity, key) = (beacon.identity, beacon.content("identity.key.pem"))
        let reply = try beacon.enrol("--replace")
        #expect(reply.status == 0, "\(reply.text)")
        #expect(reply.text.contains("set aside: \(beacon.keys).old-1"))
        #expect(beacon.identity != identity)
        #expect(beacon.content("../keys.old-1/identity.key.pem") == key)
        #expect(beacon.exists(beacon.configuration + ".old-1"))
        #expect(try beacon.command("run", "--check").status == 0)
    }

    @Test("a token from a file, standard input or the environment is sent, and not stored")
    func token() throws {
        try service.set("token", "open-sesame")
        let refused = try beacon.enrol()
        #expect(refused.status == 1)
        #expect(refused.text.contains("answers register with 403"), "\(refused.text)")
        let file = network.folder + "/token"
        try "open-sesame\n".write(toFile: file, atomically: true, encoding: .utf8)
        let reply = try beacon.enrol("--token", "-", input: file)
        #expect(reply.status == 0, "\(reply.text)")
        #expect(try Enrollee(service, name: "second").enrol("--token", file).status == 0)
        let environment = ["SRUP_BEACON_TOKEN": "open-sesame"]
        #expect(try Enrollee(service, name: "third").enrol(environment: environment).status == 0)
        for name in beacon.names {
            #expect(beacon.content("../" + name)?.range(of: Data("open-sesame".utf8)) == nil, "\(name)")
        }
    }

    @Test("plain HTTP is refused, except to this machine with --allow-plain-http")
    func plain() throws {
        let plain = try RegistryService(try Network(), isPlain: true)
        let beacon = Enrollee(plain)
        for address in ["http://localhost:\(plain.port)", "http://register.example.org"] {
            let reply = try beacon.enrol(at: address, authority: "")
            #expect(reply.status == 1)
            #expect(reply.text.contains("is not protected by TLS"), "\(reply.text)")
        }
        let far = try beacon.enrol("--allow-plain-http", at: "http://register.example.org", authority: "")
        #expect(far.text.contains("is not protected by TLS"))
        #expect(plain.log.isEmpty)
        let reply = try beacon.enrol("--allow-plain-http", at: "http://localhost:\(plain.port)", authority: "")
        #expect(reply.status == 0, "\(reply.text)")
    }
}
