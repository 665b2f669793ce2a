import Foundation
import Testing

/// An MQTT 3.1.1 broker over TLS on the loopback interface that behaves as brokers other than mosquitto may: it closes the connection at a
/// denied topic, grants a lower QoS, or has lost a session. It takes messages and passes none on.
package final class ScriptedBroker {
    /// How it behaves from the next packet on.
    package struct Behaviour: Codable {
        /// Topics for whose PUBLISH it closes the connection.
        package var closesAtPublish: [String] = []
        /// Topic filters for whose SUBSCRIBE it closes the connection.
        package var closesAtSubscribe: [String] = []
        /// Topics whose PUBLISH it does not acknowledge.
        package var ignoresPublish: [String] = []
        /// What it grants to other filters: 0 to 2, or 128 for a refusal.
        package var grants: [String: Int] = [:]
        /// Whether CONNACK says that it has a session.
        package var hasSession = false

        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        package init() {}
    }

    private static let program = """
        import json, socket, ssl, sys, threading
        folder, authority, certificate, key = sys.argv[1:]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority)
        context.load_cert_chain(certificate, key)
        lock = threading.Lock()
        def note(*words):
            with lock, open(folder + "/scripted.log", "a") as log: log.write(" ".join(map(str, words)) + "\\n")
        def behaviour():
            with open(folder + "/scripted.json") as file: return json.load(file)
        def exactly(client, count):
            data = b""
            while len(data) < count:
                piece = client.recv(count - len(data))
                if not piece: raise OSError("ended")
                data += piece
            return data
        def packet(client):
            head, length, shift = exactly(client, 1)[0], 0, 0
            while True:
                byte = exactly(client, 1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128: return head, exactly(client, length)
        def serve(client, number):
            while True:
                head, body = packet(client)
                kind, now = head >> 4, behaviour()
                if kind == 1: client.sendall(bytes([0x20, 2, 1 if now["hasSession"] else 0, 0]))
                if kind == 8:
                    grants, rest = b"", body[2:]
                    while rest:
                        length = rest[0] << 8 | rest[1]
                        topic, rest = rest[2:2 + length].decode(), rest[3 + length:]
                        note(number, "subscribe", topic)
                        if topic in now["closesAtSubscribe"]: return
                        grants += bytes([now["grants"].get(topic, 1)])
                    client.sendall(bytes([0x90, 2 + len(grants)]) + body[:2] + grants)
                if kind == 3:
                    length = body[0] << 8 | body[1]
                    topic = body[2:2 + length].decode()
                    note(number, "publish", topic)
                    if topic in now["closesAtPublish"]: return
                    if topic in now["ignoresPublish"]: continue
                    if head & 6: client.sendall(b"\\x40\\x02" + body[2 + length:4 + length])
                if kind == 12: client.sendall(b"\\xd0\\x00")
                if kind == 14: return
        def connection(client, number):
            try:
                client = context.wrap_socket(client, server_side=True)
                serve(client, number)
            except OSError: pass
            finally: client.close()
        server = socket.create_server(("127.0.0.1", 0))
        print(server.getsockname()[1], flush=True)
        number = 0
        while True:
            client = server.accept()[0]
            number += 1
            threading.Thread(target=connection, args=(client, number), daemon=True).start()
        """

    package let port: UInt16
    /// Written to a file that the broker reads at each packet.
    package var behaviour: Behaviour { didSet { write() } }
    private let folder: URL
    private let process = Process()

    /// - Parameters:
    ///   - folder: for its files.
    ///   - authority: PEM: the CA of its clients' certificates.
    ///   - certificate: PEM: its own, for localhost.
    ///   - key: PEM: that certificate's key.
    package init(
        _ behaviour: Behaviour = Behaviour(), in folder: URL, authority: String, certificate: String, key: String
    ) throws {
        (self.behaviour, self.folder) = (behaviour, folder)
        try JSONEncoder().encode(behaviour).write(to: folder.appending(path: "scripted.json"), options: .atomic)
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", ScriptedBroker.program, folder.path, authority, certificate, key]
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(UInt16(line.trimmingCharacters(in: .newlines)))
    }

    deinit {
        // The test threads block all other signals, and their child inherits that.
        kill(process.processIdentifier, SIGKILL)
        process.waitForExit()
    }

    private func write() {
        // Whole or not at all: the broker may read it now.
        try? JSONEncoder().encode(behaviour).write(to: folder.appending(path: "scripted.json"), options: .atomic)
    }

    /// What it has received: `CONNECTION publish|subscribe TOPIC` for each packet.
    package var received: [String] {
        let text = try? String(contentsOf: folder.appending(path: "scripted.log"), encoding: .utf8)
        return (text ?? "").split(separator: "\n").map(String.init)
    }
}
