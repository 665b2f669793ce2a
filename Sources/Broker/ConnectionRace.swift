import BootTime
import EventLoop
import Glibc

/// A TCP connection that is being made: its socket does not block.
protocol Contender: AnyObject {
    var socket: Int32 { get }
    /// The error that the socket has met, if one is known; it may be read more than once.
    var socketError: Int32? { get }
}

extension Contender {
    /// Once poll has reported something: nil if the connection has been made, or had been, and otherwise why it was not.
    fileprivate var refusal: BrokerFault? {
        var (address, length) = (sockaddr_storage(), socklen_t(MemoryLayout<sockaddr_storage>.size))
        let isConnected = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(socket, $0, &length) == 0 }
        }
        guard !isConnected, let error = socketError, error != ECONNRESET, error != EPIPE else { return nil }
        return .unreachable(String(cString: strerror(error)))
    }
}

extension BrokerFault {
    /// Whether something must have been received for it: on this machine a handshake can fail while the connection begins.
    fileprivate var isOfAnAnswer: Bool { if case .unreachable = self { false } else { true } }
}

extension AddressRace {
    /// Connects to the addresses until one takes the connection; the other connections end then.
    /// - Parameters:
    ///   - wakeup: a descriptor that ends a wait, so that `interruption` is asked; -1: none.
    ///   - limit: when those that have begun have failed.
    ///   - interruption: asked at each turn: why to stop.
    ///   - connect: begins a connection to an address. A fault that is not about this address ends the race.
    /// - Throws: `BrokerFault`: the interruption, or what the last addresses were missing.
    mutating func run<Connection: Contender>(
        wakeup: Int32, until limit: Instant, interruption: () -> BrokerFault?,
        connect: (String) throws(BrokerFault) -> Connection
    ) throws(BrokerFault) -> (address: String, connection: Connection, beaten: [String]) {
        var contenders: [(address: String, connection: Connection)] = []
        while true {
            if let fault = interruption() { throw fault }
            switch step(at: .now) {
            case .over: throw fault
            case .begin(let address):
                do throws(BrokerFault) {
                    contenders.append((address, try connect(address)))
                } catch {
                    if case .badFile = error { throw error }
                    failed(address, error, wasReached: error.isOfAnAnswer)
                }
            case .wait(let next):
                guard .now < limit else {
                    timedOut()
                    contenders = []
                    continue
                }
                for place in AddressRace.ready(contenders.map(\.connection.socket), wakeup, min(next ?? limit, limit)) {
                    let (address, connection) = contenders[place]
                    guard let refusal = connection.refusal else { return (address, connection, won(address)) }
                    failed(address, refusal)
                }
                contenders.removeAll { !isUnderWay($0.address) }
            }
        }
    }

    /// Waits until something has happened on a socket.
    /// - Returns: the places of those sockets.
    private static func ready(_ sockets: [Int32], _ wakeup: Int32, _ limit: Instant) -> [Int] {
        var descriptors = sockets.map { pollfd(fd: $0, events: Int16(POLLOUT), revents: 0) }
        descriptors.append(pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0))
        // Rounded up: it must not turn without end during the last millisecond.
        let milliseconds = max(0, (limit - .now).wholeMilliseconds) + 1
        guard poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: milliseconds)) > 0 else { return [] }
        return sockets.indices.filter { descriptors[$0].revents != 0 }
    }
}
