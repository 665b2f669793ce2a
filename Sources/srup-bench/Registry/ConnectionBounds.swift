import Hummingbird
import NIOCore
import Synchronization

/// What one connection, and one address, may take of the server: an end after so many seconds, whatever trickles over it,
/// and a number of connections. In the channel before the handshake, so that a silent client is bounded too.
///
/// A client that has proved its identity has a place of its own, which strangers cannot take. A stranger that finds all places
/// taken, in all or for its address, takes that of the oldest: so silent connections keep no client out.
final class ConnectionBounds: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    /// Strangers' connections in all.
    static let mostInAll = 256
    /// Strangers' connections from one address.
    static let mostOfOne = 32
    /// Connections of clients that have proved their identity; beyond that, they count as strangers.
    static let mostKnown = 64
    /// What the server accepts: the rest are those that are being closed.
    static let mostAccepted = mostInAll + mostKnown + 64

    /// Who is connected.
    final class Table: Sendable {
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
        /// - Returns: who must go for it.
        func enter(_ channel: any Channel, from address: String) -> (any Channel)? {
            state.withLock { state in
                state.last += 1
                state.entries[ObjectIdentifier(channel)] = Entry(channel: channel, address: address, number: state.last)
                let strangers = Dictionary(grouping: state.entries.values.filter { !$0.isKnown }, by: \.address)
                let all = strangers.values.reduce(0) { $0 + $1.count }
                let most = strangers.values.max { $0.count < $1.count } ?? []
                let crowd =
                    strangers[address, default: []].count > ConnectionBounds.mostOfOne
                    ? strangers[address, default: []] : all > ConnectionBounds.mostInAll ? most : []
                guard let oldest = crowd.min(by: { $0.number < $1.number }) else { return nil }
                state.entries[ObjectIdentifier(oldest.channel)] = nil
                return oldest.channel
            }
        }

        /// The client of this connection has proved its identity: it keeps its place from now on.
        func recognise(_ channel: any Channel) {
            state.withLock { state in
                guard state.entries.values.count(where: \.isKnown) < ConnectionBounds.mostKnown else { return }
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

/// Stands next to the socket, in front of TLS, and does nothing: what is closed from here is closed at once.
private final class SocketEnd: ChannelInboundHandler, RemovableChannelHandler { typealias InboundIn = Any }

extension Channel {
    /// Closes the connection without a word over TLS, which would wait for the other end's; what was written before leaves.
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
    /// The body; of one that is longer than the bound, one byte more than that, by which whoever answers sees it. What still
    /// comes is not read: see `Response.ending`.
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
    /// The same answer, behind which the connection ends.
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
