import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("Hostile replies to an enrolment", .blocking)
struct EnrolRefusalTests {
    let network: Network
    let service: RegistryService
    let beacon: Enrollee

    init() throws {
        network = try Network()
        service = try RegistryService(network)
        beacon = Enrollee(service)
    }

    /// One line says what is wrong and one what to do; nothing received is printed raw or written.
    private func expectRefusal(
        _ path: String, _ fault: [Any], _ message: String, _ location: SourceLocation = #_sourceLocation
    ) throws {
        try service.fault(path, fault)
        let reply = try beacon.enrol("--identity", Node.beacon.topicForm, "--timeout", "2")
        let lines = reply.text.split(separator: "\n", omittingEmptySubsequences: false)
        let what = "\(fault.description.prefix(100)): \(reply.text)"
        #expect(reply.status == 1, "\(what)", sourceLocation: location)
        #expect(lines.count { $0.hasPrefix("srup-beacon: ") } == 1, "\(what)", sourceLocation: location)
        #expect(lines.dropLast().last?.hasPrefix("hint: ") == true, "\(what)", sourceLocation: location)
        let told = lines.first { $0.hasPrefix("srup-beacon: ") } ?? ""
        #expect(told.contains(message), "\(what)", sourceLocation: location)
        #expect(reply.text.utf8.allSatisfy { $0 == 0x0A || (0x20...0x7E).contains($0) }, sourceLocation: location)
        #expect(!beacon.exists(beacon.configuration), "\(what)", sourceLocation: location)
        #expect(!beacon.exists(beacon.keys + "/access"), "\(what)", sourceLocation: location)
        try service.fault(path, nil)
    }

    /// After all refusals, the same folder still becomes a beacon.
    private func expectWhole() throws {
        let reply = try beacon.enrol("--identity", Node.beacon.topicForm)
        #expect(reply.status == 0, "\(reply.text)")
        #expect(try beacon.command("run", "--check").status == 0)
        let known =
            /keys(\/(access|access-1|identity\.(key|pub)\.pem|server\.pub\.pem|service-ca\.pem|enrolment\.json|lock))?(\/(key|certificate|ca|ca\.given)\.pem)?/
        for name in beacon.names { #expect(name.wholeMatch(of: known) != nil, "\(name)") }
    }

    @Test("too long, too slow, silent, redirected: the transfer ends within its limits")
    func transfers() throws {
        let began = Date()
        try expectRefusal("status", ["huge"], "longer than 65536 bytes")
        try expectRefusal("status", ["announced"], "longer than 65536 bytes")
        try expectRefusal("status", ["head"], "head")
        try expectRefusal("status", ["slow"], "did not come in time")
        try expectRefusal("status", ["silent"], "did not come in time")
        try expectRefusal("status", ["redirect", "http://localhost/"], "another address: http://localhost/")
        try expectRefusal("register", ["redirect", "https://localhost:\(service.port)/x"], "redirects to another")
        try expectRefusal("status", ["redirect", "file:///etc/passwd"], "redirects to another address")
        #expect(Date().timeIntervalSince(began) < 60)
        try expectWhole()
    }

    @Test("a service with the wrong certificate, or one that cannot be reached, is refused with the reason")
    func servers() throws {
        let other = try Network(ownAuthority: true)
        let reply = try beacon.enrol(authority: other.folder + "/ca.pem")
        #expect(reply.text.contains("certificate is not accepted"), "\(reply.text)")
        let system = try beacon.enrol(authority: "")
        #expect(system.text.contains("certificate is not accepted"), "\(system.text)")
        let name = try beacon.enrol(at: "https://127.0.0.2:\(service.port)")
        #expect(name.status == 1)
        let wrongName = try beacon.enrol(at: "https://[::1]:\(service.port)")
        #expect(wrongName.status == 1)
        let nobody = try beacon.enrol(at: "https://localhost:1")
        #expect(nobody.text.contains("no connection"), "\(nobody.text)")
        let nowhere = try beacon.enrol(at: "https://nowhere.invalid")
        #expect(nowhere.text.contains("the name nowhere.invalid has no address"), "\(nowhere.text)")
        #expect(!beacon.exists(beacon.state), "nothing is left behind")
        #expect(service.log.isEmpty)
        try expectWhole()
    }
}
