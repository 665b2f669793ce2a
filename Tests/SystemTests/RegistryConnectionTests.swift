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

    /// Whether the other end has closed it; what it would have said first does not matter.
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

    @Test("one address has 32 at once: the next is closed, and other addresses are not held up")
    func ofOne() throws {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        for _ in 0..<32 { held.append(try connection(from: 2)) }
        let one = try connection(from: 2)
        defer { close(one) }
        try eventually("the 33rd is closed") { isClosed(one) }
        #expect(!held.contains(where: isClosed))
        #expect(try !isAnswered(from: 2))
        #expect(try isAnswered(from: 3))
        close(held.removeLast())
        try eventually("the place is given back") { try isAnswered(from: 2) }
    }

    @Test("all together have 256, or up to 15 more that come at once: the next waits until there is room")
    func inAll() throws {
        var held: [Int32] = []
        defer { for descriptor in held { close(descriptor) } }
        for number in 0..<(256 + 15) { held.append(try connection(from: UInt8(2 + number / 32))) }
        #expect(!held.contains(where: isClosed))
        #expect(try !isAnswered(from: 20))
        for descriptor in held { close(descriptor) }
        held = []
        try eventually("there is room again") { try isAnswered(from: 20) }
    }
}

@Suite("A connection to the registration service that says nothing", .blocking)
struct SilentRegistryConnectionTests {
    @Test("is ended in time, before TLS as well")
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
