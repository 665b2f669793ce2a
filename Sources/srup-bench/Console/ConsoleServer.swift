import Bench
import C2Server
import Dispatch
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import OperatorText
import Synchronization

/// The sockets around a `Console`: HTTP on this machine's loopback addresses only, without decisions.
struct ConsoleServer {
    let console: Console
    /// 0: any free port.
    let port: UInt16

    /// Serves on separate threads, until the process ends.
    /// - Throws: `OperatorFault` if it cannot listen.
    func start() throws(OperatorFault) {
        let bounds = ConnectionBounds.Table(.init(listeners: 2))  // the console listens on two addresses
        // A port that is free on one address may be in use on the other.
        var tries = port == 0 ? 5 : 1
        while true {
            tries -= 1
            let first = Listener("127.0.0.1", port, console, bounds)
            let chosen = try first.start()
            // A browser may try ::1 first. If this machine does not have this address, no other program listens there either.
            let second = Listener("::1", chosen, console, bounds)
            do throws(OperatorFault) { _ = try second.start() } catch  where !second.isAbsent {
                first.stop()
                if tries > 0 { continue }
                throw error
            } catch {}
            let ready = DispatchSemaphore(value: 0)
            Task.detached { [console] in
                await console.listens(at: chosen)
                ready.signal()
                while (try? await Task.sleep(for: .seconds(ConsolePolicy.beat))) != nil { console.wakeup.wake() }
            }
            ready.wait()
            return
        }
    }
}

/// A listening socket.
private final class Listener: Sendable {
    private enum State {
        case starting
        case listening(UInt16)
        case failed(String, errno: Int32?)
    }

    private let address: String
    private let port: UInt16
    private let console: Console
    private let bounds: ConnectionBounds.Table
    private let state = Mutex(State.starting)
    private let changed = DispatchSemaphore(value: 0)
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ address: String, _ port: UInt16, _ console: Console, _ bounds: ConnectionBounds.Table) {
        (self.address, self.port, self.console, self.bounds) = (address, port, console, bounds)
    }

    /// Waits until it listens.
    /// - Returns: the port.
    func start() throws(OperatorFault) -> UInt16 {
        let running = Task.detached { [self] in
            do { try await application.runService(gracefulShutdownSignals: []) } catch {
                state.withLock { $0 = .failed("\(error)", errno: (error as? IOError)?.errnoCode) }
            }
            changed.signal()
        }
        task.withLock { $0 = running }
        changed.wait()
        switch state.withLock({ $0 }) {
        case .listening(let port): return port
        case .starting: throw .cannotListen(on: address, port: Int(port), nil, words: "", option: "--web")
        case .failed(let words, let number):
            throw .cannotListen(on: address, port: Int(port), number, words: words, option: "--web")
        }
    }

    /// Whether this machine does not have the address.
    var isAbsent: Bool {
        guard case .failed(_, let number?) = state.withLock({ $0 }) else { return false }
        return [EADDRNOTAVAIL, EAFNOSUPPORT].contains(number)
    }

    func stop() { task.withLock { $0?.cancel() } }

    private var application: some ApplicationProtocol {
        var logger = Logger(label: "console")
        logger.logLevel = .critical  // the console writes its own lines
        let (console, bounds) = (console, bounds)
        return Application(
            responder: CallbackResponder { (request: Request, visitor: Visitor) in
                try await Listener.answer(request, of: visitor, by: console, bounds)
            },
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [
                        ConnectionBounds(seconds: ConsolePolicy.maximumConnection, bounds)
                    ],
                    idleTimeout: .seconds(15),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 8_192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 64))),
            configuration: ApplicationConfiguration(
                address: .hostname(address, port: Int(port)),
                availableConnectionsDelegate: .maximum(bounds.limits.mostAccepted, logger: logger)),
            onServerRunning: { [self] channel in
                let port = UInt16(channel.localAddress?.port ?? 0)
                state.withLock { $0 = .listening(port) }
                changed.signal()
            },
            logger: logger)
    }

    /// One request, read up to its bound.
    private static func answer(
        _ request: Request, of visitor: Visitor, by console: Console, _ bounds: ConnectionBounds.Table
    ) async throws -> Response {
        let body = try await request.body(upTo: ConsolePolicy.maximumBody, over: visitor.channel)
        let cookies = request.headers[values: .cookie].joined(separator: "; ")
        let reply = await console.answer(
            ConsoleRequest(
                method: request.method.rawValue, host: request.head.authority, path: request.uri.path,
                query: request.uri.query ?? "", origin: request.headers[.origin], cookies: cookies,
                contentType: request.headers[.contentType], lastEvent: request.headers[.lastEventID], body: body))
        if reply.isToOperator { bounds.recognise(visitor.channel) }
        let response = response(reply, to: visitor)
        guard body.count > ConsolePolicy.maximumBody, case .bytes(let bytes) = reply.body else { return response }
        return response.ending(visitor.channel, with: bytes)
    }

    private static func response(_ reply: ConsoleReply, to visitor: Visitor) -> Response {
        var headers = HTTPFields()
        for header in ConsolePolicy.headers + reply.headers {
            if let name = HTTPFields.Element.Name(header.name) {
                headers.append(HTTPFields.Element(name: name, value: header.value))
            }
        }
        let body: ResponseBody
        switch reply.body {
        case .bytes(let bytes): body = ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
        case .events(let events):
            visitor.channel.closeFuture.whenComplete { _ in events.end() }
            body = ResponseBody { writer in
                try await events.run { try await writer.write(ByteBuffer(string: $0)) }
                try await writer.finish(nil)
            }
        }
        return Response(status: .init(code: reply.status), headers: headers, body: body)
    }
}

/// The client.
private struct Visitor: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }
}

extension HTTPFields.Element.Name {
    fileprivate static let lastEventID: HTTPFields.Element.Name = {
        guard let name = HTTPFields.Element.Name("Last-Event-ID") else {
            preconditionFailure("a name of letters and hyphens")
        }
        return name
    }()
}
