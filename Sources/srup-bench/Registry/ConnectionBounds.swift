import Hummingbird
import NIOCore
import Synchronization

/// What one connection, and one address, may take of the server: an end after so many seconds, whatever trickles over it,
/// and a number of connections. In the channel before the handshake, so that a silent client is bounded too.
final class ConnectionBounds: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    /// Connections in all; those beyond wait.
    static let mostInAll = 256
    /// Connections from one address; those beyond are closed.
    static let mostOfOne = 32

    /// How many connections each address has.
    final class Table: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        /// Whether there is room for one more, which is counted either way.
        func enter(_ address: String) -> Bool {
            counts.withLock {
                $0[address, default: 0] += 1
                return $0[address, default: 0] <= ConnectionBounds.mostOfOne
            }
        }

        func leave(_ address: String) {
            counts.withLock {
                let left = $0[address, default: 1] - 1
                $0[address] = left > 0 ? left : nil
            }
        }
    }

    private let seconds: Int64
    private let table: Table
    private var address: String?
    private var end: Scheduled<Void>?

    init(seconds: Int64, _ table: Table) { (self.seconds, self.table) = (seconds, table) }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        let address = channel.remoteAddress?.ipAddress ?? ""
        self.address = address
        let hasRoom = table.enter(address)
        end = context.eventLoop.scheduleTask(in: hasRoom ? .seconds(seconds) : .zero) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end?.cancel()
        if let address { table.leave(address) }
        address = nil
    }
}

extension Request {
    /// The body; of one that is longer than the bound, one byte more than that, by which whoever answers sees it. What still
    /// comes is not worth reading: the connection ends in a second.
    func body(upTo longest: Int, over channel: any Channel) async throws -> [UInt8] {
        do {
            return Array(buffer: try await body.collect(upTo: longest))
        } catch is NIOTooManyBytesError {
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
            return [UInt8](repeating: 0, count: longest + 1)
        }
    }
}
