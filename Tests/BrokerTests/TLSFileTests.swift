import Foundation
import Glibc
import TestVectors
import Testing

@testable import Broker

@Suite("The files for TLS with the broker")
struct TLSFileTests {
    @Test("that cannot be used are each told by the cause: a passphrase, a public key, a file that is not there")
    func causes() throws {
        try TemporaryFolder.with { folder in
            let chain = ChainFixture(folder: folder)
            try chain.make("root", by: nil, ChainFixture.authority)
            try chain.make("client", named: "b1", by: "root", "basicConstraints=CA:false")
            try folder.openssl("pkey -in client.key -aes256 -passout pass:secret -out pkcs8.key")
            try folder.openssl("ec -in client.key -aes256 -passout pass:secret -out traditional.key")
            try folder.openssl("pkey -in client.key -pubout -out public.key")
            func fault(_ key: String, authority: String = "root.pem") -> TLSFileFault? {
                let files = TLSFiles(
                    authority: folder.path(authority), certificate: folder.path("client.pem"), key: folder.path(key))
                do throws(BrokerFault) {
                    try files.check()
                } catch {
                    if case .badFile(_, let fault) = error { return fault }
                }
                return nil
            }
            #expect(fault("client.key") == nil)
            #expect(fault("pkcs8.key") == .passphrase)
            #expect(fault("traditional.key") == .passphrase)
            #expect(fault("public.key") == .notPrivate("PUBLIC KEY"))
            #expect(fault("client.pem") == .notPrivate("CERTIFICATE"))
            #expect(fault("nothing.key") == .unreadable(ENOENT))
            #expect(fault("client.key", authority: "nothing.pem") == .unreadable(ENOENT))
        }
    }
}
