import Foundation
import Glibc
import SRUP
import TestVectors
import Testing

@testable import Broker
@testable import Daemon
@testable import Nearby

@Suite("The shell's messages over the control socket", .blocking)
struct ShellReportTests {
    private let value = Secret([UInt8](repeating: 7, count: Secret.length)) ?? .random()

    @Test("answers over the control socket are what it knows, and nothing for what it does not understand")
    func control() throws {
        try withMember { fixture in
            try fixture.observe(device, value, token: fixture.token(1))
            _ = try fixture.connectDevice().prove(value, as: device)
            let status = try Inquiry.report(try fixture.on { $0.answer("status") })
            #expect(status.text.contains("server \(ShellFixture.c2): member"))
            let history = try Inquiry.history(try fixture.on { $0.answer("observations 5") })
            #expect(history.count == 1)
            let token = fixture.token(1)
            #expect(try !fixture.on { $0.answer("explain \(token)") }.isEmpty)
            for request in ["", "explain", "nonsense", "resign", "join nobody"] {
                #expect(try fixture.on { $0.answer(request) } == [], "\(request)")
            }
            let refused = try fixture.on { $0.answer("join \(ShellFixture.c2.topicForm) simple") }
            #expect(
                try decoder().decode(OrderReply.self, from: Data(refused)).refusal?.contains("member already") == true)
            let standing = try fixture.on { $0.answer("standing \(ShellFixture.c2.topicForm)") }
            let told = try decoder().decode(StandingReport.self, from: Data(standing))
            #expect(told.membership == .member && told.isConnected && told.fault == nil)
        }
    }

    @Test("the control socket answers after noise, long lines, silence, and clients that never read")
    func controlNoise() throws {
        try withMember { fixture in
            let path = fixture.file + ".control"
            let control = try Control(path, fixture.loop) { [shell = fixture.shell] request, reply in
                reply(shell.assumeIsolated { $0.answer(request) })
            }
            func client(_ bytes: [UInt8]) throws -> Int32 {
                let socket = try LinkSocket.connect(to: .local(path: path))
                _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                for _ in 0..<4 { fixture.loop.turn() }
                return socket
            }
            func expectAnswer(after what: String) throws {
                let socket = try client(Array("status\n".utf8))
                defer { close(socket) }
                guard case .bytes(let bytes) = LinkSocket.receive(from: socket) else {
                    Issue.record("no answer after \(what)")
                    return
                }
                #expect(String(decoding: bytes, as: UTF8.self).contains("broker.example.org"), "after \(what)")
            }
            let noise: [[UInt8]] = [
                [0x0A], Array("nonsense\n".utf8), [0xFF, 0xFE, 0x00, 0x0A], Array("observations -1\n".utf8),
                Array("observations 99999999999999999999\n".utf8), Array(repeating: 0x41, count: 300),
                Array(repeating: 0x41, count: 100_000), Array("status".utf8) + [0] + Array("\n".utf8),
            ]
            var sockets: [Int32] = []
            defer { for socket in sockets { close(socket) } }
            for bytes in noise {
                let socket = try client(bytes)
                sockets.append(socket)
                var end = LinkSocket.receive(from: socket)
                while case .bytes = end { end = LinkSocket.receive(from: socket) }
                #expect(end == .closed, "after \(bytes.prefix(20))")
                try expectAnswer(after: "\(bytes.prefix(20))")
            }
            for _ in 0..<6 {
                sockets.append(try client(Array("status\n".utf8)))  // never read
                sockets.append(try client(Array("stat".utf8)))  // never finished
                close(try client(Array("status\n".utf8)))  // gone at once
            }
            try expectAnswer(after: "clients that never read")
            withExtendedLifetime(control) {}
        }
    }

    @Test("status says nothing of the radio where no radio transport is on")
    func noRadio() throws {
        try withMember("[link]\nrfcomm = off\nl2cap = off\nle = off\nlocal = /nowhere/link") { fixture in
            try #expect(fixture.report().radio == nil)
        }
        try withMember { try #expect($0.report().radio != nil) }
    }
}
