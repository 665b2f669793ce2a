import Foundation

/// A TPM 2.0 for one test: swtpm, over loopback. It ends with the test.
///
/// There is no resource manager as in the kernel: it has room for three keys at a time, and the keys of a process that
/// was killed stay in it.
package final class SoftTPM {
    private let folder: String
    private let port: UInt16
    private var process: Child
    /// For the process that uses it.
    package let environment: [String: String]

    package init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "srup-tpm-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Its library takes the port above for the control channel.
        guard let port = SoftTPM.freePair() else { throw NotInTime(what: "two free ports side by side") }
        self.port = port
        process = try SoftTPM.start(folder, port)
        environment = [
            "TPM2OPENSSL_TCTI": "swtpm:host=127.0.0.1,port=\(port)",
            "TPM2TOOLS_TCTI": "swtpm:host=127.0.0.1,port=\(port)",
            "TSS2_LOG": "all+none",
        ]
    }

    private static func start(_ folder: String, _ port: UInt16) throws -> Child {
        let process = try Child(
            "/usr/bin/swtpm",
            [
                "socket", "--tpm2", "--tpmstate", "dir=\(folder)", "--flags", "not-need-init,startup-clear",
                "--server", "type=tcp,port=\(port),bindaddr=127.0.0.1,disconnect", "--ctrl",
                "type=tcp,port=\(port + 1),bindaddr=127.0.0.1",
            ], output: folder + "/output")
        try eventually("the TPM listens") { Network.listens(port + 1) }
        return process
    }

    deinit { discard() }

    /// Ends it when the test process ends: a constant of a test lives that long.
    package func discard() {
        vanish()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// As if the machine were switched off, or the TPM removed.
    package func vanish() { process.end(with: SIGKILL) }

    /// The same TPM again, as after a restart of the machine.
    package func comeBack() throws {
        process = try SoftTPM.start(folder, port)
    }

    private static func freePair() -> UInt16? {
        (0..<200).lazy.map { _ in UInt16.random(in: 20_000..<32_000) }.first { isFree($0) && isFree($0 + 1) }
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        } == 0
    }
}

/// A PKCS#11 token for one test: SoftHSM.
package final class SoftToken {
    private let folder: String
    package let environment: [String: String]
    package static let pin = "24680"
    static let module = "/usr/lib/softhsm/libsofthsm2.so"

    package init() throws {
        folder =
            FileManager.default.temporaryDirectory.appending(path: "srup-token-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder + "/tokens", withIntermediateDirectories: true)
        try "directories.tokendir = \(folder)/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
            .write(toFile: folder + "/softhsm.conf", atomically: true, encoding: .utf8)
        environment = ["SOFTHSM2_CONF": folder + "/softhsm.conf"]
        try tool(["--init-token", "--free", "--label", "gate", "--pin", SoftToken.pin, "--so-pin", "13579"])
    }

    deinit { vanish() }

    /// As if the token were pulled out.
    package func pullOut() throws {
        try FileManager.default.removeItem(atPath: folder + "/tokens")
        try FileManager.default.createDirectory(atPath: folder + "/tokens", withIntermediateDirectories: true)
    }

    /// The token, and the settings of its module.
    package func vanish() { try? FileManager.default.removeItem(atPath: folder) }

    /// Another token with the same label, and nothing in it.
    package func addTwin() throws {
        try tool(["--init-token", "--free", "--label", "gate", "--pin", SoftToken.pin, "--so-pin", "13579"])
    }

    /// The serial number of the only token there is.
    package func serial() throws -> String {
        let slots = try Network.run(
            "/usr/bin/env", ["SOFTHSM2_CONF=\(folder)/softhsm.conf", "softhsm2-util", "--show-slots"])
        let line = slots.split(separator: "\n").first { $0.contains("Serial number:") } ?? ""
        return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    }

    /// Imports a key, which then never leaves the token; returns the line for a key file.
    package func take(keyFile: String, as label: String, id: String = "A1") throws -> String {
        let plain = folder + "/\(UUID().uuidString).pem"
        try Network.run(
            "/usr/bin/openssl", ["pkcs8", "-topk8", "-nocrypt", "-in", keyFile, "-out", plain])
        defer { try? FileManager.default.removeItem(atPath: plain) }
        try tool(["--import", plain, "--token", "gate", "--label", label, "--id", id, "--pin", SoftToken.pin])
        return "pkcs11:token=gate;object=\(label);type=private"
    }

    private func tool(_ arguments: [String]) throws {
        let whole = ["SOFTHSM2_CONF=\(folder)/softhsm.conf", "softhsm2-util", "--module", SoftToken.module] + arguments
        try Network.run("/usr/bin/env", whole)
    }
}

extension String {
    /// Writes it to a file that only its owner can read.
    package func writePrivately(to path: String) throws {
        try? FileManager.default.removeItem(atPath: path)
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(utf8), attributes: [.posixPermissions: 0o600])
        else { throw NotInTime(what: "\(path) could not be written") }
    }
}
