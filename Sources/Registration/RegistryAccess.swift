import Bench
import Enrolling
import FoundationEssentials
import Keys
import SRUP

// What a device that is known may have: a certificate, its end; and what others may know of it.
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
        let certificate = try store.transaction {
            // Again, and together with the new certificate: it may have been revoked meanwhile, by a verb beside us.
            guard try store.entry(identity)?.isValid == true else {
                throw RegistryRefusal(400, "the identity has been revoked")
            }
            guard try store.identity(withKeyHash: hash) == nil,
                try !store.isCertified(keyHash: hash, forOthersThan: identity), try !store.isFormer(keyHash: hash)
            else { throw RegistryRefusal(400, "the csr's key is another identity's") }
            try checkRate(of: identity, at: now)
            let made = try authority.certify(
                publicKey, named: identity.topicForm, for: .client, from: now - RegistryPolicy.clockDifference,
                until: min(now + policy.certificateDays * RegistryPolicy.day, authority.certificate.notAfter))
            try store.add(made, keyHash: hash, of: identity, at: now)
            return made
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
            200, Reply(certificate: base64(certificate.pem), authority: base64(authority.certificate.pem)))
    }

    /// The request's key, where the request is for this identity and for a key of its own.
    private func checkedKey(_ pem: [UInt8], of identity: Identifier, _ entry: RegistryEntry) throws -> PublicKey {
        guard pem.count <= RegistryPolicy.maximumRequest else {
            throw RegistryRefusal(400, "the csr has more than \(RegistryPolicy.maximumRequest) bytes")
        }
        let request: CertificateRequest
        do { request = try CertificateRequest(pem: pem) } catch {
            throw RegistryRefusal(400, "the csr: \(error.sentence), or it is not signed by its key")
        }
        guard request.commonName == identity.topicForm else {
            throw RegistryRefusal(400, "the csr's subject is not the identity as its one common name")
        }
        let key = request.publicKey.der
        guard key != entry.key else {
            throw RegistryRefusal(400, "the csr's key is the identity's own; a second one is wanted")
        }
        guard !own.isReserved(key) else {
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

    /// Ends an identity: by its own word, or by a C2 server's.
    func deregister(_ body: RegistryBody.Deregister, role: RegistryRole?) throws -> RegistryReply {
        let identity = try RegistryBody.identity(body.identity)
        if let signature = body.signature {
            // Who has proven nothing ends nothing: an identity that is only waiting would be lost to its owner for ever.
            guard let entry = try store.entry(identity), entry.validated != nil else {
                throw RegistryRefusal(400, "the identity is not registered and validated")
            }
            try check(signature, over: Statement.deregister(identity).bytes(for: own.service), by: entry)
        } else {
            guard role == .c2 else {
                throw RegistryRefusal(401, "neither the identity's signature nor a C2 server's token")
            }
        }
        guard try revoke(identity) else { throw RegistryRefusal(400, "the identity is not registered") }
        return .json(200, ["identity": identity.topicForm])
    }

    /// The key of an identity, for those who may know it; the service's and the C2 server's are no secret to anybody.
    func key(of text: String, role: RegistryRole?) throws -> RegistryReply {
        if let key = own.openKey(of: text) { return .text(200, base64(key.pem)) }
        let entry = try readable(text, role)
        return .text(200, base64(try PublicKey(der: entry.key).pem))
    }

    /// The type of an identity, for those who may know it.
    func type(of text: String, role: RegistryRole?) throws -> RegistryReply {
        .text(200, try readable(text, role).type)
    }

    private func readable(_ text: String, _ role: RegistryRole?) throws -> RegistryEntry {
        guard policy.hasOpenKeys || role == .read || role == .c2 else {
            throw RegistryRefusal(401, "a reader's token is needed")
        }
        guard let entry = try store.entry(RegistryBody.identity(text)), entry.isValid else {
            throw RegistryRefusal(404, "no key counts for this identity")
        }
        return entry
    }
}
