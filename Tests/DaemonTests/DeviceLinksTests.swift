import BootTime
import Glibc
import Observing
import ProofLink
import SRUP
import Testing
import TestVectors

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

/// The links of devices, whose other ends the test holds, and what they deliver.
private final class LinksFixture {
    let loop = Loop()
    let clock = ManualClock()
    let log = LogRecorder()
    var canRecord = true
    var delivered: [(events: [Event], at: Instant?)] = []
    var carried: [BluetoothAddress] = []
    var refused: [String] = []
    /// If a signal strength can be measured: who waits for one.
    var measuring: [@Sendable (Int8?) -> Void]?

    private(set) lazy var links = DeviceLinks(
        loop: loop, clock: clock, events: EventLog(log.logger, clock: clock),
        outlets: DeviceLinks.Outlets(
            deliver: { [unowned self] in delivered.append(($0, $1)) },
            canRecord: { [unowned self] in canRecord },
            carried: { [unowned self] in carried.append($0) },
            measureSignal: { [unowned self] _, _, then in
                measuring?.append(then)
                return measuring != nil
            },
            refuse: { [unowned self] in refused.append("\($0.name): \($1)") }))

    private var ends: [Int32] = []
    deinit { for end in ends { close(end) } }

    /// A device connects.
    /// - Returns: the device's end of the link, which never blocks.
    func connect(
        _ transport: Transport = .local, over adapter: BluetoothAddress? = nil, packets: PacketSizes? = nil
    ) throws -> Int32 {
        var pair: [Int32] = [0, 0]
        let kind = transport.isStream ? SOCK_STREAM : SOCK_SEQPACKET
        let flags = Int32(kind.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, flags, 0, &pair) == 0)
        ends.append(pair[1])
        let radioPeer = adapter.map { _ in RadioAddress(BluetoothAddress("66:55:44:33:22:11") ?? .any, .leRandom) }
        links.take(
            LinkSocket.Accepted(
                socket: pair[0], peer: "a device", radioPeer: radioPeer, adapter: adapter, security: nil,
                packets: packets), transport)
        return pair[1]
    }

    /// The device closes its end.
    func hangUp(_ end: Int32) {
        ends.removeAll { $0 == end }
        close(end)
    }

    func write(_ bytes: [UInt8], to end: Int32) {
        #expect(send(end, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// What has been delivered since the last call, an array of names for each read.
    func take() -> [[String]] {
        loop.turn()
        defer { delivered = [] }
        return delivered.map { $0.events.map(name) }
    }
}

