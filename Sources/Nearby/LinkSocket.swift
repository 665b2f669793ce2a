import Bluetooth
import CBlueZ
import CLinux
import Glibc
import ProofLink

/// The kernel's sockets behind the proof link's transports, all of them non-blocking.
public enum LinkSocket {
    /// A listening socket. A Unix socket's path is created again, for the owner and group only.
    /// - Parameter security: what a radio link must have before it is accepted.
    /// - Throws: `LinkSocketError`.
    public static func listen(
        on address: NearbyAddress, security: LinkSecurity = .none, backlog: Int32 = 64
    ) throws(LinkSocketError) -> Int32 {
        if case .local(let path) = address { try clear(path) }
        let socket = try make(address)
        if address.transport.isRadio, !require(security, of: socket) { throw failed("setting the security", socket) }
        guard address.withSocketAddress({ bind(socket, $0, $1) }) == 0 else { throw failed("bind", socket) }
        // Not by the umask, which is the whole process's: a file or a child that another thread makes meanwhile would get it. Until
        // `listen` nobody can connect.
        if case .local(let path) = address, fchmodat(AT_FDCWD, path, 0o660, AT_SYMLINK_NOFOLLOW) != 0 {
            throw failed("setting the mode of \(path)", socket)
        }
        guard Glibc.listen(socket, backlog) == 0 else { throw failed("listen", socket) }
        return socket
    }

