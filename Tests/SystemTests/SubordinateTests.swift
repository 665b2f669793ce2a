import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A registration service whose CA is below another one", .blocking)
struct SubordinateTests {
    /// A network whose broker and clients have certificates of a subordinate CA. The broker knows the root only.
    private func subordinateNetwork() throws -> (Network, RegistryService) {
        let network = try Network(ownAuthority: true)
        let folder = network.folder
        func openssl(_ line: String) throws {
            try Network.run("/usr/bin/openssl", line.split(separator: " ").map(String.init))
        }
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        try openssl(
            "req -x509 -CA \(folder)/ca.pem -CAkey \(folder)/ca.key \(key) -subj /CN=subordinate -keyout \(folder)/sub.key"
                + " -out \(folder)/sub.pem -addext basicConstraints=critical,CA:true,pathlen:0"
                + " -addext keyUsage=critical,keyCertSign,cRLSign")
        try openssl(
            "req -x509 -CA \(folder)/sub.pem -CAkey \(folder)/sub.key \(key) -subj /CN=localhost -keyout \(folder)/server.key"
                + " -out \(folder)/leaf.pem -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false"
        )
        func text(_ name: String) throws -> String { try String(contentsOfFile: folder + "/" + name, encoding: .utf8) }
        try (text("leaf.pem") + text("sub.pem")).write(
            toFile: folder + "/server.cert.pem", atomically: true, encoding: .utf8)
        try (text("sub.pem") + text("ca.pem")).write(toFile: folder + "/both.pem", atomically: true, encoding: .utf8)
        network.stopBroker()
        try network.startBroker()
        let service = try RegistryService(network)
        try service.set("ca", folder + "/both.pem")
        try service.set("ca_key", folder + "/sub.key")
        try service.set("chain", folder + "/sub.pem")
        return (network, service)
    }

    @Test("enrols a beacon that the broker accepts, that joins, and that renews")
    func wholeWay() throws {
        let (network, service) = try subordinateNetwork()
        let beacon = Enrollee(service)
        let reply = try beacon.enrol("--identity", Node.beacon.topicForm)
        #expect(reply.status == 0, "\(reply.text)")
        #expect(reply.text.contains("the broker takes the certificate"), "\(reply.text)")
        let registered = service.folder + "/keys/" + Node.beacon.topicForm
        let known = network.folder + "/\(Node.beacon.topicForm).pub.pem"
        try FileManager.default.removeItem(atPath: known)
        try FileManager.default.copyItem(atPath: registered, toPath: known)
        let server = try TestServer(network)
        let log = network.folder + "/daemon.log"
        let daemon = try RenewTests.Running(network: network, beacon: beacon).run(log)
        defer { daemon.end() }
        try eventually("the beacon has joined") { server.accepted.contains { $0.body == .joinRequest } }
        try eventually("the beacon is a member") { try beacon.command("status").text.contains("member") }
        let renewed = try beacon.command("renew")
        #expect(renewed.status == 0, "\(renewed.text)")
        #expect(renewed.text.contains("the broker takes the new certificate"), "\(renewed.text)")
        #expect(try beacon.command("run", "--check").status == 0)
    }

    @Test("an operator's own file of CAs is used by renewals and stays as it is; a missing CA is named")
    func ownFile() throws {
        let network = try Network()
        let service = try RegistryService(network)
        let beacon = Enrollee(service)
        #expect(try beacon.enrol("--identity", Node.beacon.topicForm).status == 0)
        let own = network.folder + "/own.pem"
        let content = try String(contentsOfFile: network.folder + "/ca.pem", encoding: .utf8)
        try content.write(toFile: own, atomically: true, encoding: .utf8)
        var text = try String(contentsOfFile: beacon.configuration, encoding: .utf8)
        text = text.replacing("ca = \(beacon.keys)/access/ca.pem", with: "ca = \(own)")
        try text.write(toFile: beacon.configuration, atomically: true, encoding: .utf8)
        let again = try beacon.enrol()
        #expect(again.status == 0, "\(again.text)")
        let before = beacon.content("access/certificate.pem")
        // The service gives one more CA, which the broker does not use yet.
        let next = network.folder + "/next.pem"
        try Network.run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=next", "-keyout", next + ".key", "-out",
                next,
            ])
        try (content + String(contentsOfFile: next, encoding: .utf8)).write(
            toFile: network.folder + "/both.pem", atomically: true, encoding: .utf8)
        try service.set("ca", network.folder + "/both.pem")
        let renewed = try beacon.command("renew")
        #expect(renewed.status == 0, "\(renewed.text)")
        #expect(
            renewed.text.contains(
                "\(own) does not hold a CA certificate that the registration service gives: CN = next"))
        #expect(beacon.content("access/certificate.pem") != before)
        #expect(try String(contentsOfFile: own, encoding: .utf8) == content)
    }
}
