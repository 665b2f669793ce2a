import Bench
import Dispatch
import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import OperatorText
import Registration
import Synchronization

/// The sockets around a `Registry`: HTTPS requests and replies, without decisions (docs/registry.md, "Limits").
struct RegistryServer {
    let folder: RegistryFolder
    let address: String
    let port: UInt16
    /// Seconds that a connection may last.
    let timeout: Int64
    let limits: ConnectionBounds.Limits

    /// Serves until SIGTERM or SIGINT.
    /// - Throws: `OperatorFault` if it cannot listen.
    func run(_ registry: RegistryThread) throws {
        let host = try folder.host()
        // After the first line, which says where the service listens.
        let maintenance = Mutex<Task<Void, Never>?>(nil)
        let application = try application(registry, announcing: host) {
            maintenance.withLock { $0 = Task { await registry.maintain() } }
        }
        let ended = DispatchSemaphore(value: 0)
        let fault = Mutex<OperatorFault?>(nil)
        // The subcommands are synchronous: this one waits for the asynchronous server.
        Task.detached {
            do { try await application.runService() } catch {
                fault.withLock {
                    $0 = .cannotListen(
                        on: address, port: Int(port), (error as? IOError)?.errnoCode, words: "\(error)",
                        option: "--port",
                        addressOption: "--bind")
                }
            }
            maintenance.withLock { $0?.cancel() }
            ended.signal()
        }
        ended.wait()
        if let fault = fault.withLock({ $0 }) { throw fault }
    }

    private func application(
        _ registry: RegistryThread, announcing host: String, started: @escaping @Sendable () -> Void
    ) throws(OperatorFault) -> some ApplicationProtocol {
        var logger = Logger(label: "registry")
        logger.logLevel = .critical  // the registry writes its own log
        let bounds = ConnectionBounds.Table(limits)
        let timeout = timeout
        let server: HTTPServerBuilder
        do {
            server = try .tls(
                .http1(
                    configuration: .init(
                        additionalChannelHandlers: [ConnectionBounds(seconds: timeout, bounds)],
                        idleTimeout: .seconds(min(10, timeout)),
                        httpDecoderConfiguration: .init(
                            maxHeaderFieldSize: 8_192, maxHeaderListSize: 16_384, maxHeaderFieldCount: 64))),
                tlsConfiguration: try tls())
        } catch {
            throw OperatorFault(
                "the HTTPS key or certificate cannot be used: \(error)", hint: "restore both from a backup")
        }
        return Application(
            responder: CallbackResponder { (request: Request, visitor: Visitor) in
                try await RegistryServer.answer(request, of: visitor, by: registry, bounds)
            },
            server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(address, port: Int(port)),
                availableConnectionsDelegate: .maximum(limits.mostAccepted, logger: logger)),
            onServerRunning: { channel in
                let name = HostAndPort.bracketed(host)
                let place = "https://\(name):\(channel.localAddress?.port ?? Int(port))"
                Terminal.print("listening on \(place)")
                showCode(at: place)
                started()
            },
            logger: logger)
    }

    /// For the person who has started the service; scripts read the first line only.
    private func showCode(at place: String) {
        guard isatty(STDOUT_FILENO) == 1 else { return }
        do { try RegistryCodeVerb.show(folder.code(at: place, token: nil), .terminal, nil) } catch {
            // It serves nevertheless: the text is there, or `registry code` says why not.
            if let fault = error as? any OperatorError { Terminal.printError(fault) }
        }
    }

    private func tls() throws -> TLSConfiguration {
        try folder.checkServerFiles()
        let file = folder.serverCertificate
        let chain = try NIOSSLCertificate.fromPEMFile(file)
        let key = try NIOSSLPrivateKey(file: folder.serverKey, format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv12
        // A renewed certificate is for the same key: it is used from the next connection on, without a restart.
        tls.sslContextCallback = { _, promise in
            promise.succeed(
                changing(.noChanges) {
                    $0.certificateChain = (try? NIOSSLCertificate.fromPEMFile(file))?.map { .certificate($0) }
                })
        }
        return tls
    }

    /// One request, read up to its bound.
    private static func answer(
        _ request: Request, of visitor: Visitor, by registry: RegistryThread, _ bounds: ConnectionBounds.Table
    ) async throws -> Response {
        let body = try await request.body(upTo: RegistryPolicy.maximumBody, over: visitor.channel)
        let reply = await registry.answer(
            RegistryRequest(
                method: request.method.rawValue, path: request.uri.path,
                authorization: request.headers[.authorization], body: body, address: visitor.address))
        var headers: HTTPFields = [.contentType: reply.contentType, .cacheControl: "no-store"]
        if let seconds = reply.retryAfter { headers[.retryAfter] = String(seconds) }
        if reply.status == 401 { headers[.wwwAuthenticate] = "Bearer" }
        if reply.isToKnown { bounds.recognise(visitor.channel) }
        let response = Response(
            status: .init(code: reply.status), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: reply.body)))
        return body.count > RegistryPolicy.maximumBody ? response.ending(visitor.channel, with: reply.body) : response
    }
}

/// A value with a change: for one whose type HummingbirdTLS does not export.
private func changing<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
    var value = value
    change(&value)
    return value
}

/// The client.
private struct Visitor: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }

    var address: String { channel.remoteAddress?.ipAddress ?? "an unknown address" }
}
