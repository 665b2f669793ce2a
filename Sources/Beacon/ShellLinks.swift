import Glibc
import Keys
import Links
import Observing
import ProofLink

// Nearby devices: listening sockets and links.
extension Shell {
    /// A transport that is listened for.
    struct Listener {
        let wanted: Configuration.Listening
        var socket: Int32?
        var watch: Loop.Watch?
        var fault: LinkSocketError?
    }

    /// A device's link.
    struct Connection {
        let socket: Int32
        let watch: Loop.Watch
        let transport: Transport
        /// The peer and the adapter, on a radio transport.
        let radioPeer: RadioAddress?
        let adapter: BluetoothAddress?
        /// CHALLENGE waits for the controller: what the device sends before it is out of turn.
        var isMeasuring = false
        var assembler = FrameAssembler()
    }

    /// Connections taken in one go, so that a flood of them does not keep the loop from the rest.
    private static let acceptBatch = 16
    /// Reads of one link in one go, for the same reason.
    private static let readBatch = 8
    private static let listenerPause = Duration.seconds(2)
    private static let noBluetoothPause = Duration.seconds(60)

    /// Listens wherever it is not listened yet. What does not work is said once, and tried again.
    func openListeners() {
        if listeners.isEmpty { listeners = configuration.listeners.map { Listener(wanted: $0) } }
        var missing: [String] = []
        for index in listeners.indices where listeners[index].socket == nil {
            let (address, security) = (listeners[index].wanted.address, listeners[index].wanted.security)
            do {
                let socket = try LinkSocket.listen(on: address, security: security)
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
        // Asking for what the kernel lacks makes it look for modules each time.
        let faults = listeners.filter { $0.socket == nil }.map(\.fault)
        guard !faults.isEmpty else { return }
        let isHopeless = faults.allSatisfy { $0 == .noBluetooth }
        alarms?.listeners.set(after: isHopeless ? Shell.noBluetoothPause : Shell.listenerPause)
    }

    private func acceptLinks(at index: Int) {
        let listener = listeners[index]
        guard let socket = listener.socket else { return }
        let transport = listener.wanted.address.transport
        do throws(LinkSocketError) {
            for _ in 0..<Shell.acceptBatch {
                guard let accepted = try LinkSocket.accept(socket, transport) else { return }
                take(accepted, transport)
            }
        } catch {
            log.warning("\(transport.rawValue): \(error)")
            closeListener(at: index, error)
            alarms?.listeners.set(after: Shell.listenerPause)
        }
    }

    private func closeListener(at index: Int, _ fault: LinkSocketError?) {
        guard let socket = listeners[index].socket else { return }
        if let watch = listeners[index].watch { loop.unwatch(watch, socket) }
        Glibc.close(socket)
        (listeners[index].socket, listeners[index].watch, listeners[index].fault) = (nil, nil, fault)
    }

    /// The radio's listening sockets are made anew: the first rung of healing.
    func reopenListeners() {
        for index in listeners.indices where listeners[index].wanted.address.transport != .local {
            closeListener(at: index, nil)
        }
        openListeners()
    }

    private func take(_ accepted: LinkSocket.Accepted, _ transport: Transport) {
        let socket = accepted.socket
        if let adapter = accepted.adapter { carried(adapter) }
        guard journal != nil else {  // nothing could be recorded: the device is to come back later
            _ = LinkSocket.send(.outcome(.busy, tag: LinkFrame.noTag), over: socket)
            Glibc.close(socket)
            return
        }
        lastLink += 1
        reports.linkOpened(over: transport)
        let id = LinkID(lastLink)
        let watch = loop.watch(socket) { [unowned self] _ in assumeIsolated { $0.readLink(id) } }
        connections[id] = Connection(
            socket: socket, watch: watch, transport: transport, radioPeer: accepted.radioPeer,
            adapter: accepted.adapter)
        let peer = Peer(
            transport: transport, address: accepted.peer, kind: accepted.radioPeer?.kind, security: accepted.security)
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
            case .bytes(let bytes):
                if let adapter = connection.adapter { carried(adapter) }
                arrival = .frame(clock.now)
                transact { try feed(bytes, of: id, &$0) }
                arrival = nil
            }
        }
    }

    private func feed(_ bytes: [UInt8], of id: LinkID, _ transaction: inout Transaction) throws {
        guard connections[id]?.isMeasuring != true else {
            try feed(.malformed(id), &transaction)
            return
        }
        do {
            guard connections[id]?.transport.isStream == true else {
                try feed(.received(id, LinkFrame(packet: bytes)), &transaction)
                return
            }
            connections[id]?.assembler.append(bytes)
            while let frame = try connections[id]?.assembler.next() { try feed(.received(id, frame), &transaction) }
        } catch let error as LinkFrameError {
            events.say(.info, about: "frame", "\(id): \(error)", .of("malformed", link: id))
            try feed(.malformed(id), &transaction)
        }
    }

    /// Sends a frame to a device. Where that is not possible, the link is gone.
    func tell(_ id: LinkID, _ frame: LinkFrame) -> Event? {
        guard let connection = connections[id] else { return nil }
        guard case .challenge = frame else { return transmit(id, frame, connection) }
        reportChallenge(id)
        // The signal is measured just before, so that the answer to the challenge is not kept waiting for it.
        let isMeasured = measureSignal(connection) { shell, signal in
            shell.connections[id]?.isMeasuring = false
            guard let connection = shell.connections[id] else { return }
            shell.handle(shell.transmitChallenge(id, frame, connection, signal))
        }
        connections[id]?.isMeasuring = isMeasured
        return isMeasured ? nil : transmitChallenge(id, frame, connection, nil)
    }

    /// The round trip starts before the frame is sent: whatever keeps us from noting that it has left would make the device look
    /// nearer than it is.
    private func transmitChallenge(
        _ id: LinkID, _ frame: LinkFrame, _ connection: Connection, _ signal: Int8?
    ) -> Event {
        let begun = Instant(nanoseconds: bootNanoseconds())
        return transmit(id, frame, connection) ?? .challengeLeft(id, signal: signal, at: begun)
    }

    /// - Returns: the end of the link, where the frame could not be sent.
    private func transmit(_ id: LinkID, _ frame: LinkFrame, _ connection: Connection) -> Event? {
        guard !LinkSocket.send(frame, over: connection.socket) else {
            if let adapter = connection.adapter { carried(adapter) }
            return nil
        }
        close(id)
        return .disconnected(id)
    }

    func close(_ id: LinkID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        loop.unwatch(connection.watch, connection.socket)
        Glibc.close(connection.socket)
    }
}
