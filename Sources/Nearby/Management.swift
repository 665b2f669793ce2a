import Bluetooth
import BootTime
import CBlueZ
import CLinux
import EventLoop
import Glibc

/// The kernel's Bluetooth management interface: adapters that come and go, their power, advertising, signal strength. It
/// can be used beside a running bluetoothd, which uses the same. Most commands are done only for a socket that was opened
/// with CAP_NET_ADMIN; the kernel stores that with the socket, so a privileged process can open it for an unprivileged one.
///
/// `@unchecked Sendable`: used on the loop's thread only.
public final class Management: @unchecked Sendable {
    private struct Pending {
        let number: UInt64
        let adapter: AdapterIndex
        let code: UInt16
        /// What a reply begins with, if the command names a peer: a reply from the kernel's cache overtakes the others.
        let replyStart: [UInt8]
        let deadline: Instant
        let completion: (ManagementStatus, [UInt8]) -> Void
    }

    /// The kernel waits 2 s for a controller, at several steps of some commands. After this it is taken as silent.
    public static let timeout = Duration.seconds(12)

    private let loop: Loop
    private let clock: any LoopClock
    private let socket: Int32
    private let happened: (AdapterIndex, ManagementEvent) -> Void
    private var watch: Loop.Watch?
    private var alarm: (any LoopTimer)?
    private var pending: [Pending] = []
    private var lastNumber: UInt64 = 0

    /// Opens the interface. On the loop's thread.
    /// - Parameters:
    ///   - clock: by which it measures how long commands take; nil: the boot clock.
    ///   - given: a socket of `open()` that was passed to us; it stays open when this is closed.
    ///   - happened: called for every event except the ends of our own commands.
    /// - Throws: `LinkSocketError`: `.noBluetooth` if the kernel has none.
    public init(
        _ loop: Loop, clock: (any LoopClock)? = nil, given: Int32? = nil,
        happened: @escaping (AdapterIndex, ManagementEvent) -> Void
    ) throws(LinkSocketError) {
        (self.loop, self.happened, self.clock) = (loop, happened, clock ?? BootClock(loop: loop))
        socket = if let given { try Management.taken(given) } else { try Management.open() }
        watch = loop.watch(socket) { [unowned self] _ in read() }
        alarm = self.clock.timer { [unowned self] in expire() }
    }

    deinit { close() }

    /// A descriptor of our own for a socket that was passed to us, without what was received on it before.
    private static func taken(_ given: Int32) throws(LinkSocketError) -> Int32 {
        let socket = fcntl(given, F_DUPFD_CLOEXEC, 3)
        guard socket >= 0 else { throw .failed(call: "the management socket", errno: errno) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while recv(socket, &buffer, buffer.count, 0) > 0 {}
        return socket
    }

    /// A socket of the management interface, which never blocks.
    /// - Throws: `LinkSocketError`: `.noBluetooth` if the kernel has none.
    public static func open() throws(LinkSocketError) -> Int32 {
        let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let made = Glibc.socket(AF_BLUETOOTH, Int32(SOCK_RAW.rawValue) | flags, BTPROTO_HCI)
        guard made >= 0 else {
            throw [EAFNOSUPPORT, EPROTONOSUPPORT].contains(errno)
                ? .noBluetooth : .failed(call: "the management socket", errno: errno)
        }
        var address = cbluez_control_address()
        let bound = withUnsafeBytes(of: &address) { raw in
            bind(made, raw.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(raw.count))
        }
        guard bound == 0 else {
            let number = errno
            Glibc.close(made)
            throw .failed(call: "the management socket", errno: number)
        }
        // Every program's searches are reported here as well, and the kernel drops what does not fit into the buffer.
        var room = Int32(262_144)
        setsockopt(made, SOL_SOCKET, SO_RCVBUF, &room, socklen_t(MemoryLayout<Int32>.size))
        return made
    }

    /// No more events.
    /// - Parameter telling: whether commands in progress end as `.rejected`, later, so that their callers continue;
    ///   otherwise they are not answered.
    public func close(telling: Bool = false) {
        guard let watch else { return }
        loop.unwatch(watch, socket)
        Glibc.close(socket)
        nonisolated(unsafe) let ended = telling ? pending.map(\.completion) : []
        (self.watch, alarm, pending) = (nil, nil, [])
        guard !ended.isEmpty else { return }
        loop.perform { for completion in ended { completion(.rejected, []) } }
    }

    /// Sends a command; its end is reported exactly once, later, even if the kernel is silent (`.timeout`).
    /// - Parameter timeout: how long it may take.
    public func send(
        _ command: ManagementCommand, to adapter: AdapterIndex, timeout: Duration = Management.timeout,
        completion: @escaping (ManagementStatus, _ reply: [UInt8]) -> Void
    ) {
        let packet = command.encoded(for: adapter)
        lastNumber += 1
        let number = lastNumber
        pending.append(
            Pending(
                number: number, adapter: adapter, code: command.code, replyStart: command.replyStart,
                deadline: clock.now + timeout, completion: completion))
        setAlarm()
        guard write(socket, packet, packet.count) != packet.count else { return }
        let status: ManagementStatus = errno == EPERM ? .denied : .busy
        loop.perform { [weak self] in self?.end(number, status, []) }
    }

    private func read() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        for _ in 0..<32 where watch != nil {  // then the loop has its turn
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            guard let (adapter, event) = ManagementEvent.decode(Array(buffer[..<count])) else { continue }
            if case .completed(let code, let status, let reply) = event {
                complete(adapter, code, status, reply)
            } else {
                happened(adapter, event)
            }
        }
    }

    /// The kernel answers commands of one kind to one adapter in order, except for those that name a peer.
    private func complete(_ adapter: AdapterIndex, _ code: UInt16, _ status: ManagementStatus, _ reply: [UInt8]) {
        let alike = pending.filter { $0.adapter == adapter && $0.code == code }
        // A bare status names no peer. A reply about another peer comes too late, and is ignored.
        let meant = reply.isEmpty ? alike.first : alike.first { reply.starts(with: $0.replyStart) }
        if let meant { end(meant.number, status, reply) }
    }

    private func end(_ number: UInt64, _ status: ManagementStatus, _ reply: [UInt8]) {
        guard let index = pending.firstIndex(where: { $0.number == number }) else { return }
        let ended = pending.remove(at: index)
        setAlarm()
        ended.completion(status, reply)
    }

    private func expire() {
        let now = clock.now
        let late = pending.filter { $0.deadline <= now }
        pending.removeAll { $0.deadline <= now }
        setAlarm()
        for one in late { one.completion(.timeout, []) }
    }

    private func setAlarm() { alarm?.set(at: pending.map(\.deadline).min()) }
}
