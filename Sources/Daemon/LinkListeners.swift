import Bluetooth
import EventLoop
import Glibc
import Logging
import Nearby
import Observing
import ProofLink

/// The listening sockets for nearby devices. One that cannot be opened is logged once, and tried again.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class LinkListeners: @unchecked Sendable {
    /// A transport that is listened on, or should be.
    struct Listener {
        let wanted: Configuration.Listening
        fileprivate(set) var socket: Int32?
        fileprivate var watch: Loop.Watch?
        /// Of a local socket.
        fileprivate var inode: UInt64?
        /// Why it is not listening.
        fileprivate(set) var fault: LinkSocketError?

        var isRadio: Bool { wanted.address.transport.isRadio }
    }

    /// Connections accepted in one go, so that a flood of them does not keep the loop from the rest.
    static let acceptBatch = 16
    static let pause = Duration.seconds(2)
    /// Each request for something the kernel lacks makes it search for modules.
    static let noBluetoothPause = Duration.seconds(60)

    private(set) var listeners: [Listener]
    private let loop: Loop
    private let log: Logger
    private let listen: (Configuration.Listening) throws(LinkSocketError) -> Int32
    private let acceptNext: (Int32, Transport) throws(LinkSocketError) -> LinkSocket.Accepted?
    private let accepted: (LinkSocket.Accepted, Transport) -> Void
    private let changed: () -> Void
    private let clock: any LoopClock
    private lazy var retry = clock.timer { [unowned self] in open() }

    /// - Parameters:
    ///   - listen: makes a listening socket.
    ///   - acceptNext: takes the next connection from a listening socket.
    ///   - changed: called when something else is listened on than before.
    ///   - accepted: takes a connection, and must close it.
    init(
        _ wanted: [Configuration.Listening], loop: Loop, clock: any LoopClock, log: Logger,
        listen: @escaping (Configuration.Listening) throws(LinkSocketError) -> Int32 = LinkListeners.listen,
        acceptNext: @escaping (Int32, Transport) throws(LinkSocketError) -> LinkSocket.Accepted? = LinkSocket.accept,
        changed: @escaping () -> Void = {}, accepted: @escaping (LinkSocket.Accepted, Transport) -> Void
    ) {
        (self.loop, self.clock, self.log, self.listen, self.accepted) = (loop, clock, log, listen, accepted)
        (self.acceptNext, self.changed) = (acceptNext, changed)
        listeners = wanted.map { Listener(wanted: $0) }
    }

    deinit { for index in listeners.indices { close(at: index, nil) } }

    private static func listen(_ wanted: Configuration.Listening) throws(LinkSocketError) -> Int32 {
        try LinkSocket.listen(on: wanted.address, security: wanted.security)
    }

    /// Opens every listening socket that is not open yet, and goes on with those that could accept nothing more.
    func open() {
        for index in listeners.indices where listeners[index].watch == nil { resume(at: index) }
        var missing: [String] = []
        let before = listened
        defer { if listened != before { changed() } }
        for index in listeners.indices where listeners[index].socket == nil {
            let address = listeners[index].wanted.address
            do throws(LinkSocketError) {
                let socket = try listen(listeners[index].wanted)
                (listeners[index].socket, listeners[index].fault) = (socket, nil)
                resume(at: index)
                listeners[index].inode = LinkListeners.inode(of: address)
                log.info("listening on \(address.transport.rawValue) \(address)")
            } catch {
                if listeners[index].fault != error {
                    if error == .noBluetooth {
                        missing.append(address.transport.rawValue)
                    } else {
                        let hint = error.hint(forListeningOn: address.transport)
                        log.warning(
                            "not listening on \(address.transport.rawValue) \(address): \(error); hint: \(hint)")
                    }
                }
                listeners[index].fault = error
            }
        }
        if !missing.isEmpty {
            let rest = listened.isEmpty ? "no device can prove itself" : "the rest works"
            log.log(
                level: listened.isEmpty ? .warning : .notice,
                "\(LinkSocketError.noBluetooth): not listening on \(missing.joined(separator: ", ")); \(rest)")
        }
        let faults = listeners.filter { $0.socket == nil }.map(\.fault)
        guard !faults.isEmpty else { return }
        let isHopeless = faults.allSatisfy { $0 == .noBluetooth }
        retry.set(after: isHopeless ? LinkListeners.noBluetoothPause : LinkListeners.pause)
    }

    private func resume(at index: Int) {
        guard let socket = listeners[index].socket else { return }
        listeners[index].watch = loop.watch(socket) { [unowned self] _ in accept(at: index) }
    }

    /// The addresses that are listened on.
    var listened: Set<NearbyAddress> { Set(listeners.filter { $0.socket != nil }.map(\.wanted.address)) }

    /// Whether the LE transport is listened on at an adapter.
    func listensOnLE(at adapter: BluetoothAddress) -> Bool {
        listened.contains { address in
            switch address {
            case .le(let wanted, _, _): wanted == .any || wanted == adapter
            case .rfcomm, .l2cap, .local: false
            }
        }
    }

    private static func inode(of address: NearbyAddress) -> UInt64? {
        guard case .local(let path) = address else { return nil }
        return LinkSocket.inode(of: path)
    }

    /// Makes the local listening socket again, if it was removed.
    /// - Returns: whether it was.
    /// - Throws: where it cannot be made; it is then tried again like any other.
    func reopenLocal() throws(LinkSocketError) -> Bool {
        guard let index = listeners.firstIndex(where: { !$0.isRadio }) else { return false }
        let (inode, path) = (listeners[index].inode, listeners[index].wanted.address)
        guard listeners[index].socket == nil || inode == nil || inode != LinkListeners.inode(of: path) else {
            return false
        }
        close(at: index, nil)
        open()
        if let fault = listeners[index].fault { throw fault }
        return true
    }

    /// Makes the radio's listening sockets again: the first recovery level of an adapter.
    func reopenRadio() {
        for index in listeners.indices where listeners[index].isRadio { close(at: index, nil) }
        open()
    }

    private func accept(at index: Int) {
        guard let socket = listeners[index].socket else { return }
        let transport = listeners[index].wanted.address.transport
        do throws(LinkSocketError) {
            for _ in 0..<LinkListeners.acceptBatch {
                let next = try acceptNext(socket, transport)
                listeners[index].fault = nil
                guard let connection = next else { return }
                accepted(connection, transport)
            }
        } catch {
            if listeners[index].fault != error {
                let hint = error.isShortage ? "; hint: \(error.hint(forListeningOn: transport))" : ""
                log.warning("\(transport.rawValue): \(error)\(hint)")
            }
            if error.isShortage {
                pause(at: index, error)
            } else {
                close(at: index, error)
                changed()
            }
            retry.set(after: LinkListeners.pause)
        }
    }

    /// The socket stays, because another one would need a descriptor as well; those who wait are accepted later. It is not watched
    /// meanwhile: it would stay ready, and keep the loop busy.
    private func pause(at index: Int, _ fault: LinkSocketError) {
        if let socket = listeners[index].socket, let watch = listeners[index].watch { loop.unwatch(watch, socket) }
        (listeners[index].watch, listeners[index].fault) = (nil, fault)
    }

    private func close(at index: Int, _ fault: LinkSocketError?) {
        guard let socket = listeners[index].socket else { return }
        if let watch = listeners[index].watch { loop.unwatch(watch, socket) }
        Glibc.close(socket)
        (listeners[index].socket, listeners[index].watch, listeners[index].fault) = (nil, nil, fault)
    }
}
