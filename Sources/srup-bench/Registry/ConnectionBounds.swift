import EventLoop
import Glibc
import Hummingbird
import NIOCore
import Synchronization

/// Bounds on connections: the duration of each, and their number, in total and for one address. It is in the channel before the
/// TLS handshake, so that silent clients are bounded as well.
///
/// A client that has proved its identity has a separate place, which unknown clients cannot take. If all places are taken, in total or
/// for its address, a new unknown client replaces the oldest one, so that silent connections cannot lock others out.
final class ConnectionBounds: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    /// How many connections there may be.
    struct Limits: Sendable {
        /// Connections of unknown clients in total, and from one address, unless the operator says otherwise.
        static let (usualInAll, usualOfOne) = (256, 32)

        /// Connections of unknown clients in total.
        let mostInAll: Int
        /// Connections of unknown clients from one address.
        let mostOfOne: Int
        /// Connections of clients that have proved their identity; more than these count as unknown.
        let mostKnown: Int
        /// Connections that the server accepts, including those that are being closed: fewer where the process may not open as many files.
        /// A server that accepts until none is left could neither write nor end.
        let mostAccepted: Int

        /// - Parameter listeners: addresses that are listened on, each of which has these bounds.
        init(inAll: Int = usualInAll, ofOne: Int = usualOfOne, listeners: Int) {
            let left = (Descriptors.limit - Limits.descriptorsOfOthers) / listeners
            mostAccepted = min(inAll + 64 + 64, max(12, left))
            mostInAll = min(inAll, mostAccepted * 2 / 3)
            (mostOfOne, mostKnown) = (min(ofOne, mostInAll), min(64, mostAccepted / 6))
        }

        /// For files, the broker, and the three of each of NIO's threads.
        private static let descriptorsOfOthers = 48 + 3 * max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    /// The open connections.
    final class Table: Sendable {
        let limits: Limits

        init(_ limits: Limits) { self.limits = limits }

        private struct Entry {
            let channel: any Channel
            let address: String
            let number: UInt64
            var isKnown = false
        }

        private struct State {
            var entries: [ObjectIdentifier: Entry] = [:]
            var last: UInt64 = 0
        }

        private let state = Mutex(State())

        /// Takes a place.
        /// - Returns: the connection to close for it, if any.
        func enter(_ channel: any Channel, from address: String) -> (any Channel)? {
            state.withLock { state in
                state.last += 1
                state.entries[ObjectIdentifier(channel)] = Entry(channel: channel, address: address, number: state.last)
                let strangers = Dictionary(grouping: state.entries.values.filter { !$0.isKnown }, by: \.address)
                let all = strangers.values.reduce(0) { $0 + $1.count }
                let most = strangers.values.max { $0.count < $1.count } ?? []
                let crowd =
                    strangers[address, default: []].count > limits.mostOfOne
                    ? strangers[address, default: []] : all > limits.mostInAll ? most : []
                guard let oldest = crowd.min(by: { $0.number < $1.number }) else { return nil }
                state.entries[ObjectIdentifier(oldest.channel)] = nil
                return oldest.channel
            }
        }

        /// The client of this connection has proved its identity, and keeps its place from now on.
        func recognise(_ channel: any Channel) {
            state.withLock { state in
                guard state.entries.values.count(where: \.isKnown) < limits.mostKnown else { return }
                state.entries[ObjectIdentifier(channel)]?.isKnown = true
            }
        }

        func leave(_ channel: any Channel) { state.withLock { $0.entries[ObjectIdentifier(channel)] = nil } }
    }

    private let seconds: Int64
    private let table: Table
    private var end: Scheduled<Void>?

    init(seconds: Int64, _ table: Table) { (self.seconds, self.table) = (seconds, table) }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        try? context.pipeline.syncOperations.addHandler(SocketEnd(), position: .first)
        table.enter(channel, from: channel.remoteAddress?.ipAddress ?? "")?.closeAtOnce()
        end = context.eventLoop.scheduleTask(in: .seconds(seconds)) { channel.closeAtOnce() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end?.cancel()
        table.leave(context.channel)
    }
}

/// A handler next to the socket, before TLS, that does nothing: closing from here closes the connection immediately.
private final class SocketEnd: ChannelInboundHandler, RemovableChannelHandler { typealias InboundIn = Any }

extension Channel {
    /// Closes the connection without a TLS closure alert, which would wait for the peer's; pending writes are sent.
    func closeAtOnce() {
        eventLoop.execute { [self] in
            guard let end = try? pipeline.syncOperations.context(handlerType: SocketEnd.self) else {
                return close(promise: nil)
            }
            end.close(promise: nil)
        }
    }
}

extension Request {
    /// The body. If it is longer than the bound, the result is one byte longer than the bound, and the rest is not read; see
    /// `Response.ending`.
    func body(upTo longest: Int, over channel: any Channel) async throws -> [UInt8] {
        let isAnnounced = headers[.contentLength].flatMap { Int($0) }.map { $0 > longest } ?? false
        if !isAnnounced {
            do { return Array(buffer: try await body.collect(upTo: longest)) } catch is NIOTooManyBytesError {}
        }
        try await channel.setOption(.autoRead, value: false).get()
        return [UInt8](repeating: 0, count: longest + 1)
    }
}

extension Response {
    /// The same response, after which the connection is closed.
    func ending(_ channel: any Channel, with bytes: [UInt8]) -> Response {
        var ending = self
        ending.headers[.connection] = "close"
        ending.body = ResponseBody(contentLength: bytes.count) { writer in
            try await writer.write(ByteBuffer(bytes: bytes))
            try await writer.finish(nil)
            channel.closeAtOnce()
        }
        return ending
    }
}
