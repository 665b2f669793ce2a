import Foundation
import Glibc
import ProofLink
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Nearby

@Suite("The control socket", .blocking)
struct ControlTests {
    /// Whether the process has no descriptor left.
    private final class Shortage { var (isThere, met) = (false, 0) }

    private let loop = Loop()
    private let clock = ManualClock()
    private let shortage = Shortage()

    /// A control socket that answers each request with its text in capitals, or as the test says.
    private func withControl(
        _ answer: @escaping (String) -> [UInt8] = { Array($0.uppercased().utf8) }, _ body: (String) throws -> Void
    ) throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("control")
            let control = try Control(
                path, loop, clock: clock,
                acceptNext: { [shortage] socket throws(LinkSocketError) in
                    if shortage.isThere {
                        shortage.met += 1
                        throw .failed(call: "accept", errno: EMFILE)
                    }
                    return try Control.accept(socket)
                }, answer: { line, reply in reply(answer(line)) })
            try body(path)
            withExtendedLifetime(control) {}
        }
    }

    private func connect(_ path: String) throws -> Int32 { try LinkSocket.connect(to: .local(path: path)) }

    private func turn() { for _ in 0..<4 { loop.turn() } }

    private func write(_ text: String, to socket: Int32) {
        #expect(send(socket, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count)
        turn()
    }

    /// What has been answered, and whether the other end has closed.
    private func read(_ socket: Int32) -> (text: String, isClosed: Bool) {
        var bytes: [UInt8] = []
        while true {
            switch LinkSocket.receive(from: socket) {
            case .bytes(let more): bytes += more
            case .nothing: return (String(decoding: bytes, as: UTF8.self), false)
            case .closed: return (String(decoding: bytes, as: UTF8.self), true)
            }
        }
    }

    @Test("one line gets one answer, then the connection ends; several clients can connect at a time")
    func answers() throws {
        try withControl { path in
            let (one, other) = (try connect(path), try connect(path))
            defer { for end in [one, other] { close(end) } }
            write("sta", to: one)
            #expect(read(one) == ("", false))
            write("observations 3\nmore", to: other)
            #expect(read(other) == ("OBSERVATIONS 3", true))
            write("tus\n", to: one)
            #expect(read(one) == ("STATUS", true))
        }
    }

    @Test("a client that sends too much without a line end is disconnected")
    func tooLong() throws {
        try withControl { path in
            let end = try connect(path)
            defer { close(end) }
            write(String(repeating: "x", count: 257), to: end)
            #expect(read(end) == ("", true))
        }
    }

    @Test("a client that leaves before its answer has no effect")
    func goes() throws {
        try withControl { path in
            let end = try connect(path)
            write("status", to: end)
            close(end)
            turn()
            let other = try connect(path)
            defer { close(other) }
            write("status\n", to: other)
            #expect(read(other) == ("STATUS", true))
        }
    }

    @Test("above the maximum number of clients the oldest idle one is disconnected: the operator is not locked out")
    func crowded() throws {
        try withControl { path in
            let ends = try (0..<17).map { _ in
                let end = try connect(path)
                turn()
                return end
            }
            defer { for end in ends { close(end) } }
            #expect(ends.map { read($0).isClosed } == [true] + Array(repeating: false, count: 16))
            write("status\n", to: ends[16])
            #expect(read(ends[16]) == ("STATUS", true))
        }
    }

    @Test("without descriptors no connection is accepted for a second, and those that wait do not keep the loop busy")
    func noDescriptors() throws {
        try withControl { path in
            shortage.isThere = true
            let end = try connect(path)
            defer { close(end) }
            write("status\n", to: end)
            #expect(shortage.met == 1)
            shortage.isThere = false
            clock.advance(by: .milliseconds(999))
            turn()
            #expect(read(end) == ("", false))
            clock.advance(by: .milliseconds(1))
            turn()
            #expect(read(end) == ("STATUS", true))
        }
    }

    @Test("an answer that does not fit into the socket at once is sent completely, as the client reads it")
    func large() throws {
        let size = 4 << 20
        try withControl({ _ in [UInt8](repeating: 0x61, count: size) }) { path in
            let end = try connect(path)
            defer { close(end) }
            write("observations\n", to: end)
            var (count, isClosed) = (0, false)
            for _ in 0..<100_000 where !isClosed {
                let piece = read(end)
                (count, isClosed) = (count + piece.text.utf8.count, piece.isClosed)
                loop.turn()
            }
            #expect(isClosed && count == size)
        }
    }
}
