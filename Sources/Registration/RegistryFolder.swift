import Bench
import Files
import Glibc
import Keys
import OperatorText

/// The registry's folder on disk, accessible by its owner only, and the names of the files in it.
public struct RegistryFolder: Sendable {
    let path: String

    var identityKey: String { path + "/identity.key.pem" }
    var authorityKey: String { path + "/ca.key.pem" }
    var authority: String { path + "/ca.pem" }
    /// The service's TLS certificate.
    public var serverCertificate: String { path + "/https.cert.pem" }
    /// The private key of that certificate.
    public var serverKey: String { path + "/https.key.pem" }
    var brokerCertificate: String { path + "/broker.cert.pem" }
    var brokerKey: String { path + "/broker.key.pem" }
    var c2Key: String { path + "/c2.pub.pem" }
    var c2Certificate: String { path + "/c2.cert.pem" }
    var c2AccessKey: String { path + "/c2.key.pem" }
    var revocations: String { path + "/crl.pem" }

    /// With resolved symbolic links: SQLite does not follow any (SQLITE_OPEN_NOFOLLOW).
    var database: String { Folder.resolved(path) + "/registry.sqlite" }

    /// The folder of an existing registry.
    /// - Throws: `OperatorFault` if there is none, or if it is accessible to others.
    public init(existing path: String) throws {
        self.path = path
        try Folder.checkOwnerOnly(path, as: "the folder")
        guard access(database, F_OK) == 0 else {
            throw OperatorFault(
                "there is no registry in \(path)", hint: "create it: srup-bench registry init --folder \(path) ...")
        }
        try check(database)
    }

    /// A folder for a new registry; created if it does not exist.
    /// - Throws: `OperatorFault`.
    init(new path: String) throws {
        self.path = path
        try Folder.makeOwnerOnly(path, as: "the folder")
        for name in [identityKey, authorityKey, authority, serverKey, serverCertificate, database]
        where access(name, F_OK) == 0 {
            throw OperatorFault(
                "\(name) exists already and is not overwritten", hint: "choose another folder")
        }
    }

    /// Restricts a file to its owner: SQLite creates its file with the mode of the umask.
    func close(_ file: String) throws(OperatorFault) {
        guard chmod(file, 0o600) == 0 else {
            throw OperatorFault("the mode of \(file) cannot be set", hint: "choose a file system with file modes")
        }
    }

    /// Whether there is something under this path.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private func check(_ file: String) throws(OperatorFault) {
        var status = stat()
        guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            status.st_mode & 0o077 == 0
        else {
            throw OperatorFault(
                "\(file) must be a regular file that only this user can access",
                hint: "restrict it: chown USER \(file) && chmod 0600 \(file)")
        }
    }

    /// Checks the service's TLS files, as for every private key.
    /// - Throws: `OperatorError`.
    public func checkServerFiles() throws {
        try checkPrivateKeyFile(serverKey)
        _ = try certificate(serverCertificate)
    }

    /// A certificate in the folder.
    /// - Throws: `OperatorFault`.
    func certificate(_ file: String) throws(OperatorFault) -> Certificate {
        let bytes: [UInt8]
        do throws(FileError) { bytes = try File.read(file) } catch {
            throw OperatorFault("\(file) cannot be read: \(error)", hint: "restore it from a backup")
        }
        do { return try Certificate(pem: bytes) } catch {
            throw OperatorFault(
                "\(file) does not contain a certificate: \(error.message)", hint: "restore it from a backup")
        }
    }
}

/// Replaces a public file atomically: the new one is on disk before it gets the name.
/// - Throws: `OperatorFault`.
func replacePublicFile(_ path: String, with bytes: [UInt8]) throws(OperatorFault) {
    do throws(FileError) { try File.replace(path, with: bytes, mode: 0o644) } catch {
        throw OperatorFault(
            "\(path) cannot be written: \(error)", hint: "check that its folder exists and has free space")
    }
}
