import BootTime
import Glibc

/// A TCP connection alone, as the doctor makes one. It ends with this object.
final class PlainConnection: Contender {
    let socket: Int32
    private var knownError: Int32?

    /// Begins a connection.
    /// - Parameter address: numeric.
    /// - Throws: `BrokerFault.unreachable`.
    init(_ address: String, _ port: UInt16) throws(BrokerFault) {
        var hints = addrinfo()
        (hints.ai_socktype, hints.ai_flags) = (Int32(SOCK_STREAM.rawValue), AI_NUMERICHOST | AI_NUMERICSERV)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, String(port), &hints, &list) == 0, let place = list?.pointee else {
            throw .unknownHost(address)
        }
        defer { freeaddrinfo(list) }
        let type = place.ai_socktype | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        socket = Glibc.socket(place.ai_family, type, place.ai_protocol)
        guard socket >= 0 else { throw .unreachable(String(cString: strerror(errno))) }
        if connect(socket, place.ai_addr, place.ai_addrlen) != 0, errno != EINPROGRESS { knownError = errno }
    }

    deinit { close(socket) }

    var socketError: Int32? {
        var (error, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
        if error != 0 { knownError = error }
        return knownError
    }

    /// Lets calls wait, but no longer than this.
    func block(for limit: Duration) {
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) & ~O_NONBLOCK)
        var time = timeval(tv_sec: Int(limit.wholeSeconds), tv_usec: 0)
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            setsockopt(socket, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }
}
