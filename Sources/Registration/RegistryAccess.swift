import Bench
import Enrolling
import FoundationEssentials
import Keys
import SRUP

// Certificates and deregistration for registered devices, and what others may read about them.
extension Registry {
    /// A certificate for the broker, for the device's second key.
    func access(_ body: RegistryBody.Access) throws -> RegistryReply {
        let identity = try RegistryBody.identity(body.identity)
        let entry = try entry(of: identity)
        guard entry.validated != nil else { throw RegistryRefusal(400, "the identity has not been validated") }
        let pem = try RegistryBody.bytes(body.csr, "csr")
        try check(body.signature, over: pem, by: entry)
        let publicKey = try checkedKey(pem, of: identity, entry)
        let hash = sha256(publicKey.der)
        let now = clock.seconds()
        let (certificate, present) = try store.transaction {
            let present = try authorities()
            // Checked again, in one transaction with the new certificate: another process may have revoked it in the meantime.
            guard try store.entry(identity)?.isValid == true else {
                throw RegistryRefusal(400, "the identity has been revoked")
            }
            guard try store.identity(withKeyHash: hash) == nil,
                try !store.isCertified(keyHash: hash, forOthersThan: identity), try !store.isFormer(keyHash: hash)
            else { throw RegistryRefusal(400, "the csr's key is another identity's") }
            try checkRate(of: identity, at: now)
            let end = min(
                now + policy.certificateDays * RegistryPolicy.day, present.signing.certificate.notAfter)
            let made = try present.signing.authority.certify(
                publicKey, named: identity.topicForm, for: .client, from: now - RegistryPolicy.clockDifference,
                until: end)
            try store.add(
                made, keyHash: hash, of: identity, at: now, by: present.signing.number, newest: present.newest)
            return (made, present)
        }
        note("certified \(identity.topicForm), serial \(hexadecimal(certificate.serial))")
        struct Reply: Encodable {
            let certificate: String
            let authority: String

            enum CodingKeys: String, CodingKey {
                case certificate
                case authority = "CA_certificate"
            }
        }
        return .json(
            200, Reply(certificate: base64(certificate.pem), authority: base64(present.pem)))
    }

    /// The key of a certificate request that is for this identity and for a separate key.
    private func checkedKey(_ pem: [UInt8], of identity: Identifier, _ entry: RegistryEntry) throws -> PublicKey {
        guard pem.count <= RegistryPolicy.maximumRequest else {
            throw RegistryRefusal(400, "the csr has more than \(RegistryPolicy.maximumRequest) bytes")
        }
        let request: CertificateRequest
        do { request = try CertificateRequest(pem: pem) } catch {
            throw RegistryRefusal(400, "the csr: \(error.message), or it is not signed by its key")
        }
        guard request.commonName == identity.topicForm else {
            throw RegistryRefusal(400, "the csr's subject must be the identity as its only common name")
        }
        let key = request.publicKey.der
        guard key != entry.key else {
            throw RegistryRefusal(400, "the csr's key is the identity key; a separate key is needed")
        }
        guard try !isReserved(key) else {
            throw RegistryRefusal(400, "the csr's key is the service's own or the C2 server's")
        }
        return request.publicKey
    }

    private func checkRate(of identity: Identifier, at now: Int64) throws {
        let issues = try store.issues(of: identity, since: now - 3_600)
        guard issues.count < policy.certificatesAnHour else {
            throw RegistryRefusal(
                429, "too many certificates for this identity in an hour",
                retryAfter: Int(max(1, (issues.first ?? now) + 3_600 - now)))
        }
    }

    /// Deregisters an identity: by its own signature, or by a C2 server's token.
    func deregister(_ body: RegistryBody.Deregister, role: RegistryRole?) throws -> RegistryReply {
        let identity = try RegistryBody.identity(body.identity)
        if let signature = body.signature {
            // A key that is not proven must not end an identity: otherwise its owner would permanently lose it.
            guard let entry = try store.entry(identity), entry.validated != nil, entry.rekeyed == nil else {
                throw RegistryRefusal(400, "the identity is not registered and validated")
            }
            try check(signature, over: Statement.deregister(identity).bytes(for: own.service), by: entry)
        } else {
            guard role == .c2 else {
                throw RegistryRefusal(401, "the identity's signature or a C2 server's token is needed")
            }
        }
        guard try revoke(identity) else { throw RegistryRefusal(400, "the identity is not registered") }
        return .json(200, ["identity": identity.topicForm])
    }

    /// The key of an identity, for authorised readers; the service's and the C2 server's keys are public.
    func key(of text: String, role: RegistryRole?) throws -> RegistryReply {
        if let key = own.openKey(of: text) { return .text(200, base64(key.pem)) }
        let entry = try readable(text, role)
        // It was checked when it was registered.
        return .text(200, base64(try PublicKey(storedDER: entry.key).pem))
    }

    /// The type of an identity, for authorised readers.
    func type(of text: String, role: RegistryRole?) throws -> RegistryReply {
        .text(200, try readable(text, role).type)
    }

    private func readable(_ text: String, _ role: RegistryRole?) throws -> RegistryEntry {
        guard policy.hasOpenKeys || role == .read || role == .c2 else {
            throw RegistryRefusal(401, "a reader's token is needed")
        }
        guard let entry = try store.entry(RegistryBody.identity(text)), entry.isValid else {
            throw RegistryRefusal(404, "this identity has no valid key")
        }
        return entry
    }
}
