import Foundation
import Synchronization
import TestVectors
import Testing

@testable import Broker

/// A server on the loopback interface that a beacon cannot use as its broker: it disconnects or never answers, before or
/// after TLS.
final class FaultyBroker {
    enum Kind: String {
        /// TLS with a certificate, for clients that have a certificate from the CA.
        case tls
        /// Resets the connection when the first byte arrives.
        case resets
        /// Accepts the connection and sends nothing.
        case silent
        /// TLS, for which it asks for no certificate; tells which names the clients wanted.
        case names
    }

    private static let program = """
        import socket, ssl, struct, sys
        folder, kind, host, port, held = *sys.argv[1:5], []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "tls":
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(folder + "/ca.pem")
        if kind == "names": context.sni_callback = lambda client, name, context: print(name, flush=True)
        if kind in ("tls", "names"): context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
        server = socket.create_server((host, int(port)), family=family)
        print(server.getsockname()[1], flush=True)
        while True:
            client = server.accept()[0]
            held.append(client)
            try:
                if kind in ("tls", "names"): held.append(context.wrap_socket(client, server_side=True))
                if kind == "resets":
                    client.recv(1)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()
            except OSError: pass
        """

    let port: UInt16
    private let process = Process()
    private let output = Pipe()

    /// - Parameters:
    ///   - folder: holds ca.pem, server.pem and server.key.
    ///   - port: 0 for a free one.
    init(_ kind: Kind, _ folder: TemporaryFolder, at host: String = "127.0.0.1", port wanted: UInt16 = 0) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", FaultyBroker.program, folder.url.path, kind.rawValue, host, "\(wanted)"]
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardOutput = output
        try process.run()
        let line = FaultyBroker.line(from: output)
        port = try #require(UInt16(line))
    }

    /// What it says next: a line.
    func line() -> String { FaultyBroker.line(from: output) }

    /// Byte by byte: the next line may be there as well.
    private static func line(from pipe: Pipe) -> String {
        var bytes: [UInt8] = []
        while let byte = try? pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
            bytes.append(byte)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    deinit {
        // The test threads block all other signals, and their child inherits that.
        kill(process.processIdentifier, SIGKILL)
        process.waitForExit()
    }
}

/// A CA and certificates, made with the openssl command.
struct TestAuthority {
    private static let newKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    let folder: TemporaryFolder

    /// A CA: `NAME.pem` and `NAME.key`.
    func make(_ name: String = "ca") throws {
        try folder.openssl(
            "req -x509 -days 2 \(TestAuthority.newKey) -subj /CN=\(name) -keyout \(name).key -out \(name).pem")
    }

    /// A certificate and its key: `FILE.pem` and `FILE.key`.
    /// - Parameter days: 0 for a certificate that has expired.
    func issue(_ file: String, for name: String, by authority: String = "ca", days: Int = 2) throws {
        try folder.write(Data("subjectAltName=DNS:\(name)\n".utf8), to: file + ".extensions")
        try folder.openssl(
            "req -new \(TestAuthority.newKey) -subj /CN=\(name) -keyout \(file).key -out \(file).request")
        try folder.openssl(
            "x509 -req -in \(file).request -CA \(authority).pem -CAkey \(authority).key -days \(days)"
                + " -extfile \(file).extensions -out \(file).pem")
    }
}