private func name(_ event: Event) -> String {
    switch event {
    case .connected(let id, _, _, _): "\(id) connected"
    case .received(let id, let frame): "\(id) \(String("\(frame)".prefix { $0 != "(" }))"
    case .malformed(let id): "\(id) malformed"
    case .challengeLeft(let id, let signal, _): "\(id) challenge left\(signal.map { " at \($0)" } ?? "")"
    case .disconnected(let id, _): "\(id) disconnected"
    default: "\(event)"
    }
}

@Suite("The links of devices", .blocking)
struct DeviceLinksTests {
    private let fixture = LinksFixture()
    private let ready = LinkFrame.ready(mode: .challenge, device: device).encoded
    private let challenge = LinkFrame.challenge([UInt8](repeating: 7, count: LinkFrame.challengeLength))
    private let adapter = BluetoothAddress("00:AA:01:00:00:00") ?? .any

    @Test("a connection is reported with its peer, its own number and fresh random bytes")
    func connected() throws {
        for _ in 0..<2 { _ = try fixture.connect() }
        var seen: [[UInt8]] = []
        for case .connected(_, let peer, let nonce, let challenge)? in fixture.delivered.map(\.events.first) {
            #expect(peer.transport == .local && peer.address == "a device")
            #expect(nonce.count == LinkFrame.linkNonceLength && challenge.count == LinkFrame.challengeLength)
            seen += [nonce, challenge]
        }
        #expect(seen.count == 4 && Set(seen).count == 4)
        #expect(fixture.take() == [["link 1 connected"], ["link 2 connected"]])
    }

    @Test("a stream's frames are assembled, however they are cut, and those of one read are delivered together")
    func pieces() throws {
        let end = try fixture.connect()
        _ = fixture.take()
        fixture.clock.advance(by: .seconds(3))
        for byte in ready.dropLast() { fixture.write([byte], to: end) }
        #expect(fixture.take() == [])
        fixture.write([ready[ready.count - 1]] + ready + ready.prefix(3), to: end)
        fixture.loop.turn()
        #expect(fixture.delivered.map(\.at) == [fixture.clock.now])
        #expect(fixture.take() == [["link 1 ready", "link 1 ready"]])
        fixture.write(Array(ready.dropFirst(3)), to: end)
        #expect(fixture.take() == [["link 1 ready"]])
    }

    @Test("a packet holds one frame: less or more is malformed", arguments: [-1, 1, 11])
    func packets(excess: Int) throws {
        let end = try fixture.connect(.l2cap, over: adapter)
        _ = fixture.take()
        fixture.write(ready, to: end)
        #expect(fixture.take() == [["link 1 ready"]])
        fixture.write(excess < 0 ? Array(ready.dropLast()) : ready + ready.prefix(excess), to: end)
        #expect(fixture.take() == [["link 1 malformed"]])
    }

    @Test("invalid bytes are delivered as malformed, after the frames before them, and logged in one line")
    func malformed() throws {
        let end = try fixture.connect()
        _ = fixture.take()
        fixture.write(ready + [0xEE, 0, 0], to: end)
        #expect(fixture.take() == [["link 1 ready", "link 1 malformed"]])
        #expect(fixture.log.lines.map(\.fields) == [["event": "malformed", "link": "1"]])
    }

    @Test("one link is read at most eight times in a row, so that others get their turn")
    func batch() throws {
        let ends = [try fixture.connect(.l2cap, over: adapter), try fixture.connect(.l2cap, over: adapter)]
        _ = fixture.take()
        for _ in 0..<12 { for end in ends { fixture.write(ready, to: end) } }
        #expect(fixture.take().count == 16)
        #expect(fixture.take().count == 8)
    }

    @Test("the last frames of a device that disconnects are delivered before the end of its link")
    func end() throws {
        let end = try fixture.connect()
        fixture.write(ready, to: end)
        fixture.hangUp(end)
        #expect(fixture.take() == [["link 1 connected"], ["link 1 ready"], ["link 1 disconnected"]])
        #expect(fixture.links.count == 0)
        #expect(fixture.take() == [])
    }

    @Test("a frame that cannot be sent ends the link, and the observer hears of it")
    func sendFails() throws {
        let end = try fixture.connect()
        let id = LinkID(1)
        #expect(fixture.links.tell(id, .wait(seconds: 1)) == nil)
        #expect(LinkSocket.receive(from: end) == .bytes(LinkFrame.wait(seconds: 1).encoded))
        fixture.hangUp(end)
        #expect(fixture.links.tell(id, .wait(seconds: 1)).map(name) == "link 1 disconnected")
        #expect(!fixture.links.contains(id) && fixture.links.tell(id, .wait(seconds: 1)) == nil)
    }

    @Test("a device that does not read loses its link once a frame does not fit into the socket")
    func full() throws {
        _ = try fixture.connect()
        var ended: Event?
        for _ in 0..<100_000 where ended == nil { ended = fixture.links.tell(LinkID(1), challenge).flatMap(onlyEnd) }
        #expect(ended.map(name) == "link 1 disconnected")
    }

    private func onlyEnd(_ event: Event) -> Event? { if case .disconnected = event { event } else { nil } }

    @Test("while nothing can be recorded, a device is told to come back later, and nothing is delivered")
    func busy() throws {
        fixture.canRecord = false
        let end = try fixture.connect()
        #expect(LinkSocket.receive(from: end) == .bytes(LinkFrame.outcome(.busy, tag: LinkFrame.noTag).encoded))
        #expect(LinkSocket.receive(from: end) == .closed)
        #expect(fixture.take() == [] && fixture.links.count == 0)
    }

    @Test(
        "a link with packets that are too short for either end is refused with the numbers, and closed without a frame")
    func shortPackets() throws {
        let rows: [(sent: Int, received: Int, text: String?)] = [
            (36, 67, nil), (35, 67, "the device accepts packets of 35 bytes only (MTU), and the proof link needs 36"),
            (36, 66, "the beacon accepts packets of 66 bytes only (MTU), and the proof link needs 67"),
        ]
        for (sent, received, text) in rows {
            fixture.refused = []
            let packets = PacketSizes(sent: sent, received: received)
            let end = try fixture.connect(.le, over: adapter, packets: packets)
            #expect(fixture.refused == (text.map { ["mtu: a link of a device over le: \($0)"] } ?? []))
            #expect(LinkSocket.receive(from: end) == (text == nil ? .nothing : .closed))
        }
        #expect(fixture.links.count == 1 && fixture.take() == [["link 1 connected"]])
    }

    @Test("CHALLENGE is sent at once if no signal can be measured; its time is taken before it is sent")
    func challengeLeaves() throws {
        let end = try fixture.connect(.le, over: adapter)
        let event = try #require(fixture.links.tell(LinkID(1), challenge))
        #expect(name(event) == "link 1 challenge left")
        if case .challengeLeft(_, _, let moment) = event { #expect(moment == fixture.clock.now) }
        #expect(LinkSocket.receive(from: end) == .bytes(challenge.encoded))
    }

    @Test("CHALLENGE waits for the signal strength, and anything that the device sends before it is out of turn")
    func measured() throws {
        fixture.measuring = []
        let end = try fixture.connect(.le, over: adapter)
        _ = fixture.take()
        #expect(fixture.links.tell(LinkID(1), challenge) == nil)
        #expect(LinkSocket.receive(from: end) == .nothing)
        fixture.write(ready, to: end)
        #expect(fixture.take() == [["link 1 malformed"]])
        let then = try #require(fixture.measuring?.first)
        then(-40)
        #expect(LinkSocket.receive(from: end) == .bytes(challenge.encoded))
        fixture.write(ready, to: end)
        #expect(fixture.take() == [["link 1 challenge left at -40"], ["link 1 ready"]])
    }

    @Test("a link that ends while its signal strength is measured stays ended")
    func endsWhileMeasuring() throws {
        fixture.measuring = []
        _ = try fixture.connect(.le, over: adapter)
        _ = fixture.links.tell(LinkID(1), challenge)
        fixture.links.close(LinkID(1))
        _ = fixture.take()
        fixture.measuring?.first?(-40)
        #expect(fixture.take() == [])
    }

    @Test("an adapter counts every byte over it, and only its own links end with it")
    func adapters() throws {
        let other = try #require(BluetoothAddress("00:AA:01:00:00:01"))
        let end = try fixture.connect(.le, over: adapter)
        _ = try fixture.connect(.le, over: other)
        _ = try fixture.connect()
        fixture.write(ready, to: end)
        _ = fixture.take()
        _ = fixture.links.tell(LinkID(2), .wait(seconds: 1))
        #expect(fixture.carried == [adapter, other, adapter, other])
        #expect(fixture.links.count(over: adapter) == 1)
        fixture.links.closeAll(over: adapter)
        #expect(fixture.take() == [["link 1 disconnected"]])
        #expect(fixture.links.count == 2 && LinkSocket.receive(from: end) == .closed)
    }

    @Test("when the beacon stops, every device is told to come back later")
    func sendAway() throws {
        let ends = [try fixture.connect(), try fixture.connect(.l2cap, over: adapter)]
        fixture.links.sendAway()
        for end in ends {
            #expect(LinkSocket.receive(from: end) == .bytes(LinkFrame.outcome(.busy, tag: LinkFrame.noTag).encoded))
            #expect(LinkSocket.receive(from: end) == .closed)
        }
        #expect(fixture.links.count == 0)
    }
}
