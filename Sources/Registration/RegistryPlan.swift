import Bench
import Keys
import OperatorText
import SRUP

/// The settings of a new registry, and its creation: keys, the CA, certificates, the SQLite file.
public struct RegistryPlan: Sendable {
    let folder: String
    let host: String
    let broker: BrokerURL
    let c2: Identifier
    let c2KeyFile: String
    /// The service's identity; nil: a random one.
    public var identity: Identifier?
    /// Absolute path of the revocation list; nil: in the folder.
    public var revocationFile: String?
    /// Whether to create a certificate for the broker, for the name in `broker`.
    public var certifiesBroker = false
    /// Whether to create a client certificate for the C2 server.
    public var certifiesC2 = false
    /// Bits of each key; the CA's key has at least 3,072.
    public var bits = 3_072
    /// Validity of the CA's and the servers' certificates in days.
    public var days = defaultDays

    /// For a new CA, and the certificates of servers.
    static let defaultDays: Int64 = 3_650

    /// - Parameters:
    ///   - folder: accessible by its owner only; created if it does not exist.
    ///   - host: the name or address at which devices reach the service.
    ///   - broker: sent to every device; `mqtts://NAME` or `mqtt://NAME`, with or without a port.
    ///   - c2: the server, sent to every device.
    ///   - c2KeyFile: its public key, PEM.
    /// - Throws: `OperatorFault`.
    public init(folder: String, host: String, broker: String, c2: Identifier, c2KeyFile: String) throws(OperatorFault) {
        guard HostAndPort.isHost(host) else {
            throw OperatorFault(
                "\"\(host)\" is not a valid host", hint: "give a DNS name or an IP address: --host localhost")
        }
        (self.folder, self.host, self.c2, self.c2KeyFile) = (folder, host, c2, c2KeyFile)
        self.broker = try BrokerURL(broker)
    }

    /// Whether the reference's devices and servers can reach the broker.
    public var isForReference: Bool { broker.isForReference }

    /// Creates everything.
    /// - Parameters:
    ///   - passphrase: encrypts the CA's key on disk.
    ///   - made: takes the path of each file that is for others.
    /// - Throws: `OperatorError`.
    public func make(
        passphrase: Passphrase?, clock: RegistryClock = .system, made: (String) -> Void = { _ in }
    ) throws {
        let c2Key = try PublicKey(pemFile: c2KeyFile)
        guard revocationFile?.hasPrefix("/") ?? true else {
            throw OperatorFault("the path of the revocation list must be absolute", hint: "begin it with /")
        }
        let folder = try RegistryFolder(new: folder)
        try IdentityKey.make(bits: bits).write(pemFile: folder.identityKey)
        try c2Key.write(pemFile: folder.c2Key)
        let caKey = try IdentityKey.make(bits: max(3_072, bits))
        try caKey.write(pemFile: folder.authorityKey, passphrase: passphrase)
        let (start, end) = (clock.seconds() - 300, clock.seconds() + days * RegistryPolicy.day)
        let own = identity ?? Identifier.random()
        let authority = try CertificateAuthority.make(
            key: caKey, named: "SRUP registration \(own.topicForm)", from: start, until: end)
        try replacePublicFile(folder.authority, with: authority.certificate.pem)
        try certify(host, by: authority, start, end, key: folder.serverKey, into: folder.serverCertificate)
        if certifiesBroker {
            try certify(
                broker.host, by: authority, start, end, key: folder.brokerKey, into: folder.brokerCertificate)
        }
        if certifiesC2 {
            let key = try IdentityKey.make(bits: bits)
            try key.write(pemFile: folder.c2AccessKey)
            let certificate = try authority.certify(
                key.publicKey, named: c2.topicForm, for: .client, from: start, until: end)
            try replacePublicFile(folder.c2Certificate, with: certificate.pem)
        }
        // The file is created last: without it there is no registry.
        try makeStore(folder, own)
        try Registry(in: folder, policy: RegistryPolicy(), passphrase: passphrase, clock: clock) { _ in }.maintain()
        for path in [folder.authority, revocationFile ?? folder.revocations] { made(path) }
        if certifiesBroker { for path in [folder.brokerCertificate, folder.brokerKey] { made(path) } }
        if certifiesC2 { for path in [folder.c2Certificate, folder.c2AccessKey] { made(path) } }
    }

    private func certify(
        _ host: String, by authority: CertificateAuthority, _ start: Int64, _ end: Int64, key: String, into file: String
    ) throws {
        let serverKey = try IdentityKey.make(bits: bits)
        try serverKey.write(pemFile: key)
        let certificate = try authority.certify(serverKey.publicKey, serving: host, from: start, until: end)
        try replacePublicFile(file, with: certificate.pem)
    }

    private func makeStore(_ folder: RegistryFolder, _ own: Identifier) throws {
        let store = try RegistryStore(path: folder.database)
        try folder.close(folder.database)
        try store.transaction {
            try store.set(.identity, own.topicForm)
            try store.set(.c2, c2.topicForm)
            try store.set(.broker, broker.text)
            try store.set(.host, host)
            if let revocationFile { try store.set(.revocationFile, revocationFile) }
        }
    }
}

extension RegistryFolder {
    /// The service's host name.
    /// - Throws: `OperatorError`.
    public func host() throws -> String {
        try RegistryStore(path: database).setting(.host) ?? "localhost"
    }
}

/// The broker's URL: `mqtts://NAME[:PORT]`.
struct BrokerURL: Equatable, Sendable {
    /// The port of MQTT over TLS, the only one that the reference knows.
    private static let usualPort: UInt16 = 8_883

    let text: String
    let host: String
    let port: UInt16

    var isForReference: Bool { port == BrokerURL.usualPort }

    /// What devices and servers are told. The reference takes `mqtt://` off and uses TLS on port 8883, whatever else is there; for ours
    /// `mqtt://NAME` means the same. With another port the reference cannot be used.
    var reply: String { isForReference ? "mqtt://" + HostAndPort.bracketed(host) : text }

    init(_ text: String) throws(OperatorFault) {
        let fault = OperatorFault(
            "\"\(text)\" is not a valid broker URL", hint: "write it as in mqtts://broker.example:8883")
        guard let scheme = ["mqtts://", "mqtt://"].first(where: text.hasPrefix) else { throw fault }
        do {
            let place = try HostAndPort(text.dropFirst(scheme.count), defaultPort: BrokerURL.usualPort)
            (host, port) = (place.host, place.port)
        } catch {
            throw fault
        }
        self.text = text
    }
}
