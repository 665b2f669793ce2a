import Bench
import Glibc
import Keys

/// The registry's folder on disk, for its owner only, and the names in it.
public struct RegistryFolder: Sendable {
    let path: String

    var identityKey: String { path + "/identity.key.pem" }
    var authorityKey: String { path + "/ca.key.pem" }
    var authority: String { path + "/ca.pem" }
    /// What the service shows to those who connect, and its private key.
    public var serverCertificate: String { path + "/https.cert.pem" }
    /// The private key of that.
    public var serverKey: String { path + "/https.key.pem" }
    var brokerCertificate: String { path + "/broker.cert.pem" }
    var brokerKey: String { path + "/broker.key.pem" }
    var c2Key: String { path + "/c2.pub.pem" }
    var c2Certificate: String { path + "/c2.cert.pem" }
    var c2AccessKey: String { path + "/c2.key.pem" }
    var revocations: String { path + "/crl.pem" }

    /// Behind links in the folder's path, of which SQLite would open none (SQLITE_OPEN_NOFOLLOW).
    var database: String {
        let resolved = realpath(path, nil)
        defer { free(resolved) }
        return (resolved.map { String(cString: $0) } ?? path) + "/registry.sqlite"
    }

    /// A folder that a registry has been made in.
    /// - Throws: `OperatorFault` where there is none, or where others can look into it.
    public init(existing path: String) throws(OperatorFault) {
        self.path = path
        try check()
        guard access(database, F_OK) == 0 else {
            throw OperatorFault(
                "no registry is in \(path)", hint: "make it: srup-bench registry init --folder \(path) ...")
        }
        try check(database)
    }

    /// A folder for a new registry; made where it does not exist, and empty.
    /// - Throws: `OperatorFault`.
    init(new path: String) throws(OperatorFault) {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw OperatorFault(
                "the folder \(path) cannot be made: \(String(cString: strerror(errno)))",
                hint: "choose a place where we may write")
        }
        try check()
        for name in [identityKey, authorityKey, authority, serverKey, serverCertificate, database]
        where access(name, F_OK) == 0 {
            throw OperatorFault(
                "\(name) exists already, and nothing is written over it", hint: "choose another folder")
        }
    }

    private func check() throws(OperatorFault) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid() else {
            throw OperatorFault(
                "\(path) is not a folder of this user's", hint: "give one: install -d -m 0700 -o USER \(path)")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorFault(
                "the folder \(path) is open to others (mode 0\(String(status.st_mode & 0o7777, radix: 8)))",
                hint: "close it: chmod 0700 \(path)")
        }
    }

    /// SQLite makes its file as the umask says: what is in it is for its owner only.
    func close(_ file: String) throws(OperatorFault) {
        guard chmod(file, 0o600) == 0 else {
            throw OperatorFault("\(file) cannot be closed to others", hint: "choose a file system that has modes")
        }
    }

    private func check(_ file: String) throws(OperatorFault) {
        var status = stat()
        guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            status.st_mode & 0o077 == 0
        else {
            throw OperatorFault(
                "\(file) is not a file of ours alone", hint: "close it: chown USER \(file) && chmod 0600 \(file)")
        }
    }

    /// The service's own TLS files, checked like every private key of ours.
    /// - Throws: `OperatorFault`.
    public func checkServerFiles() throws(OperatorFault) {
        try asOperatorFault {
            try checkPrivateKeyFile(serverKey)
            _ = try certificate(serverCertificate)
        }
    }

    /// A certificate of ours.
    /// - Throws: `OperatorFault`.
    func certificate(_ file: String) throws(OperatorFault) -> Certificate {
        guard !isIrregular(file) else {
            throw OperatorFault("\(file) is not a regular file", hint: "restore it from a backup")
        }
        let bytes = try Files.read(file, atMost: 65_536)
        do { return try Certificate(pem: bytes) } catch {
            throw OperatorFault("\(file) holds no certificate: \(error.sentence)", hint: "restore it from a backup")
        }
    }
}

/// Replaces a public file by a new one that is on disk before it takes the old one's name.
/// - Throws: `OperatorFault`.
func replacePublicFile(_ path: String, with bytes: [UInt8]) throws(OperatorFault) {
    let temporary = path + ".new"
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
    var isWritten = file >= 0
    if isWritten {
        isWritten = write(file, bytes, bytes.count) == bytes.count && fchmod(file, 0o644) == 0 && fsync(file) == 0
        close(file)
    }
    guard isWritten, rename(temporary, path) == 0 else {
        let why = String(cString: strerror(errno))
        unlink(temporary)
        throw OperatorFault("\(path) cannot be written: \(why)", hint: "see that its folder is there and has room")
    }
    let folder = open(path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
}
