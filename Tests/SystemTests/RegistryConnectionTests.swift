import Foundation
import SystemSupport
import TestVectors
import Testing

@Suite("Connections to the registration service", .blocking, .serialized)
struct RegistryConnectionTests {
    private let registry: RegistryProcess
    private var port: UInt16 { UInt16(registry.url.split(separator: ":").last ?? "") ?? 0 }

    init() throws { registry = try RegistryProcess(options: ["--connection-seconds", "20"]) }

    /// A connection from one of this machine's own addresses, 127.0.0.`last`.
    private func connection(from last: UInt8) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        func address(_ number: UInt32, _ port: UInt16) -> sockaddr_in {
            var address = sockaddr_in()
            (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
            address.sin_addr.s_addr = (0x7F00_0000 + number).bigEndian
            return address
        }
        let done = [(address(UInt32(last), 0), bind), (address(1, port), connect)].allSatisfy { place, call in
            withUnsafePointer(to: place) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    call(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
        guard done else { throw NotInTime(what: "a connection from 127.0.0.\(last): \(errno)") }
        return descriptor
    }

    /// Whether the other end has closed it; data before that does not matter.
    private func isClosed(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
        return count == 0 || count < 0 && errno != EAGAIN
    }

    private func isAnswered(from last: Int) throws -> Bool {
        let arguments = [
            "-sS", "--max-time", "2", "--interface", "127.0.0.\(last)", "--cacert",
            registry.folder + "/registry/ca.pem", registry.url + "/KeyEx/register/status",
        ]
        return try Network.output("/usr/bin/curl", arguments).status == 0
    }

    @Test("one address can have 32 silent connections: one more replaces the oldest, and is answered")
    func ofOne() throws {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        for _ in 0..<32 { held.append(try connection(from: 2)) }
        #expect(!held.contains(where: isClosed))
        #expect(try isAnswered(from: 2))
        // Several threads of the server accept concurrent connections in any order.
        try eventually("one has gone") { held.contains(where: isClosed) }
        #expect(held.count(where: isClosed) == 1)
        for _ in 0..<64 { held.append(try connection(from: 2)) }
        try eventually("32 are left") { held.count { !isClosed($0) } == 32 }
        #expect(held.suffix(40).count { !isClosed($0) } > 24, "the newest are kept")
        #expect(try isAnswered(from: 3))
    }

    @Test("all addresses can have 256 silent connections: one more replaces the oldest of the address that has most")
    func inAll() throws {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        for number in 0..<256 { held.append(try connection(from: UInt8(2 + number / 32))) }
        for _ in 0..<5 { #expect(try isAnswered(from: 20)) }
        #expect(held.count { !isClosed($0) } >= 250)
        for number in 0..<256 { held.append(try connection(from: UInt8(30 + number / 32))) }
        try eventually("256 are left") { held.count { !isClosed($0) } == 256 }
        #expect(try isAnswered(from: 20))
    }

    @Test("a client that has presented a token keeps its connection, whatever strangers do")
    func known() throws {
        let token = try registry.verb("reader").split(separator: "\n").last.map(String.init) ?? ""
        let id = Node.c2.topicForm
        let arguments = [
            Network.project + "/Tests/SystemTests/Registry/connections.py", "known", String(port),
            registry.folder + "/registry/ca.pem", token, id,
        ]
        let reply = try Network.output("/usr/bin/python3", arguments)
        #expect(reply.text == "200\n200\n", "\(reply.text)")
    }

    @Test(
        "a body above the limit is refused when it is announced or becomes too long, and not read further",
        arguments: ["announced", "endless"])
    func longBody(kind: String) throws {
        let arguments = [
            Network.project + "/Tests/SystemTests/Registry/connections.py", kind, String(port),
            registry.folder + "/registry/ca.pem",
        ]
        let reply = try Network.output("/usr/bin/python3", arguments)
        let words = reply.text.split(separator: "\n").first?.split(separator: " ") ?? []
        #expect(words.first == "413", "\(reply.text)")
        // No more than the socket buffers hold.
        #expect(words.count == 2 && Int(words[1]).map { $0 < 16 << 20 } == true, "\(reply.text)")
    }
}

@Suite("A silent connection to the registration service", .blocking)
struct SilentRegistryConnectionTests {
    @Test("is closed in time, before TLS as well")
    func silent() throws {
        let registry = try RegistryProcess(options: ["--connection-seconds", "2"])
        let port = registry.url.split(separator: ":").last ?? ""
        let began = Date()
        let reply = try Network.output(
            "/bin/bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/\(port); timeout 15 cat <&3; echo ended $?"])
        #expect(reply.text == "ended 0\n")
        #expect((1.5..<10).contains(Date().timeIntervalSince(began)))
    }
}
