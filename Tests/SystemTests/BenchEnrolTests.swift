import Foundation
import Keys
import Nearby
import SystemSupport
import TestVectors
import Testing

@Suite("A device of the bench kit that enrols", .blocking, .serialized)
struct BenchEnrolTests {
    private let id = Node.device.topicForm

    private func enrol(
        _ registry: RegistryProcess, _ folder: String, _ more: [String] = [], authority: String? = nil
    ) throws -> (status: Int32, text: String) {
        try Network.output(
            RegistryProcess.bench,
            [
                "enrol", registry.url, "--folder", folder, "--bits", "2048", "--ca",
                authority ?? registry.folder + "/registry/ca.pem",
            ] + more)
    }

    @Test("has everything in one folder: broker and server recognise it")
    func whole() throws {
        let registry = try RegistryProcess(options: ["--tokens", "required"])
        let (folder, token) = (registry.folder + "/device", registry.folder + "/token")
        try registry.verb("token", ["--type", "lamp"]).write(toFile: token, atomically: true, encoding: .utf8)
        let reply = try enrol(registry, folder, ["--identity", id, "--type", "lamp", "--token", token])
        #expect(reply.status == 0, "\(reply.text)")
        #expect(reply.text.contains("enrol: enrolled as \(id)"))
        #expect(try registry.verb("list").hasPrefix("\(id)  validated "))
        for name in ["identity.key.pem", "access/key.pem", "enrolment.json"] {
            try checkPrivateKeyFile("\(folder)/\(name)")
        }
        // A second time nothing is done, and no request is sent.
        let said = registry.log
        #expect(try enrol(registry, folder).status == 0)
        #expect(registry.log == said)

        let keyring = registry.folder + "/keyring"
        try FileManager.default.createDirectory(atPath: keyring, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: folder + "/identity.pub.pem", toPath: "\(keyring)/\(id).pub.pem")
        let broker = try RegistryBroker(registry)
        let made = registry.folder + "/registry"
        let log = registry.folder + "/c2.log"
        let c2 = try Child(
            RegistryProcess.bench,
            [
                "c2", "--id", Node.c2.topicForm, "--key", "\(registry.folder)/\(Node.c2.topicForm).key.pem",
                "--keyring",
                keyring, "--broker", "localhost:\(broker.port)", "--ca", made + "/ca.pem", "--cert",
                made + "/c2.cert.pem",
                "--tls-key", made + "/c2.key.pem", "--timeout", "60",
            ], output: log)
        defer { c2.end() }
        try eventually("the server is ready") {
            (try? String(contentsOfFile: log, encoding: .utf8))?.contains("c2: ready") == true
        }
        // Its observer is not joined, so a server that knows the device refuses it; one that does not says nothing.
        // Nobody listens there: a socket that a beacon has left behind.
        close(try LinkSocket.listen(on: .local(path: registry.folder + "/nobody")))
        let joined = try Network.output(
            RegistryProcess.bench,
            [
                "device", "--enrolled", folder, "--broker", "localhost:\(broker.port)", "--observer",
                Node.beacon.topicForm, "--link", "local:\(registry.folder)/nobody", "--timeout", "20",
            ])
        #expect(joined.status == 10, "\(joined.text)")
        #expect(joined.text.contains("device: refused"))
    }

    @Test("with an invalid token it is not registered, and it continues with a valid one")
    func token() throws {
        let registry = try RegistryProcess(options: ["--tokens", "required"])
        let (folder, token) = (registry.folder + "/device", registry.folder + "/token")
        try "enrol-00".write(toFile: token, atomically: true, encoding: .utf8)
        for more in [[], ["--token", token]] {
            let reply = try enrol(registry, folder, more)
            #expect(reply.status == 1)
            #expect(reply.text.contains("answers register with 403"), "\(reply.text)")
            #expect(!FileManager.default.fileExists(atPath: folder + "/access"))
        }
        #expect(registry.log.contains("refused register from 127.0.0.1: 403, the enrolment token is not valid"))
        #expect(try registry.verb("list").isEmpty)
        let early = try Network.output(
            RegistryProcess.bench, ["device", "--enrolled", folder, "--observer", "b1", "--link", "local:/nowhere"])
        #expect(early.status == 1)
        #expect(early.text.contains("no enrolment has been finished in"), "\(early.text)")
        let key = FileManager.default.contents(atPath: folder + "/identity.key.pem")
        try registry.verb("token").write(toFile: token, atomically: true, encoding: .utf8)
        let reply = try enrol(registry, folder, ["--token", token])
        #expect(reply.status == 0, "\(reply.text)")
        #expect(FileManager.default.contents(atPath: folder + "/identity.key.pem") == key)
    }

    @Test("sends nothing to a service whose certificate is by another CA, and leaves no files behind")
    func authority() throws {
        let registry = try RegistryProcess()
        let (folder, other) = (registry.folder + "/device", registry.folder + "/other")
        _ = try registry.openssl(
            "req -x509 -newkey rsa:2048 -nodes -subj /CN=other -days 10 -keyout \(other).key -out \(other).pem")
        let said = registry.log
        let reply = try enrol(registry, folder, authority: other + ".pem")
        #expect(reply.status == 1)
        #expect(reply.text.contains("certificate is not accepted"), "\(reply.text)")
        #expect(!FileManager.default.fileExists(atPath: folder))
        #expect(registry.log == said)
    }

    @Test("is told which of its options are missing, or contradict each other")
    func options() throws {
        for arguments in [
            ["--observer", "b1", "--link", "local:/x"], ["--enrolled", "/x", "--id", "d1", "--observer", "b1"],
            ["--enrolled", "/x", "--server", "c2", "--observer", "b1", "--link", "local:/x"],
        ] {
            let reply = try Network.output(RegistryProcess.bench, ["device"] + arguments)
            #expect(reply.status == 64)
            #expect(reply.text.contains("--enrolled"), "\(reply.text)")
        }
    }
}
