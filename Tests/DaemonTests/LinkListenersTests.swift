import Foundation
import Glibc
import Logging
import Observing
import ProofLink
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Nearby

@Suite("The listening sockets", .blocking)
struct LinkListenersTests {
    private final class Box {
        var accepted: [LinkSocket.Accepted] = []
        var faults: [Transport: LinkSocketError] = [:]
        var asked = 0
        /// Passed on once as the listening socket.
        var instead: Int32?
        deinit { for one in accepted { close(one.socket) } }
    }

    private let loop = Loop()
    private let clock = ManualClock()
    private let log = LogRecorder()
    private let box = Box()

    /// A kernel with these faults; radios are Unix sockets in a folder.
    private func listeners(_ wanted: [NearbyAddress], in folder: TemporaryFolder) -> LinkListeners {
        LinkListeners(
            wanted.map { .init(address: $0, security: .none) }, loop: loop, clock: clock, log: log.logger,
            listen: { [box] wanted throws(LinkSocketError) in
                box.asked += 1
                let transport = wanted.address.transport
                if let fault = box.faults[transport] { throw fault }
                if let socket = box.instead {
                    box.instead = nil
                    return socket
                }
                return try LinkSocket.listen(on: .local(path: folder.path(transport.rawValue)))
            },
            accepted: { [box] accepted, _ in box.accepted.append(accepted) })
    }

    private func connect(_ count: Int, _ folder: TemporaryFolder, _ transport: Transport = .local) throws -> [Int32] {
        try (0..<count).map { _ in try LinkSocket.connect(to: .local(path: folder.path(transport.rawValue))) }
    }

    private let local = NearbyAddress.local(path: "local")
    private let radios: [NearbyAddress] = [
        .rfcomm(.any, channel: 21), .l2cap(.any, psm: 0x1035), .le(.any, psm: 0xD5, random: false),
    ]

    @Test("sixteen connections are accepted in one round, and the rest in the next")
    func batch() throws {
        try TemporaryFolder.with { folder in
            let listeners = listeners([local], in: folder)
            listeners.open()
            #expect(log.texts == ["listening on local local"])
            let ends = try connect(20, folder)
            defer { for end in ends { close(end) } }
            loop.turn()
            #expect(box.accepted.count == LinkListeners.acceptBatch)
            loop.turn()
            #expect(box.accepted.count == 20)
        }
    }

    @Test("one that cannot be opened is logged once, and tried again every two seconds until it can")
    func fault() throws {
        try TemporaryFolder.with { folder in
            box.faults[.local] = .failed(call: "bind", errno: EADDRINUSE)
            let listeners = listeners([local], in: folder)
            listeners.open()
            clock.advance(by: .seconds(10))
            #expect(log.take() == [line(box.faults[.local])] && box.asked == 6)
            #expect(listeners.listeners[0].fault == box.faults[.local] && listeners.listeners[0].socket == nil)
            box.faults[.local] = .failed(call: "bind", errno: EACCES)
            clock.advance(by: .seconds(10))
            #expect(log.take() == [line(box.faults[.local])])
            box.faults = [:]
            clock.advance(by: .seconds(2))
            #expect(log.take() == ["listening on local local"] && listeners.listeners[0].fault == nil)
            let asked = box.asked
            clock.advance(by: .seconds(60))
            #expect(box.asked == asked)
        }
    }

    private func line(_ fault: LinkSocketError?) -> String {
        "not listening on local local: \(fault?.message ?? ""); hint: \(fault?.hint(forListeningOn: .local) ?? "")"
    }

    @Test(
        "a number that is in use, or that needs a privilege, is reported with what to do about it",
        arguments: [
            (Transport.rfcomm, EADDRINUSE, "has that number: stop it, or set [link] rfcomm"),
            (.l2cap, EADDRINUSE, "[link] l2cap"), (.l2cap, EACCES, "CAP_NET_BIND_SERVICE"),
            (.le, EACCES, "CAP_NET_BIND_SERVICE"), (.local, ENOENT, "RuntimeDirectory="),
            (.local, EMFILE, "LimitNOFILE="),
        ])
    func hints(transport: Transport, number: Int32, hint: String) {
        let found = LinkSocketError.failed(call: "bind", errno: number).hint(forListeningOn: transport)
        #expect(found.contains(hint), "\(found)")
    }

    @Test("a kernel without Bluetooth is reported in one line for all transports, and asked once a minute")
    func noBluetooth() throws {
        try TemporaryFolder.with { folder in
            for radio in radios { box.faults[radio.transport] = .noBluetooth }
            let listeners = listeners(radios + [local], in: folder)
            listeners.open()
            #expect(
                log.take() == [
                    "listening on local local",
                    "this machine's kernel has no Bluetooth: not listening on rfcomm, l2cap, le; the rest works",
                ])
            clock.advance(by: .seconds(59))
            #expect(box.asked == 4)
            clock.advance(by: .seconds(1))
            #expect(box.asked == 7 && log.take() == [])
            box.faults = [:]
            clock.advance(by: .seconds(60))
            #expect(log.take().count == 3 && listeners.listeners.allSatisfy { $0.socket != nil })
        }
    }

    @Test("a listener that fails while it accepts is closed with its reason, and opened again")
    func acceptFails() throws {
        try TemporaryFolder.with { folder in
            // It is readable, but it is not a listening socket.
            var pair: [Int32] = [0, 0]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            defer { close(pair[1]) }
            try #require(send(pair[1], "x", 1, 0) == 1)
            box.instead = pair[0]
            let listeners = listeners([local], in: folder)
            listeners.open()
            _ = log.take()
            loop.turn()
            #expect(log.take() == ["local: accept: Invalid argument"])
            #expect(listeners.listeners[0].socket == nil && listeners.listeners[0].fault != nil)
            clock.advance(by: LinkListeners.pause)
            #expect(log.take() == ["listening on local local"])
            let ends = try connect(1, folder)
            defer { for end in ends { close(end) } }
            loop.turn()
            #expect(box.accepted.count == 1)
        }
    }

    @Test("to recover an adapter, the radio's sockets are made again, and the local one stays")
    func reopen() throws {
        try TemporaryFolder.with { folder in
            let listeners = listeners(radios + [local], in: folder)
            listeners.open()
            let before = listeners.listeners.map(\.wanted.address)
            _ = log.take()
            listeners.reopenRadio()
            #expect(box.asked == 7 && listeners.listeners.map(\.wanted.address) == before)
            #expect(log.take() == radios.map { "listening on \($0.transport.rawValue) \($0)" })
            let ends = try connect(1, folder, .rfcomm) + connect(1, folder)
            defer { for end in ends { close(end) } }
            loop.turn()
            #expect(box.accepted.count == 2)
        }
    }
}
