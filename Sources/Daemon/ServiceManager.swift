import CLinux
import Glibc

/// Reports our state to systemd (sd_notify(3)): one datagram to $NOTIFY_SOCKET. Does nothing if that is not set.
package struct ServiceManager: Sendable {
    /// Under which systemd keeps the management socket for us.
    package static let managementName = "bluetooth-management"

    private let path: String?
    private let socket: NotifySocket?

    /// The management socket that was opened by who may open it, and given to systemd for us (sd_listen_fds(3)); nil: there
    /// is none.
    package let management: Int32?

    /// systemd's watchdog timeout; nil: the watchdog is off.
    package let watchdog: Duration?

    package init(environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }) {
        path = environment("NOTIFY_SOCKET")
        socket = path.map { _ in NotifySocket() }
        management = ServiceManager.passed(ServiceManager.managementName, environment)
        let microseconds = environment("WATCHDOG_USEC").flatMap { Int64($0) }
        let meant = environment("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        watchdog = meant ? microseconds.map { .microseconds($0) } : nil
    }

    package func ready() { notify("READY=1") }
    package func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        notify("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)")
    }
    package func stopping() { notify("STOPPING=1") }
    package func alive() { notify("WATCHDOG=1") }
    package func status(_ text: String) { notify("STATUS=\(text)") }

    /// Gives systemd a management socket to keep for the service that we are a part of.
    package func keep(management socket: Int32) -> Bool {
        notify("FDSTOREREMOVE=1\nFDNAME=\(ServiceManager.managementName)")
        return notify("FDSTORE=1\nFDNAME=\(ServiceManager.managementName)", with: socket)
    }

    /// The descriptor that was handed to this process under a name. What we start does not get it.
    private static func passed(_ name: String, _ environment: (String) -> String?) -> Int32? {
        guard environment("LISTEN_PID") == String(getpid()), let names = environment("LISTEN_FDNAMES"),
            let index = names.split(separator: ":", omittingEmptySubsequences: false).firstIndex(of: name[...]),
            let count = environment("LISTEN_FDS").flatMap({ Int($0) }), index < count
        else { return nil }
        let descriptor = 3 + Int32(index)
        return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? descriptor : nil
    }

    /// Before this process becomes another program: hands it what was handed to us, and nothing else.
    package func passOn() {
        guard let management else { return closefrom(3) }
        if management != 3 { dup2(management, 3) }
        _ = fcntl(3, F_SETFD, 0)
        setenv("LISTEN_FDS", "1", 1)
        setenv("LISTEN_FDNAMES", ServiceManager.managementName, 1)
        closefrom(4)
    }

    @discardableResult
    private func notify(_ message: String, with passed: Int32? = nil) -> Bool {
        guard let path, let socket else { return false }
        return sendDatagram(message, to: path, over: socket.descriptor, with: passed)
    }
}

/// Open from the start: the watchdog must be told also when no descriptor is left.
private final class NotifySocket: Sendable {
    let descriptor = socket(
        AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)

    deinit { close(descriptor) }
}

/// Sends a datagram to a Unix socket, which may have an abstract name (`@…`), and a descriptor with it.
/// - Returns: whether it has been taken.
func sendDatagram(_ message: String, to path: String, over descriptor: Int32, with passed: Int32? = nil) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8.prefix(MemoryLayout.size(ofValue: address.sun_path)))
    withUnsafeMutableBytes(of: &address.sun_path) {
        $0.copyBytes(from: bytes)
        if path.hasPrefix("@") { $0[0] = 0 }
    }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            if let passed { return clinux_send_descriptor(descriptor, $0, length, message, passed) == 0 }
            return sendto(descriptor, message, message.utf8.count, Int32(MSG_NOSIGNAL), $0, length) >= 0
        }
    }
}
