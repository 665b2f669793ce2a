import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Broker

/// With the mosquitto and the OpenSSL of this machine; docs/operations.md, "When the broker ends TLS", has the result.
@Suite("What a mosquitto says that does not accept our certificate", .blocking)
struct MosquittoAlertTests {
    /// A revocation list of a CA.
    private func list(
        _ name: String, of authority: String, in folder: TemporaryFolder, until end: String,
        revoking certificate: String?
    ) throws {
        try folder.write(
            Data("[ca]\ndefault_ca = this\n[this]\ndatabase = \(name).database\ndefault_md = sha256\n".utf8),
            to: name + ".cnf")
        try folder.write(Data(), to: name + ".database")
        let signer = "ca -config \(name).cnf -cert \(authority).pem -keyfile \(authority).key"
        if let certificate { try folder.openssl("\(signer) -revoke \(certificate).pem") }
        try folder.openssl("\(signer) -gencrl -crl_lastupdate 20200101000000Z -crl_nextupdate \(end) -out \(name).crl")
    }

    @Test("each reason has its alert, and a stale revocation list has the one of an expired certificate")
    func alerts() throws {
        try TemporaryFolder.with { folder in
            let chain = ChainFixture(folder: folder)
            let plain = "basicConstraints=CA:false"
            try chain.make("ca", by: nil, ChainFixture.authority)
            try chain.make("other", by: nil, ChainFixture.authority)
            try chain.make("server", named: "localhost", by: "ca", ChainFixture.server)
            try chain.make("good", named: "b1", by: "ca", plain)
            try chain.make("expired", named: "b1", by: "ca", plain, .past)
            try chain.make("future", named: "b1", by: "ca", plain, .future)
            try chain.make("server-only", named: "b1", by: "ca", plain + "\nextendedKeyUsage=serverAuth")
            try chain.make("stranger", named: "b1", by: "other", plain)
            try list("empty", of: "ca", in: folder, until: "20490101000000Z", revoking: nil)
            try list("revoking", of: "ca", in: folder, until: "20490101000000Z", revoking: "good")
            try list("stale", of: "ca", in: folder, until: "20210101000000Z", revoking: nil)
            try list("another", of: "other", in: folder, until: "20490101000000Z", revoking: nil)
            for (certificate, list, alert) in [
                ("good", nil, nil), ("good", "empty", nil), ("good", "revoking", 44), ("good", "stale", 45),
                ("good", "another", 48), ("expired", nil, 45), ("future", nil, 42), ("server-only", nil, 43),
                ("stranger", nil, 48),
            ] as [(String, String?, Int?)] {
                let port = try Listener.freePort()
                let broker = try Mosquitto(folder, at: "127.0.0.1", port: port, revocationList: list)
                var settings = LinkFixture.settings(folder, ["127.0.0.1"], port)
                settings.tls.certificate = folder.path(certificate + ".pem")
                settings.tls.key = folder.path(certificate + ".key")
                var told: BrokerFault?
                do throws(BrokerFault) { _ = try BrokerLink.visit(settings, publishingTo: nil) } catch { told = error }
                let wanted = alert.map { BrokerFault.certificateRefused(alert: $0) }
                #expect(told == wanted, "\(certificate) with \(list ?? "no list"): \(told?.message ?? "accepted")")
                withExtendedLifetime(broker) {}
            }
        }
    }
}