    /// Removes a socket that its owner has left behind; anything else at the path stays.
    private static func clear(_ path: String) throws(LinkSocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path) }
        do throws(LinkSocketError) { close(try connect(to: .local(path: path))) } catch {
            // Without a descriptor, or where its queue is full, nothing shows that nobody listens.
            switch error {
            case .failed(_, EAGAIN): throw .failed(call: "bind", errno: EADDRINUSE)
            case _ where error.isShortage: throw error
            case .failed, .noBluetooth, .pathTooLong, .notASocket, .noLink, .shortPackets:
                unlink(path)
                return
            }
        }
        throw .failed(call: "bind", errno: EADDRINUSE)
    }

    /// The inode at a path.
    public static func inode(of path: String) -> UInt64? {
        var status = stat()
        return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Sets what a Bluetooth socket asks of its links.
    private static func require(_ wanted: LinkSecurity, of socket: Int32) -> Bool {
        var security = bt_security()
        switch wanted {
        case .none: security.level = UInt8(BT_SECURITY_LOW)
        case .encrypted: security.level = UInt8(BT_SECURITY_MEDIUM)
        case .authenticated: security.level = UInt8(BT_SECURITY_HIGH)
        }
        let length = socklen_t(MemoryLayout<bt_security>.size)
        return setsockopt(socket, SOL_BLUETOOTH, BT_SECURITY, &security, length) == 0
    }

    /// The level that holds on a Bluetooth link, as far as the kernel reports it: on RFCOMM it tells what was asked for. nil
    /// where the transport has none.
    private static func security(of socket: Int32, _ transport: Transport) -> LinkSecurity? {
        guard transport.isRadio else { return nil }
        var (security, length) = (bt_security(), socklen_t(MemoryLayout<bt_security>.size))
        guard getsockopt(socket, SOL_BLUETOOTH, BT_SECURITY, &security, &length) == 0 else { return nil }
        switch Int32(security.level) {
        case BT_SECURITY_SDP, BT_SECURITY_LOW: return LinkSecurity.none
        case BT_SECURITY_MEDIUM: return .encrypted
        default: return .authenticated
        }
    }

    /// A connection that a nearby device has made.
    public struct Accepted: Sendable {
        /// Ours to close.
        public var socket: Int32
        /// The peer's address in the transport's own form.
        public var peer: String
        /// The same for the kernel's management; nil on the local transport.
        public var radioPeer: RadioAddress?
        /// The adapter that it came over; nil on the local transport.
        public var adapter: BluetoothAddress?
        /// What held when it was accepted.
        public var security: LinkSecurity?
        /// The longest packets; nil on a stream.
        public var packets: PacketSizes?
    }

    /// The next waiting connection and who it is, or nil if none waits.
    /// - Throws: `LinkSocketError` if the listener itself has failed.
    public static func accept(
        _ listener: Int32, _ transport: Transport
    ) throws(LinkSocketError) -> Accepted? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let socket = withUnsafeMutableBytes(of: &storage) {
            clinux_accept(listener, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }
        guard socket >= 0 else {
            switch errno {
            // The peer has disconnected again, or we were interrupted: not the listener's fault.
            case EAGAIN, EINTR, ECONNABORTED, EPROTO, ECONNRESET, ETIMEDOUT: return nil
            default: throw .failed(call: "accept", errno: errno)
            }
        }
        guard let peer = radioEnd(storage, transport) else {
            return Accepted(socket: socket, peer: describeLocalPeer(socket))
        }
        var local = sockaddr_storage()
        var localLength = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutableBytes(of: &local) {
            _ = getsockname(socket, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, &localLength)
        }
        return Accepted(
            socket: socket, peer: peer.address.description, radioPeer: peer,
            adapter: radioEnd(local, transport)?.address, security: security(of: socket, transport),
            packets: PacketSizes(of: socket, transport))
    }

    /// One end of a Bluetooth link; nil on the local transport.
    private static func radioEnd(_ storage: sockaddr_storage, _ transport: Transport) -> RadioAddress? {
        withUnsafeBytes(of: storage) { raw in
            switch transport {
            case .rfcomm:
                let rc = raw.loadUnaligned(as: sockaddr_rc.self)
                return RadioAddress(BluetoothAddress(kernelOrder: rc.rc_bdaddr), .classic)
            case .l2cap, .le:
                let l2 = raw.loadUnaligned(as: sockaddr_l2.self)
                let kind = AddressKind(code: l2.l2_bdaddr_type) ?? .classic
                return RadioAddress(BluetoothAddress(kernelOrder: l2.l2_bdaddr), kind)
            case .local: return nil
            }
        }
    }

    private static func describeLocalPeer(_ socket: Int32) -> String {
        var (process, user) = (Int32(0), UInt32(0))
        guard clinux_peer_credentials(socket, &process, &user) == 0 else { return "process unknown" }
        return "process \(process) of user \(user)"
    }

    /// Starts to connect; the socket becomes writable when it is decided, and `outcomeOfConnect` then tells.
    /// - Parameter adapter: the local adapter's address; the kernel picks one where it is `.any`.
    /// - Throws: `LinkSocketError`.
    public static func connect(
        to address: NearbyAddress, from adapter: BluetoothAddress = .any
    ) throws(LinkSocketError) -> Int32 {
        let socket = try make(address)
        if let local = localEnd(of: address, adapter) {
            guard local.withSocketAddress({ bind(socket, $0, $1) }) == 0 else { throw failed("bind", socket) }
        }
        let result = address.withSocketAddress { Glibc.connect(socket, $0, $1) }
        // If a Unix socket's backlog is full, the call fails with EAGAIN, and no connect is in progress.
        guard result == 0 || errno == EINPROGRESS else { throw failed("connect", socket) }
        return socket
    }

    /// nil if a connect in progress has succeeded.
    public static func outcomeOfConnect(_ socket: Int32) -> LinkSocketError? {
        var (error, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
        return error == 0 ? nil : .failed(call: "connect", errno: error)
    }

    private static func localEnd(of address: NearbyAddress, _ adapter: BluetoothAddress) -> NearbyAddress? {
        switch address {
        case .rfcomm: adapter == .any ? nil : .rfcomm(adapter, channel: 0)
        case .l2cap: adapter == .any ? nil : .l2cap(adapter, psm: 0)
        case .le: .le(adapter, psm: 0, random: false)  // an LE connect needs an LE address at both ends
        case .local: nil
        }
    }

    private static func make(_ address: NearbyAddress) throws(LinkSocketError) -> Int32 {
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let made: Int32
        switch address {
        case .rfcomm: made = socket(AF_BLUETOOTH, Int32(SOCK_STREAM.rawValue) | flags, BTPROTO_RFCOMM)
        case .l2cap, .le: made = socket(AF_BLUETOOTH, Int32(SOCK_SEQPACKET.rawValue) | flags, BTPROTO_L2CAP)
        case .local(let path):
            guard path.utf8.count <= NearbyAddress.maximumPath else { throw .pathTooLong(path) }
            made = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0)
        }
        guard made >= 0 else {
            let missing = [EAFNOSUPPORT, EPROTONOSUPPORT].contains(errno) && address.transport.isRadio
            throw missing ? .noBluetooth : .failed(call: "socket", errno: errno)
        }
        return made
    }

    private static func failed(_ call: String, _ socket: Int32, _ number: Int32 = errno) -> LinkSocketError {
        close(socket)
        return .failed(call: call, errno: number)
    }

    /// Sends a whole frame without waiting. False if the peer does not take it: a link on which a few dozen bytes do
    /// not fit is closed.
    public static func send(_ frame: LinkFrame, over socket: Int32) -> Bool { offer(frame, to: socket) == .taken }

    /// The result of offering a frame to the kernel.
    public enum Offered: Sendable {
        /// Taken.
        case taken
        /// No space now: an LE channel's credits are used up until the peer has read. None of the frame was taken.
        case later
        /// The link is not usable.
        case failed
    }

    /// Offers a frame to the kernel, without waiting.
    public static func offer(_ frame: LinkFrame, to socket: Int32) -> Offered {
        let bytes = frame.encoded
        let count = Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        if count == bytes.count { return .taken }
        return count < 0 && errno == EAGAIN ? .later : .failed
    }

    /// The result of one read.
    public enum Received: Equatable, Sendable {
        /// These bytes: one packet, or a piece of a stream.
        case bytes([UInt8])
        /// Nothing waits.
        case nothing
        /// The peer has closed, or the radio has.
        case closed
    }

    /// One read without waiting, of at most a frame and a byte: more in one packet is malformed.
    /// - Parameter reason: if the radio has closed the link: the system's number for it.
    public static func receive(from socket: Int32, closedBy reason: (Int32) -> Void = { _ in }) -> Received {
        let (first, number) = readOnce(socket)
        guard first == .closed else { return first }
        // The kernel reports the end of an L2CAP channel before it gives the packets that came before that end.
        if case (.bytes(let bytes), _) = readOnce(socket) { return .bytes(bytes) }
        if number != 0 { reason(number) }
        return .closed
    }

    private static func readOnce(_ socket: Int32) -> (Received, errno: Int32) {
        let capacity = LinkFrame.headerLength + LinkFrame.maximumPayloadLength + 1
        var (count, number) = (0, Int32(0))
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
            count = recv(socket, buffer.baseAddress, capacity, 0)
            number = errno
            filled = max(0, count)
        }
        if count > 0 { return (.bytes(bytes), 0) }
        if count == 0 { return (hasEnded(socket) ? .closed : .bytes([]), 0) }  // an empty packet is not an end
        return number == EAGAIN || number == EINTR ? (.nothing, 0) : (.closed, number)
    }

    private static func hasEnded(_ socket: Int32) -> Bool {
        let ends = Int16(POLLHUP) | Int16(POLLERR) | clinux_peer_has_ended
        var one = pollfd(fd: socket, events: clinux_peer_has_ended, revents: 0)
        return poll(&one, 1, 0) < 0 || one.revents & ends != 0
    }
}
