import CLinux
import Glibc

/// Tells systemd how we are (sd_notify(3)): one datagram to $NOTIFY_SOCKET. Does nothing where nobody listens.
struct ServiceManager: Sendable {
    private let path: String?

    /// How long systemd waits for a sign of life; nil: it does not watch.
    let watchdog: Duration?

    init(environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }) {
        path = environment("NOTIFY_SOCKET")
        let microseconds = environment("WATCHDOG_USEC").flatMap { Int64($0) }
        let meant = environment("WATCHDOG_PID").map { $0 == String(getpid()) } ?? true
        watchdog = meant ? microseconds.map { .microseconds($0) } : nil
    }

    func ready() { notify("READY=1") }
    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        notify("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)")
    }
    func stopping() { notify("STOPPING=1") }
    func alive() { notify("WATCHDOG=1") }
    func status(_ text: String) { notify("STATUS=\(text)") }

    private func notify(_ message: String) {
        guard let path else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8).prefix(MemoryLayout.size(ofValue: address.sun_path) - 1)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: bytes)
            if path.hasPrefix("@") { $0[0] = 0 }  // an abstract name
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = sendto(descriptor, message, message.utf8.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
