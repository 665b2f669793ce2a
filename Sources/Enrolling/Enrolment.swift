import Fetching
import Keys
import OperatorText
import SRUP

/// From nothing to a beacon with a certificate (the paper's §4.4), in steps; each is on disk before the next:
///
///     identity ─▶ key ─▶ registered ─▶ validated ─▶ certified
///
/// If it is interrupted, run it again: it continues where it was, as the same beacon with the same key. A finished
/// step is not repeated. If nothing is left to do, it needs no network.
public struct Enrolment {
    /// What to enrol.
    public struct Wish: Sendable {
        /// The service's address.
        public var address: WebAddress
        /// The identity; nil: a new one, or that of an interrupted enrolment.
        public var identity: Identifier?
        /// The node's type, for the service.
        public var type = "beacon"
        /// Sent to a service that requires one; not stored.
        public var token: String?
        /// Bits of new keys.
        public var bits = 3_072
        /// Where the identity key comes from, unless there is one.
        public var origin = KeyOrigin.made
        /// The options for requests to the service: stored for the renewals.
        public var asking = RegistrationOptions()
        /// Broker and server, as the operator gives them: they go before what the service says, if it says anything.
        public var given: (broker: BrokerPlace, server: Identifier)?

        /// An enrolment with the default values.
        public init(address: WebAddress) { self.address = address }
    }

    /// A step that is done.
    public enum Step: Sendable {
        /// The identity is chosen.
        case identity(Identifier, isNew: Bool)
        /// The identity key exists.
        case key(path: String, home: KeyLocation, isNew: Bool)
        /// A step that is not reported: a reply was received and nothing of it is stored yet, or a file is in place.
        case step
        /// Registered; whether the service's own key is known.
        case registered(broker: BrokerPlace, server: Identifier)
        /// The service has proved its identity, or could not, because it does not publish its key.
        case validated(serviceProved: Bool)
        /// The client (TLS) key for the certificate exists.
        case accessKey
        /// CA certificates that the operator has added to the broker's stay; how many.
        case kept(Int)
        /// The certificate is in use.
        case certified(notAfter: Int64)
        /// The service is trusted by the CAs that it gave, from now on.
        case trusted
        /// It is not: it could not be reached with them; why not.
        case distrusted(why: String)
        /// By this machine's clock, the certificate is not valid. It is only reported.
        case clock(notBefore: Int64, notAfter: Int64)
    }

    /// The result: what a node needs, apart from the files in its folder.
    public struct Outcome: Equatable, Sendable {
        /// Our identity.
        public var identity: Identifier
        /// The broker.
        public var broker: BrokerPlace
        /// The C2 server.
        public var server: Identifier
    }

    let folder: CredentialFolder
    let registry: Registry
    let did: (Step) -> Void

    /// An enrolment into a folder.
    /// - Parameter did: is told each step when it is on disk.
    public init(folder: CredentialFolder, registry: Registry, did: @escaping (Step) -> Void) {
        (self.folder, self.registry, self.did) = (folder, registry, did)
    }

    /// Does the remaining steps.
    /// - Parameter now: seconds since 1970 by the wall clock, for a warning only.
    /// - Throws: `OperatorError`; finished steps are kept.
    public func run(_ wish: Wish, authority: [UInt8]?, now: Int64) throws -> Outcome {
        let left = try EnrolmentRecord(in: folder)?.isValidated != true || !folder.exists(folder.access.folder)
        // Before anything is created: a wrong address must leave nothing behind.
        let service = left ? try registry.status() : nil
        try folder.make()
        let lock = try folder.lock()
        defer { unlock(lock) }
        folder.removeUnfinished()
        var record = try begin(wish, authority)
        let key = try identityKey(wish)
        if let service {
            try meet(service, &record)
            if record.told == nil { try register(&record, key, wish) }
            try keepServerKey(record)
            if !record.isValidated { try validate(&record, key) }
        }
        try keepServerKey(record)
        guard let identity = record.identifier, let registration = record.registration else {
            preconditionFailure("an enrolment that is validated and not registered")
        }
        if !folder.exists(folder.access.folder) {
            try getAccess(identity, key, bits: wish.bits, now: now)
            try folder.takeNewAccess { did(.step) }
        }
        did(.certified(notAfter: try folder.usedCertificate().notAfter))
        return Outcome(identity: identity, broker: registration.broker, server: registration.server)
    }

