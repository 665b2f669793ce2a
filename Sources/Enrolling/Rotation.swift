import Fetching
import Files
import FoundationEssentials
import Glibc
import Keys
import OperatorText
import SRUP

/// A new identity key for the same identity. Not in the paper: docs/registry.md specifies it.
///
///     next key made ─▶ the service has it ─▶ it replaces the old one ─▶ the beacon uses it
///
/// The last step is the caller's: until then a mark with the new key's fingerprint stays in the folder.
///
/// If it is interrupted before the end, run it again: it continues with the same new key; until then the service may have the new
/// one already, and servers with it. The old one is kept beside it, to open values that were sealed to it
/// before all servers had the new one; it signs nothing any more. The next rotation destroys it.
public struct Rotation {
    let folder: CredentialFolder
    let registry: Registry
    let did: () -> Void

    /// A rotation in a folder in which an enrolment has been finished.
    /// - Parameter did: is called between every two steps, for tests.
    public init(folder: CredentialFolder, registry: Registry, did: @escaping () -> Void) {
        (self.folder, self.registry, self.did) = (folder, registry, did)
    }

    /// Makes a key, registers it with the service, and only then replaces the old one.
    /// - Parameters:
    ///   - origin: where the new key comes from; nil: the same place as the old one, as far as we can make one there.
    ///   - ready: is called when all is ready but the service has not been asked; throws if the rotation must not go ahead now.
    /// - Throws: `OperatorError`; the old key then stays in use.
    /// - Returns: where the new key is.
    public func run(from origin: KeyOrigin?, bits: Int, ready: () throws -> Void) throws -> KeyLocation {
        try folder.check()
        let lock = try folder.lock()
        defer { unlock(lock) }
        folder.removeUnfinished()
        let (record, identity, registration, key) = try folder.finishedEnrolment()
        let next = try nextKey(after: key, origin, bits)
        did()
        guard !next.publicKey.equals(key.publicKey) else {
            try discardNext()
            throw OperatorFault("this beacon already has that key", hint: "give --key another one")
        }
        var known = record
        known.service = try Renewal.checkPinned(registry, record, registration)
        try ready()
        let reply = try registry.rotate(identity, from: key, to: next, at: known.service?.name ?? "")
        did()
        // The network can alter a reply: only the service's signed statement about a key decides which one it has.
        guard reply.status == 200, try isRegistered(next, identity, known) else {
            if (400..<500).contains(reply.status), try isRegistered(key, identity, known) { try discardNext() }
            throw Rotation.refused(reply)
        }
        try takeNext(next.publicKey)
        return next.home
    }

    private func isRegistered(
        _ key: IdentityKey, _ identity: Identifier, _ record: EnrolmentRecord
    ) throws(OperatorFault) -> Bool {
        guard let proof = try registry.validate(identity, key, at: record.service) else { return false }
        _ = try Enrolment.proves(proof, record)
        return true
    }

    /// The key that an interrupted rotation has made, or a new one.
    private func nextKey(after key: IdentityKey, _ origin: KeyOrigin?, _ bits: Int) throws -> IdentityKey {
        var origin = origin
        if origin == nil, !folder.exists(folder.nextIdentityKey) { origin = try Rotation.origin(as: key) }
        return try folder.privateKey(folder.nextIdentityKey, bits: bits, from: origin ?? .made)
    }

    /// A token's key is made with the token's own tools, and its file is given by the operator.
    private static func origin(as key: IdentityKey) throws(OperatorFault) -> KeyOrigin {
        switch key.home {
        case .file: return .made
        case .wrapped: return .tpm
        case .tpm, .token:
            throw OperatorFault(
                "the identity key is \(key.home), where none can be made by this command",
                hint: "make one there, write its line into a file, and give that with --key FILE; or --key tpm")
        }
    }

    /// There is a key under the name at every moment; if the process is killed between two of these steps, run it again.
    private func takeNext(_ publicKey: PublicKey) throws(OperatorFault) {
        try folder.write(publicKey.pem, to: folder.identityPublicKey, mode: 0o644)
        did()
        // If a process was killed after the link, both names are one file: overwriting one would destroy the other.
        if !folder.isSameFile(folder.identityKey, folder.oldIdentityKey) {
            try folder.destroy(folder.oldIdentityKey)
            did()
            try keepOld()
            try folder.sync()
        }
        did()
        try folder.write(Array(publicKey.fingerprint.utf8), to: folder.rotationMarkFile)
        did()
        guard rename(folder.nextIdentityKey, folder.identityKey) == 0 else {
            throw folder.unwritable(folder.identityKey, .last)
        }
        try folder.sync()
        did()
    }

    /// A second name for the key, or a second file where the file system has no such names, as FAT.
    private func keepOld() throws(OperatorFault) {
        if link(folder.identityKey, folder.oldIdentityKey) == 0 { return }
        let fault = FileError.last
        guard [EPERM, ENOSYS, EOPNOTSUPP, EMLINK].contains(where: { fault == .system($0) }) else {
            throw folder.unwritable(folder.oldIdentityKey, fault)
        }
        do throws(FileError) {
            var key = try File.read(folder.identityKey)
            defer { key.withUnsafeMutableBytes { wipe($0) } }
            try File.replace(folder.oldIdentityKey, with: key)
        } catch {
            throw folder.unwritable(folder.oldIdentityKey, error)
        }
    }

    private func discardNext() throws(OperatorFault) {
        try folder.destroy(folder.nextIdentityKey)
    }

    private static func refused(_ reply: HTTPReply) -> OperatorFault {
        guard [404, 405].contains(reply.status) else {
            return reply.status == 200
                ? .reply("rotate", "it does not know the new key afterwards") : .answered("rotate", reply)
        }
        return OperatorFault(
            "the registration service does not replace keys, as the reference's does not",
            hint: "become another node with a new key: srup-beacon enrol URL --replace")
    }
}

extension Registry {
    /// Asks the service to accept a new key for the identity: signed with the old one, and with the new one, which shows that we
    /// have it.
    /// - Parameter service: its name.
    func rotate(
        _ identity: Identifier, from key: IdentityKey, to next: IdentityKey, at service: String
    ) throws(OperatorFault) -> HTTPReply {
        struct Request: Encodable { var identity, key, signature, proof: String }
        let statement = Statement.rotate(identity, newKey: next.publicKey).bytes(for: place(service))
        return try post(
            "rotate",
            Request(
                identity: identity.topicForm, key: Data(next.publicKey.der).base64EncodedString(),
                signature: try signed(statement, key), proof: try signed(statement, next)))
    }
}
