import Glibc
import ProofLink
import TestVectors
import Testing

@testable import Nearby

@Suite("A local link's socket")
struct LinkSocketTests {
    /// Passes on a listener and both ends of one connection to it.
    private func withConnection(_ body: (_ here: Int32, _ there: Int32, _ peer: String) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            let address = NearbyAddress.local(path: folder.path("link"))
            let listener = try LinkSocket.listen(on: address)
            defer { close(listener) }
            #expect(try LinkSocket.accept(listener, .local) == nil)
            let there = try LinkSocket.connect(to: address)
            defer { close(there) }
            #expect(LinkSocket.outcomeOfConnect(there) == nil)
            let accepted = try #require(try LinkSocket.accept(listener, .local))
            defer { close(accepted.socket) }
            try body(accepted.socket, there, accepted.peer)
        }
    }

    @Test("carries frames both ways, knows its peer, and distinguishes silence from the end")
    func carries() throws {
        try withConnection { here, there, peer in
            #expect(peer == "process \(getpid()) of user \(getuid())")
            #expect(LinkSocket.receive(from: here) == .nothing)
            let frame = LinkFrame.outcome(.busy, tag: LinkFrame.noTag)
            #expect(LinkSocket.send(frame, over: there))
            #expect(LinkSocket.receive(from: here) == .bytes(frame.encoded))
            #expect(LinkSocket.send(frame, over: here))
            #expect(LinkSocket.receive(from: there) == .bytes(frame.encoded))
            #expect(LinkSocket.receive(from: there) == .nothing)
            shutdown(here, Int32(SHUT_WR))
            #expect(LinkSocket.receive(from: there) == .closed)
        }
    }

    @Test("accepts no frame after the peer has gone or while it does not read, and never blocks")
    func fills() throws {
        try withConnection { here, there, _ in
            let frame = LinkFrame.outcome(.valid, tag: LinkFrame.noTag)
            var sent = 0
            while LinkSocket.send(frame, over: here) {
                sent += 1
                guard sent < 1_000_000 else { break }
            }
            #expect((1..<1_000_000).contains(sent))
            shutdown(there, Int32(SHUT_RDWR))
            #expect(!LinkSocket.send(frame, over: here))
        }
    }

    @Test("one read is at most a frame and a byte")
    func bounded() throws {
        try withConnection { here, there, _ in
            let many = [UInt8](repeating: 7, count: 20_000)
            #expect(send(there, many, many.count, 0) == many.count)
            guard case .bytes(let first) = LinkSocket.receive(from: here) else {
                Issue.record("nothing came")
                return
            }
            #expect(first.count == LinkFrame.headerLength + LinkFrame.maximumPayloadLength + 1)
        }
    }

    @Test("tells the system's number of an end that is not orderly, and none of one that is")
    func reasons() throws {
        for isOrderly in [true, false] {
            var pair: [Int32] = [0, 0]
            try #require(
                socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &pair) == 0)
            defer { close(pair[0]) }
            // What the peer has not read when it closes is lost: that end is a reset.
            if !isOrderly { #expect(LinkSocket.send(.wait(seconds: 1), over: pair[0])) }
            close(pair[1])
            var numbers: [Int32] = []
            #expect(LinkSocket.receive(from: pair[0], closedBy: { numbers.append($0) }) == .closed)
            #expect(numbers == (isOrderly ? [] : [ECONNRESET]))
        }
    }

    @Test("replaces a socket file that was left behind, for the owner and group only")
    func madeAnew() throws {
        try TemporaryFolder.with { folder in
            let path = folder.path("link")
            for _ in 0..<2 {
                let listener = try LinkSocket.listen(on: .local(path: path))
                var status = stat()
                #expect(stat(path, &status) == 0)
                #expect(status.st_mode & 0o777 == 0o660)
                close(listener)  // the path stays
            }
            #expect(throws: LinkSocketError.failed(call: "connect", errno: ECONNREFUSED)) {
                try LinkSocket.connect(to: .local(path: path))
            }
        }
    }

    @Test("cannot be made without a folder, or with a path that is too long")
    func nowhere() {
        #expect(throws: LinkSocketError.failed(call: "bind", errno: ENOENT)) {
            try LinkSocket.listen(on: .local(path: "/nowhere/at/all"))
        }
        #expect(throws: LinkSocketError.failed(call: "connect", errno: ENOENT)) {
            try LinkSocket.connect(to: .local(path: "/nowhere/at/all"))
        }
        let long = "/" + String(repeating: "x", count: NearbyAddress.maximumPath)
        #expect(throws: LinkSocketError.pathTooLong(long)) { try LinkSocket.listen(on: .local(path: long)) }
    }

    @Test("a failed listener is a fault, not a connection")
    func failedListener() throws {
        #expect(throws: LinkSocketError.failed(call: "accept", errno: EBADF)) { try LinkSocket.accept(-1, .local) }
    }

    @Test("every fault of a socket has a text of one line")
    func words() {
        for fault in [LinkSocketError.noBluetooth, .pathTooLong("/x"), .failed(call: "bind", errno: EACCES)] {
            #expect(fault.description.count > 10 && !fault.description.contains("\n"))
        }
    }
}