    // MARK: - Identity and key

    private func begin(_ wish: Wish, _ authority: [UInt8]?) throws(OperatorFault) -> EnrolmentRecord {
        if let authority { try folder.write(authority, to: folder.serviceAuthority, mode: 0o644) }
        if var record = try EnrolmentRecord(in: folder) {
            guard let identity = record.identifier, wish.identity == nil || wish.identity == identity else {
                throw OperatorFault(
                    "\(folder.path) holds the enrolment of \(record.identity), which was not asked for",
                    hint: "leave --identity out, or give --replace to become another node")
            }
            guard record.told == nil || record.address == wish.address.description else {
                throw OperatorFault(
                    "\(record.identity) is registered with \(record.address), not with \(wish.address)",
                    hint: "give that address, or --replace to become another node")
            }
            if record.address != wish.address.description || record.told == nil && record.type != wish.type {
                (record.address, record.type, record.service) = (wish.address.description, wish.type, nil)
                try record.write(to: folder)
            }
            if record.asking ?? RegistrationOptions() != wish.asking.over(record.asking) {
                record.asking = wish.asking.over(record.asking)
                try record.write(to: folder)
            }
            did(.identity(identity, isNew: false))
            return record
        }
        if folder.exists(folder.identityKey), wish.identity == nil {
            throw OperatorFault(
                "\(folder.identityKey) is there, and nothing says whose it is",
                hint: "say it with --identity, or give --replace to become another node")
        }
        let identity = wish.identity ?? .random()
        var record = EnrolmentRecord(identity: identity, address: wish.address, type: wish.type)
        if wish.asking != RegistrationOptions() { record.asking = wish.asking }
        try record.write(to: folder)
        did(.identity(identity, isNew: true))
        return record
    }

    /// The identity key: made if there is none; an existing one is never overwritten.
    private func identityKey(_ wish: Wish) throws -> IdentityKey {
        let isNew = !folder.exists(folder.identityKey)
        let key = try folder.privateKey(folder.identityKey, bits: wish.bits, from: wish.origin)
        if try folder.read(folder.identityPublicKey) != key.publicKey.pem {
            try folder.write(key.publicKey.pem, to: folder.identityPublicKey, mode: 0o644)
        }
        did(.key(path: folder.identityKey, home: key.home, isNew: isNew))
        return key
    }

    // MARK: - The service

    /// Asks the service for its own key, which is stored the first time.
    private func meet(
        _ status: (name: ServiceName, isNamed: Bool), _ record: inout EnrolmentRecord
    ) throws(OperatorFault) {
        let name = status.name
        let key = try registry.key(of: name.text)
        if let known = record.service {
            try Enrolment.compare(known, record.serviceKey, name, key)
        }
        let service = EnrolmentRecord.Service(
            name: name.text, key: key.map { String(decoding: $0.pem, as: UTF8.self) } ?? record.service?.key,
            statements: status.isNamed || record.service?.isNamed == true ? true : nil)
        guard service != record.service else { return }
        record.service = service
        try record.write(to: folder)
    }

    /// The service must be the same as before.
    static func compare(
        _ known: EnrolmentRecord.Service, _ knownKey: PublicKey?, _ name: ServiceName, _ key: PublicKey?
    ) throws(OperatorFault) {
        let hint = "ask who runs it; if it is right, enrol again with --replace"
        guard known.name == name.text else {
            throw OperatorFault("the registration service was \(known.name), and is \(name.text) now", hint: hint)
        }
        guard let knownKey, let key else { return }
        guard knownKey.equals(key) else {
            throw OperatorFault("the registration service has another key than it had", hint: hint)
        }
    }

