import Glibc
import Keys
import Links
import Observing
import ProofLink

// Nearby devices: listening sockets and links.
extension Shell {
    /// A transport that is listened for.
    struct Listener {
        let address: NearbyAddress
        var socket: Int32?
        var watch: Loop.Watch?
        var fault: LinkSocketError?
    }

    /// A device's link.
    struct Connection {
        let socket: Int32
        let watch: Loop.Watch
        let transport: Transport
        var assembler = FrameAssembler()
    }

    /// Connections taken in one go, so that a flood of them does not keep the loop from the rest.
    private static let acceptBatch = 16
    /// Reads of one link in one go, for the same reason.
    private static let readBatch = 8
    private static let listenerPause = Duration.seconds(10)

    /// Listens wherever it is not listened yet. What does not work is said once, and tried again.
    func openListeners() {
        if listeners.isEmpty { listeners = configuration.listeners.map { Listener(address: $0) } }
        var missing: [String] = []
        for index in listeners.indices where listeners[index].socket == nil {
            let address = listeners[index].address
            do {
                let socket = try LinkSocket.listen(on: address)
                listeners[index].socket = socket
                listeners[index].watch = loop.watch(socket) { [unowned self] _ in
                    assumeIsolated { $0.acceptLinks(at: index) }
                }
                listeners[index].fault = nil
                log.info("listening on \(address.transport.rawValue) \(address)")
            } catch {
                if listeners[index].fault != error {
                    if error == .noBluetooth {
                        missing.append(address.transport.rawValue)
                    } else {
                        log.warning("not listening on \(address.transport.rawValue) \(address): \(error)")
                    }
                }
                listeners[index].fault = error
            }
        }
        if !missing.isEmpty {
            log.notice(
                "\(LinkSocketError.noBluetooth): not listening on \(missing.joined(separator: ", ")); the rest works")
        }
        if listeners.contains(where: { $0.socket == nil }) { alarms?.listeners.set(after: Shell.listenerPause) }
    }

    private func acceptLinks(at index: Int) {
        let listener = listeners[index]
        guard let socket = listener.socket else { return }
        do throws(LinkSocketError) {
            for _ in 0..<Shell.acceptBatch {
                guard let (accepted, address) = try LinkSocket.accept(socket, listener.address.transport) else {
                    return
                }
                let security = LinkSocket.securityLevel(of: accepted, listener.address.transport)
                take(accepted, Peer(transport: listener.address.transport, address: address, security: security))
            }
        } catch {
            log.warning("\(listener.address.transport.rawValue): \(error)")
            if let watch = listener.watch { loop.unwatch(watch, socket) }
            Glibc.close(socket)
            (listeners[index].socket, listeners[index].watch, listeners[index].fault) = (nil, nil, error)
            alarms?.listeners.set(after: Shell.listenerPause)
        }
    }

    private func take(_ socket: Int32, _ peer: Peer) {
        guard journal != nil else {  // nothing could be recorded: the device is to come back later
            _ = LinkSocket.send(.outcome(.busy, tag: LinkFrame.noTag), over: socket)
            Glibc.close(socket)
            return
        }
        lastLink += 1
        let id = LinkID(lastLink)
        let watch = loop.watch(socket) { [unowned self] _ in assumeIsolated { $0.readLink(id) } }
        connections[id] = Connection(socket: socket, watch: watch, transport: peer.transport)
        handle(
            .connected(
                id, peer, linkNonce: randomBytes(LinkFrame.linkNonceLength),
                challenge: randomBytes(LinkFrame.challengeLength)))
    }

    private func readLink(_ id: LinkID) {
        for _ in 0..<Shell.readBatch {
            guard let connection = connections[id] else { return }
            switch LinkSocket.receive(from: connection.socket) {
            case .nothing: return
            case .closed:
                handle(.disconnected(id))
                return close(id)
            case .bytes(let bytes): transact { try feed(bytes, of: id, &$0) }
            }
        }
    }

    private func feed(_ bytes: [UInt8], of id: LinkID, _ transaction: inout Transaction) throws {
        do {
            guard connections[id]?.transport.isStream == true else {
                return try feed(.received(id, LinkFrame(packet: bytes)), &transaction)
            }
            connections[id]?.assembler.append(bytes)
            while let frame = try connections[id]?.assembler.next() { try feed(.received(id, frame), &transaction) }
        } catch let error as LinkFrameError {
            log.info("\(id): \(error)")
            try feed(.malformed(id), &transaction)
        }
    }

    /// Sends a frame to a device. Where that is not possible, the link is gone.
    func tell(_ id: LinkID, _ frame: LinkFrame) -> Event? {
        guard let connection = connections[id] else { return nil }
        guard LinkSocket.send(frame, over: connection.socket) else {
            close(id)
            return .disconnected(id)
        }
        if case .challenge = frame { return .challengeLeft(id) }
        return nil
    }

    func close(_ id: LinkID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        loop.unwatch(connection.watch, connection.socket)
        Glibc.close(connection.socket)
    }
}
