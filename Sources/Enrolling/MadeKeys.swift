import Keys
import SRUP

extension CredentialFolder {
    /// A private key that is there, or a new one.
    func privateKey(_ file: String, bits: Int) throws(EnrolmentFault) -> IdentityKey {
        if exists(file) {
            do { return try IdentityKey(pemFile: file) } catch { throw EnrolmentFault(error, file: file) }
        }
        do throws(KeyMakingError) {
            let key = try IdentityKey.make(bits: bits)
            try key.write(pemFile: file)
            return key
        } catch {
            throw EnrolmentFault(error)
        }
    }

    /// The certificate that is used now.
    func usedCertificate() throws(EnrolmentFault) -> Certificate {
        let path = access.certificate
        guard let bytes = read(path), let certificate = try? Certificate(pem: bytes) else {
            throw EnrolmentFault(
                "\(path) is no certificate", hint: "get a new one: renew it, or enrol anew with --replace")
        }
        return certificate
    }
}

extension Identifier {
    /// The first 64 bits of a random UUID, as the reference makes them; never one of those below 0x10, which are reserved.
    static func random() -> Identifier {
        let token = Array(Token(random: randomBytes(16)).bytes.filter { $0 != UInt8(ascii: "-") }.prefix(16))
        guard let made = Identifier(hexadecimal: String(decoding: token, as: UTF8.self)), made.number >= 0x10 else {
            return random()
        }
        return made
    }
}
