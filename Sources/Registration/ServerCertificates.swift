import Bench
import Keys
import OperatorText
import SRUP

// The certificates of the registry itself, of the broker, and of the C2 server's client.
extension Registry {
    /// Renews them all, for the keys that are there. They end with the CA, at the latest.
    /// - Returns: a line for each: its file, and when it ends.
    /// - Throws: `OperatorError`.
    public func renewCertificates() throws -> [String] {
        try store.transaction {
            let made = try certifyServers(by: authorities().signing.authority)
            // The broker is told of a new list, and takes its new certificate with it.
            try writeRevocations()
            return made
        }
    }

    /// Inside a transaction.
    func certifyServers(by authority: CertificateAuthority) throws -> [String] {
        let now = clock.seconds()
        let (start, end) = (
            now - RegistryPolicy.clockDifference,
            min(now + RegistryPlan.defaultDays * RegistryPolicy.day, authority.certificate.notAfter)
        )
        var made: [String] = []
        func write(_ file: String, _ certificate: Certificate) throws {
            try replacePublicFile(file, with: certificate.pem)
            made.append("\(file)  until \(Timestamp(certificate.notAfter))")
        }
        func certify(_ host: String, _ key: String, _ file: String) throws {
            try write(
                file,
                authority.certify(IdentityKey(pemFile: key).publicKey, serving: host, from: start, until: end))
        }
        try certify(own.service.host, folder.serverKey, folder.serverCertificate)
        if RegistryFolder.exists(folder.brokerKey) {
            try certify(BrokerURL(own.registered.broker).host, folder.brokerKey, folder.brokerCertificate)
        }
        if RegistryFolder.exists(folder.c2AccessKey) {
            let key = try IdentityKey(pemFile: folder.c2AccessKey).publicKey
            try write(
                folder.c2Certificate,
                authority.certify(key, named: own.registered.c2, for: .client, from: start, until: end))
        }
        return made
    }
}

extension CertificateAuthority {
    /// A server's certificate; the host is its common name as well, if that has room for it.
    func certify(
        _ key: PublicKey, serving host: String, from start: Int64, until end: Int64
    ) throws(Fault) -> Certificate {
        try certify(
            key, named: host.utf8.count <= 64 ? host : "SRUP server", for: .server(host: host), from: start, until: end)
    }
}
