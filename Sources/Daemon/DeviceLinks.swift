import Bluetooth
import BootTime
import EventLoop
import Glibc
import Keys
import Nearby
import Observing
import ProofLink

/// The links of nearby devices: frames in and out, and when a link ends.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class DeviceLinks: @unchecked Sendable {
    /// What the links need of the rest of the daemon.
    struct Outlets {
        /// Takes what one read gave, in its order; `arrivedAt` is nil for what no device has sent.
        let deliver: ([Event], _ arrivedAt: Instant?) -> Void
        /// Whether events can be recorded now. Where they cannot, devices are told to come back later.
        let canRecord: () -> Bool
        /// Bytes were received or sent over an adapter.
        let carried: (BluetoothAddress) -> Void
        /// Asks for the signal strength of a connection in dBm; false where nothing can tell, and then it is not answered.
        let measureSignal: (RadioAddress, BluetoothAddress, @escaping @Sendable (Int8?) -> Void) -> Bool
        /// Counts and logs a link that cannot work: the reason, and what was refused.
        let refuse: (_ reason: RefusedReason, _ link: String) -> Void
    }

    private struct Connection {
        let socket: Int32
        let watch: Loop.Watch
        let peer: Peer
        var transport: Transport { peer.transport }
        /// The peer and the adapter, on a radio transport.
        let radioPeer: RadioAddress?
        let adapter: BluetoothAddress?
        /// CHALLENGE waits for the controller: what the device sends before it is out of turn.
        var isMeasuring = false
        var assembler = FrameAssembler()
    }

    /// Reads of one link in one go, so that a device that sends without end does not keep the loop from the rest.
    static let readBatch = 8

    private let loop: Loop
    private let clock: any LoopClock
    private let events: EventLog
    private let outlets: Outlets
    private var connections: [LinkID: Connection] = [:]
    /// When each transport and adapter last carried something.
    private(set) var traffic = LinkTraffic()
    private var lastLink: UInt64 = 0

    init(loop: Loop, clock: any LoopClock, events: EventLog, outlets: Outlets) {
        (self.loop, self.clock, self.events, self.outlets) = (loop, clock, events, outlets)
    }

    deinit { for id in connections.keys { close(id) } }

    var count: Int { connections.count }

    func contains(_ id: LinkID) -> Bool { connections[id] != nil }

    /// How many links there are over an adapter.
    func count(over adapter: BluetoothAddress) -> Int { connections.values.count { $0.adapter == adapter } }

    /// Takes an accepted connection, which it closes.
    func take(_ accepted: LinkSocket.Accepted, _ transport: Transport) {
        let socket = accepted.socket
        traffic.opened(transport, over: accepted.adapter, at: clock.now)
        if let adapter = accepted.adapter { outlets.carried(adapter) }
        if let fault = accepted.packets?.faultForBeacon {
            // No OUTCOME: the device cannot take it. It measures the same, and says it in the same words.
            outlets.refuse(.shortPackets, "a link of \(accepted.peer) over \(transport.rawValue): \(fault.message)")
            Glibc.close(socket)
            return
        }
        lastLink += 1
        let id = LinkID(lastLink)
        let peer = Peer(
            transport: transport, address: accepted.peer, kind: accepted.radioPeer?.kind, security: accepted.security)
        guard outlets.canRecord() else {
            _ = LinkSocket.send(.outcome(.busy, tag: LinkFrame.noTag), over: socket)
            Glibc.close(socket)
            return say(.ended(id, peer, device: nil, .busy))
        }
        let watch = loop.watch(socket) { [unowned self] _ in read(id) }
        connections[id] = Connection(
            socket: socket, watch: watch, peer: peer, radioPeer: accepted.radioPeer, adapter: accepted.adapter)
        deliver(
            .connected(
                id, peer, linkNonce: randomBytes(LinkFrame.linkNonceLength),
                challenge: randomBytes(LinkFrame.challengeLength)))
    }

    // MARK: - In

    private func deliver(_ event: Event) { outlets.deliver([event], nil) }

    private func read(_ id: LinkID) {
        for _ in 0..<DeviceLinks.readBatch {
            guard let connection = connections[id] else { return }
            switch LinkSocket.receive(from: connection.socket) {
            case .nothing: return
            case .closed:
                deliver(.disconnected(id))
                return close(id)
            case .bytes(let bytes):
                if let adapter = connection.adapter { outlets.carried(adapter) }
                let moment = clock.now
                traffic.received(connection.transport, over: connection.adapter, at: moment)
                let events = events(in: bytes, of: id)
                if !events.isEmpty { outlets.deliver(events, moment) }
            }
        }
    }

    private func events(in bytes: [UInt8], of id: LinkID) -> [Event] {
        guard let connection = connections[id], !connection.isMeasuring else { return [.malformed(id)] }
        var received: [Event] = []
        do throws(LinkFrameError) {
            guard connection.transport.isStream else { return [.received(id, try LinkFrame(packet: bytes))] }
            connections[id]?.assembler.append(bytes)
            while let frame = try connections[id]?.assembler.next() { received.append(.received(id, frame)) }
        } catch {
            events.say(.info, about: "frame", "\(id): \(error)", .of("malformed", link: id))
            received.append(.malformed(id))
        }
        return received
    }

    // MARK: - Out

    /// Sends a frame to a device.
    /// - Returns: what the observer must know of it: CHALLENGE has left, or the link has ended because it could not be sent.
    func tell(_ id: LinkID, _ frame: LinkFrame) -> Event? {
        guard let connection = connections[id] else { return nil }
        guard case .challenge = frame else { return transmit(id, frame, connection) }
        // The signal is measured just before, so that the answer to the challenge is not kept waiting for it.
        guard let peer = connection.radioPeer, let adapter = connection.adapter else {
            return transmitChallenge(id, frame, connection, nil)
        }
        let isMeasured = outlets.measureSignal(peer, adapter) { [weak self] in self?.measured($0, id, frame) }
        connections[id]?.isMeasuring = isMeasured
        return isMeasured ? nil : transmitChallenge(id, frame, connection, nil)
    }

    private func measured(_ signal: Int8?, _ id: LinkID, _ frame: LinkFrame) {
        connections[id]?.isMeasuring = false
        guard let connection = connections[id] else { return }
        deliver(transmitChallenge(id, frame, connection, signal))
    }

    /// The round trip starts before the frame is sent: whatever keeps us from noting that it has left would make the device look
    /// nearer than it is.
    private func transmitChallenge(
        _ id: LinkID, _ frame: LinkFrame, _ connection: Connection, _ signal: Int8?
    ) -> Event {
        let begun = clock.now
        return transmit(id, frame, connection) ?? .challengeLeft(id, signal: signal, at: begun)
    }

    /// - Returns: the end of the link, where the frame could not be sent.
    private func transmit(_ id: LinkID, _ frame: LinkFrame, _ connection: Connection) -> Event? {
        guard !LinkSocket.send(frame, over: connection.socket) else {
            if let adapter = connection.adapter { outlets.carried(adapter) }
            return nil
        }
        close(id)
        return .disconnected(id, .notTaken)
    }

    // MARK: - Ends

    /// Closes a link that the observer has forgotten.
    func close(_ id: LinkID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        loop.unwatch(connection.watch, connection.socket)
        Glibc.close(connection.socket)
    }

    /// Closes all of them, because nothing can be recorded any more; the observer is not told.
    func closeUnrecorded() {
        for (id, connection) in connections.sorted(by: { $0.key.number < $1.key.number }) {
            say(.lost(id, connection.peer, device: nil, .notRecorded))
            close(id)
        }
    }

    /// The end of a link that the observer does not report.
    private func say(_ report: Report) {
        let line = report.line
        events.say(line.level, about: line.kind, line.message, line.fields)
    }

    /// The adapter does not carry them any more.
    func closeAll(over adapter: BluetoothAddress) {
        for (id, connection) in connections where connection.adapter == adapter {
            deliver(.disconnected(id, .adapterLost))
            close(id)
        }
    }

    /// Tells all devices to come back later, and closes their links.
    func sendAway() {
        for (id, connection) in connections.sorted(by: { $0.key.number < $1.key.number }) {
            _ = LinkSocket.send(.outcome(.busy, tag: LinkFrame.noTag), over: connection.socket)
            say(.ended(id, connection.peer, device: nil, .busy))
            close(id)
        }
    }
}
