import Fetching
import Glibc
import Keys
import OperatorText
import SRUP

/// A new client certificate for the broker, with a new key. The old one is used until the new one has been tested, and is kept
/// beside it afterwards.
public struct Renewal {
    let folder: CredentialFolder
    let registry: Registry
    let did: (Enrolment.Step) -> Void

    /// A renewal in a folder in which an enrolment has been finished.
    public init(folder: CredentialFolder, registry: Registry, did: @escaping (Enrolment.Step) -> Void) {
        (self.folder, self.registry, self.did) = (folder, registry, did)
    }

    /// The service's address, its CAs, and the request options, as at the enrolment.
    /// - Throws: `OperatorFault` if no enrolment has been finished here.
    public static func service(
        in folder: CredentialFolder
    ) throws(OperatorFault) -> (address: WebAddress, authorityFile: String?, asking: RegistrationOptions?) {
        guard let record = try EnrolmentRecord(in: folder), record.isValidated,
            let address = try? WebAddress(record.address)
        else {
            throw OperatorFault(
                "no enrolment has been finished in \(folder.path)", hint: "run: srup-beacon enrol URL")
        }
        return (address, folder.exists(folder.serviceAuthority) ? folder.serviceAuthority : nil, record.asking)
    }

    /// Gets a new certificate, has it tested, and only then replaces the old one.
    /// - Parameters:
    ///   - tryOut: throws if the broker does not accept it.
    ///   - reach: reaches the service with the CAs of a file, and throws if it cannot: they are not used then.
    /// - Throws: `OperatorError`; the old one then stays in use.
    public func run(
        bits: Int, now: Int64, tryOut: (CredentialFolder.AccessFiles) throws -> Void, reach: (String) throws -> Void
    ) throws {
        try folder.check()
        let lock = try folder.lock()
        defer { unlock(lock) }
        folder.removeUnfinished()
        let (record, identity, registration, key) = try folder.finishedEnrolment()
        try Renewal.checkPinned(registry, record, registration)
        try Enrolment(folder: folder, registry: registry, did: did).getAccess(identity, key, bits: bits, now: now)
        try tryOut(folder.newAccess)
        did(.step)
        // Before the new files are in use: afterwards it could not be told which CAs the service had given before.
        if let step = try folder.updateServiceAuthority(reach) { did(step) }
        try folder.takeNewAccess { did(.step) }
        did(.certified(notAfter: try folder.usedCertificate().notAfter))
    }

    /// The service and the C2 server must have the same keys as before; a key that is not published is not compared.
    /// - Returns: the service as it is now.
    @discardableResult
    static func checkPinned(
        _ registry: Registry, _ record: EnrolmentRecord, _ registration: Registration
    ) throws(OperatorFault) -> EnrolmentRecord.Service {
        let (name, isNamed) = try registry.status(mayBeClosed: true)
        if let known = record.service {
            try Enrolment.compare(known, record.serviceKey, name, try registry.key(of: name.text))
        }
        if let key = try registry.key(of: registration.server.topicForm), !key.equals(registration.serverKey) {
            throw OperatorFault(
                "the service now gives another key for server \(registration.server.topicForm) than at the enrolment",
                hint: "ask who runs it; if the server's key is really new, enrol again with --replace")
        }
        var service = record.service ?? EnrolmentRecord.Service(name: name.text)
        if isNamed { service.statements = true }
        return service
    }
}

extension CredentialFolder {
    /// The record of a finished enrolment here, and our key.
    func finishedEnrolment() throws -> (EnrolmentRecord, Identifier, Registration, IdentityKey) {
        guard let record = try EnrolmentRecord(in: self), record.isValidated, let identity = record.identifier,
            let registration = record.registration
        else {
            throw OperatorFault("no enrolment has been finished in \(path)", hint: "run: srup-beacon enrol URL")
        }
        return (record, identity, registration, try IdentityKey(pemFile: identityKey))
    }
}

/// Releases the lock, so that other processes continue.
func unlock(_ descriptor: Int32) { close(descriptor) }
