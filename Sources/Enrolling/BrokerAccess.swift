import FoundationEssentials
import Glibc
import Keys
import OperatorText
import SRUP

// The client certificate and the CAs that came with it, in the new access files.
extension Enrolment {
    /// A key and its certificate in the new access files, checked. A key that was made before the process was killed is
    /// used again.
    func getAccess(_ identity: Identifier, _ key: IdentityKey, bits: Int, now: Int64) throws {
        let files = folder.newAccess
        try CredentialFolder(path: files.folder).make()
        let accessKey = try folder.privateKey(files.key, bits: bits)
        did(.accessKey)
        let access = try registry.certificate(for: accessKey, identity, key)
        did(.step)
        let added = try folder.addedAuthorities(to: folder.access.authority)
        let own = added.filter { one in !access.authorities.contains(where: one.equals) }
        try folder.write(Certificate.pem(access.chain), to: files.certificate, mode: 0o644)
        try folder.write(Certificate.pem(access.authorities + own), to: files.authority, mode: 0o644)
        try folder.write(Certificate.pem(access.authorities), to: files.givenAuthority, mode: 0o644)
        if !own.isEmpty { did(.kept(own.count)) }
        guard let certificate = access.chain.first else { preconditionFailure("a chain without a certificate") }
        let (begin, end) = (certificate.notBefore, certificate.notAfter)
        if now + Enrolment.clockSlack < begin || now >= end { did(.clock(notBefore: begin, notAfter: end)) }
    }

    /// Seconds that two clocks may differ without a warning.
    private static let clockSlack: Int64 = 300
}

extension CredentialFolder {
    /// The CA certificates that the service gave with the certificate in use.
    private func givenAuthorities() throws(OperatorFault) -> [Certificate] {
        if let bytes = try read(access.givenAuthority), let given = try? Certificate.all(pem: bytes) { return given }
        // An enrolment of an earlier version kept one, which has signed the certificate.
        guard let bytes = try read(access.authority), let all = try? Certificate.all(pem: bytes),
            let used = try? usedCertificate()
        else { return [] }
        return all.filter(used.isSigned(by:))
    }

    /// The certificates in a file of CAs that did not come from the service: an operator has added them.
    /// - Throws: `OperatorFault` if the file is there and cannot be read: replacing it would lose them.
    func addedAuthorities(to file: String) throws(OperatorFault) -> [Certificate] {
        guard exists(file) else { return [] }
        guard let bytes = (try? read(file)) ?? nil, let all = try? Certificate.all(pem: bytes) else {
            throw OperatorFault(
                "\(file) holds no CA certificates that can be read, or more than 64 KiB, so nothing is written over it",
                hint:
                    "move it to a file of your own and name that in [broker] ca; then copy \(access.givenAuthority) to \(file)"
            )
        }
        let given = try givenAuthorities()
        return all.filter { one in !given.contains(where: one.equals) }
    }

    /// The CAs by which the service is trusted follow those that it gives for the broker, if they are the same CAs: otherwise a node
    /// would lose a service that changes its CA. Others stay.
    /// - Parameter reach: reaches the service with the CAs of a file; throws if it cannot.
    /// - Returns: what was done; nil if nothing had to be.
    func updateServiceAuthority(_ reach: (String) throws -> Void) throws -> Enrolment.Step? {
        let before = try givenAuthorities()
        guard let bytes = try read(serviceAuthority), let trusted = try? Certificate.all(pem: bytes),
            trusted.contains(where: { one in before.contains(where: one.equals) }),
            let next = try read(newAccess.givenAuthority), let given = try? Certificate.all(pem: next)
        else { return nil }
        let others = trusted.filter { one in !(before + given).contains(where: one.equals) }
        let all = given + others
        guard all.count != trusted.count || !all.allSatisfy({ one in trusted.contains(where: one.equals) }) else {
            return nil
        }
        try write(Certificate.pem(all), to: nextServiceAuthority, mode: 0o644)
        do { try reach(nextServiceAuthority) } catch {
            unlink(nextServiceAuthority)
            return .distrusted(why: (error as? any OperatorError)?.message ?? "\(error)")
        }
        guard rename(nextServiceAuthority, serviceAuthority) == 0 else { throw unwritable(serviceAuthority, .last) }
        try sync()
        return .trusted
    }
}