    private func register(
        _ record: inout EnrolmentRecord, _ key: IdentityKey, _ wish: Wish
    ) throws(OperatorFault) {
        guard let identity = record.identifier else { preconditionFailure("a record without an identity") }
        let answer = try registry.register(
            identity, key.publicKey, type: record.type, token: wish.token, isTold: wish.given != nil)
        did(.step)
        var registration: Registration
        if let told = answer.registration, wish.given.map({ $0.server == told.server }) ?? true {
            registration = told
            if let broker = wish.given?.broker { registration.broker = broker }
        } else if answer.reply.status == 201 {
            registration = try recovered(identity, wish, key, orWith: answer.key)
        } else {
            // It may have the identity already: from us, interrupted before the reply was on disk, or from another node.
            guard let proof = try registry.validate(identity, key, at: record.service) else {
                throw .answered("register", answer.reply)
            }
            _ = try Enrolment.proves(proof, record)
            registration = try recovered(identity, wish, key)
        }
        record.told = EnrolmentRecord.RegistrationReply(
            broker: registration.broker.description, server: registration.server.topicForm,
            serverKey: String(decoding: registration.serverKey.pem, as: UTF8.self))
        try record.write(to: folder)
        did(.registered(broker: registration.broker, server: registration.server))
    }

    /// Broker and server as the operator gave them, the server's key from the service.
    /// - Parameter replied: the server's key, if the service returns no keys.
    private func recovered(
        _ identity: Identifier, _ wish: Wish, _ key: IdentityKey, orWith replied: PublicKey? = nil
    ) throws(OperatorFault) -> Registration {
        guard let (broker, server) = wish.given else {
            throw OperatorFault(
                "the service has \(identity.topicForm) with our key already, and does not say again which broker and server",
                hint: "give them with --broker and --c2, or become another node: --replace")
        }
        guard server != identity, let serverKey = try registry.key(of: server.topicForm) ?? replied,
            !serverKey.equals(key.publicKey)
        else {
            throw OperatorFault(
                "the registration service has no key of a server \(server.topicForm)",
                hint: "correct --c2: ask who runs the service")
        }
        return Registration(broker: broker, server: server, serverKey: serverKey)
    }

    private func validate(_ record: inout EnrolmentRecord, _ key: IdentityKey) throws(OperatorFault) {
        guard let identity = record.identifier else { preconditionFailure("a record without an identity") }
        guard let proof = try registry.validate(identity, key, at: record.service) else {
            throw OperatorFault(
                "the registration service does not confirm that the key of \(identity.topicForm) is ours"
            ) { "ask who runs it, or become another node: \($0.newIdentity)" }
        }
        did(.step)
        let isProved = try Enrolment.proves(proof, record)
        record.isValidated = true
        try record.write(to: folder)
        did(.validated(serviceProved: isProved))
    }

    /// Whether the service has proved its identity. Its reply is signed with its own key: the server's key if both are one;
    /// otherwise the key that the service publishes as its own; if it publishes none, only TLS authenticates it.
    static func proves(
        _ proof: (name: ServiceName, signature: [UInt8]), _ record: EnrolmentRecord
    ) throws(OperatorFault) -> Bool {
        guard proof.name.text == record.service?.name else {
            throw .reply("validate", "it calls itself \(proof.name.text), and before \(record.service?.name ?? "")")
        }
        var serviceKey = record.serviceKey
        if let registration = record.registration, Identifier(hexadecimal: proof.name.text) == registration.server {
            serviceKey = registration.serverKey
        }
        guard let serviceKey else { return false }
        guard serviceKey.verifiesPSS(proof.signature, over: Array(proof.name.text.utf8)) else {
            throw .reply("validate", "its signature is not the service's")
        }
        return true
    }

    /// Writes the server's key to a file; it must always be the key of the registration.
    private func keepServerKey(_ record: EnrolmentRecord) throws(OperatorFault) {
        guard let registration = record.registration else { return }
        guard let bytes = try folder.read(folder.serverKey) else {
            return try folder.write(registration.serverKey.pem, to: folder.serverKey, mode: 0o644)
        }
        guard (try? PublicKey(pem: bytes))?.equals(registration.serverKey) == true else {
            throw OperatorFault(
                "\(folder.serverKey) holds another key than the service gave for server \(registration.server.topicForm)",
                hint: "find out who has changed it; if nobody should have, remove it and run this again")
        }
    }
}
