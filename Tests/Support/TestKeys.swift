import Foundation
import Glibc
import Keys
import SRUP

/// The keys of Tests/Vectors/keys: `dev`, `c2`, `obs`, `wrong` at 2,048 bits, `dev` and `c2` also at 3,072 and 4,096.
package enum TestKeys {
    /// The two forms of a private key's PEM file.
    package enum Form: String, CaseIterable, Sendable { case pkcs1, pkcs8 }

    /// A key file as it lies in the repository.
    package static func file(_ name: String) -> URL { Vectors.folder.appending(path: "keys/\(name).pem") }

    /// A public key by its name, such as `dev_2048`.
    package static func publicKey(_ name: String) throws -> PublicKey {
        try PublicKey(pemFile: file("\(name).pub").path)
    }

    /// A private key by its name: git keeps no 0600, so it is loaded from a copy that has it.
    package static func privateKey(_ name: String, _ form: Form = .pkcs1) throws -> IdentityKey {
        try TemporaryFolder.with { folder in
            try IdentityKey(pemFile: folder.privateCopy(of: file("\(name).\(form.rawValue)")))
        }
    }

    /// A keyring with one sender.
    package static func keyring(_ name: String, of sender: Identifier) throws -> PublicKeys {
        PublicKeys([sender: try publicKey(name)])
    }
}

/// A folder that is removed when the test is over.
package struct TemporaryFolder {
    package let url: URL

    /// Lends a new, empty folder.
    package static func with<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
        let url = FileManager.default.temporaryDirectory.appending(path: "srup-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(TemporaryFolder(url: url))
    }

    /// The path of a file in it, which need not be there yet.
    package func path(_ name: String) -> String { url.appending(path: name).path }

    /// Writes a file and gives its path.
    @discardableResult
    package func write(_ content: Data, to name: String, mode: Int = 0o600) throws -> String {
        try content.write(to: url.appending(path: name))
        return try set(mode: mode, of: name)
    }

    /// A copy of a key file that only its owner can read.
    package func privateCopy(of file: URL, as name: String = "private.pem", mode: Int = 0o600) throws -> String {
        try write(Data(contentsOf: file), to: name, mode: mode)
    }

    /// Changes the permission bits of a file, and gives its path.
    @discardableResult
    package func set(mode: Int, of name: String) throws -> String {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(name))
        return path(name)
    }

    /// Runs `openssl` in this folder with the words of the line, and returns its standard output.
    @discardableResult
    package func openssl(_ line: String) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + line.split(separator: " ").map(String.init)
        process.currentDirectoryURL = url
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Not a pipe: Foundation lets programs that other tests start at the same moment inherit its writing end, and then it has no end
        // until they have ended.
        let output = FileManager.default.temporaryDirectory.appending(path: "srup-output-\(UUID().uuidString)")
        try Data().write(to: output)
        defer { try? FileManager.default.removeItem(at: output) }
        let handle = try FileHandle(forWritingTo: output)
        process.standardOutput = handle
        try process.run()
        process.waitForExit()
        try handle.close()
        // Foundation ends the whole run where the status of a process is asked for whose end it has missed.
        guard !process.isRunning, process.terminationStatus == 0 else {
            throw VectorFault(what: "openssl \(line): \(process.isRunning ? "its end was not seen" : "failed")")
        }
        return Array(try Data(contentsOf: output))
    }
}

extension Process {
    /// Waits for its end, at most a minute. Foundation's `waitUntilExit` runs a run loop on the calling thread, and sometimes sleeps on
    /// although the process has ended.
    public func waitForExit() { for _ in 0..<12_000 where isRunning { usleep(5_000) } }
}
