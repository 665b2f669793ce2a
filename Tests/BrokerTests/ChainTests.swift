import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Broker

@Suite("Chains of a broker's certificate", .blocking)
struct ChainTests {
    /// What a broker presents, what our CA file holds, and what a link says to that.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let own: String
        var others: [String] = []
        let authorities: [String]
        /// Parts of message and hint; nil: it is accepted.
        var told: (message: String, hint: String)?
    }

    private static let accepted = [
        Row(testDescription: "the root", own: "leaf", others: ["issuing"], authorities: ["root"]),
        Row(testDescription: "only the CA that issued it", own: "leaf", authorities: ["issuing"]),
        Row(
            testDescription: "that CA, which the broker sends too", own: "leaf", others: ["issuing"],
            authorities: ["issuing"]),
        Row(
            testDescription: "that CA, and the broker sends the root too", own: "leaf", others: ["issuing", "root"],
            authorities: ["issuing"]),
        Row(
            testDescription: "another order of the CAs that the broker sends", own: "leaf",
            others: ["root", "issuing"],
            authorities: ["root"]),
        Row(
            testDescription: "several CAs, the last one its own", own: "leaf",
            authorities: ["stranger", "expired-root", "issuing"]),
        Row(
            testDescription: "a certificate that issued itself, and is in the file", own: "alone",
            authorities: ["alone"]),
    ]

    private static let refused = [
        Row(
            testDescription: "the broker does not send the CA between", own: "leaf", authorities: ["root"],
            told: (
                "the broker's certificate \"CN = localhost\" was issued by the CA \"CN = issuing\", which is not in our CA file",
                "put the certificate of the CA \"CN = issuing\" into [broker] ca"
            )),
        Row(
            testDescription: "another CA", own: "leaf", others: ["issuing"], authorities: ["stranger"],
            told: (
                "CA certificate 1 above the broker's \"CN = issuing\" was issued by the CA \"CN = root\", which is not in our CA file",
                "put the certificate of the CA \"CN = root\" into [broker] ca"
            )),
        Row(
            testDescription: "another root", own: "leaf", others: ["issuing", "root"], authorities: ["stranger"],
            told: (
                "CA certificate 2 above the broker's \"CN = root\" is the root of the broker's chain, and is not in our CA file",
                "put this root"
            )),
        Row(
            testDescription: "a certificate that issued itself", own: "alone", authorities: ["root"],
            told: ("the broker's certificate \"CN = localhost\" is self-signed", "compare it")),
        Row(
            testDescription: "an expired certificate", own: "expired", authorities: ["root"],
            told: (
                "the broker's certificate \"CN = localhost\" expired on 2021-01-01T00:00:00Z",
                "have the broker's certificate renewed"
            )),
        Row(
            testDescription: "an expired CA between", own: "under-expired", others: ["expired-issuing"],
            authorities: ["root"],
            told: (
                "CA certificate 1 above the broker's \"CN = expired-issuing\" expired on 2021-01-01T00:00:00Z",
                "have that CA certificate renewed"
            )),
        Row(
            testDescription: "an expired CA in our file", own: "under-expired-root", authorities: ["expired-root"],
            told: (
                "the CA certificate in our CA file \"CN = expired-root\" expired on 2021-01-01T00:00:00Z",
                "put the CA's renewed certificate into [broker] ca"
            )),
        Row(
            testDescription: "a certificate that is not valid yet", own: "future", authorities: ["root"],
            told: ("the broker's certificate \"CN = localhost\" is not valid before 2048-01-01T00:00:00Z", "clock")),
        Row(
            testDescription: "a certificate for another name", own: "named", authorities: ["root"],
            told: (
                "the broker's certificate \"CN = named\" is for another name: broker.example.org, mqtt.example.org",
                "into [broker] address"
            )),
        Row(
            testDescription: "a certificate for clients", own: "client-only", authorities: ["root"],
            told: ("the broker's certificate \"CN = localhost\" is not for TLS servers", "serverAuth")),
        Row(
            testDescription: "a key that is too short", own: "weak", authorities: ["root"],
            told: ("the broker's certificate \"CN = localhost\" has a key that is too short", "longer key")),
        Row(
            testDescription: "a weak digest", own: "sha1", authorities: ["root"],
            told: ("the broker's certificate \"CN = localhost\" is signed with a digest that is too weak", "SHA-256")),
        Row(
            testDescription: "an issuer that is not a CA", own: "under-plain", others: ["plain"], authorities: ["root"],
            told: ("CA certificate 1 above the broker's \"CN = plain\" is not a CA's", "that a CA has issued")),
        Row(
            testDescription: "more CAs than the root allows", own: "too-deep", others: ["below-short"],
            authorities: ["short"],
            told: ("\"CN = short\" does not allow so many CAs below it", "nearer to the broker's certificate")),
        Row(
            testDescription: "a CA of the same name with another key", own: "of-namesake", authorities: ["root"],
            told: (
                "was issued by the CA \"CN = root\", and the one of that name in our CA file has another key",
                "put the present certificate of the CA \"CN = root\" into [broker] ca"
            )),
        Row(
            testDescription: "such a CA, and no key id to tell them apart", own: "of-namesake-unnamed",
            authorities: ["root"],
            told: ("its signature does not match", "put the present certificate of the CA \"CN = root\"")),
    ]

    private func make(_ chain: ChainFixture) throws {
        let (authority, server) = (ChainFixture.authority, ChainFixture.server)
        try chain.make("root", by: nil, authority)
        try chain.make("issuing", by: "root", authority)
        try chain.make("leaf", named: "localhost", by: "issuing", server)
        try chain.make("stranger", by: nil, authority)
        try chain.make("alone", named: "localhost", by: nil, server)
        try chain.make("expired", named: "localhost", by: "root", server, .past)
        try chain.make("expired-issuing", by: "root", authority, .past)
        try chain.make("under-expired", named: "localhost", by: "expired-issuing", server)
        try chain.make("expired-root", by: nil, authority, .past)
        try chain.make("under-expired-root", named: "localhost", by: "expired-root", server)
        try chain.make("future", named: "localhost", by: "root", server, .future)
        try chain.make("named", by: "root", "subjectAltName=DNS:broker.example.org,DNS:mqtt.example.org")
        try chain.make("client-only", named: "localhost", by: "root", server + "\nextendedKeyUsage=clientAuth")
        try chain.make("weak", named: "localhost", by: "root", server, key: "rsa:1024")
        try chain.make("sha1", named: "localhost", by: "root", server, digest: "sha1")
        try chain.make("plain", by: "root", "basicConstraints=CA:false")
        try chain.make("under-plain", named: "localhost", by: "plain", server)
        try chain.make("short", by: nil, authority + ",pathlen:0")
        try chain.make("below-short", by: "short", authority)
        try chain.make("too-deep", named: "localhost", by: "below-short", server)
        try chain.make("namesake", named: "root", by: nil, authority)
        try chain.make("of-namesake", named: "localhost", by: "namesake", server + "\nauthorityKeyIdentifier=keyid")
        try chain.make(
            "of-namesake-unnamed", named: "localhost", by: "namesake", server + "\nauthorityKeyIdentifier=none")
        try chain.make("client", named: "b1", by: "root", "basicConstraints=CA:false")
    }

    /// What a TLS server with the chain makes a client say.
    private func fault(_ row: Row, _ chain: ChainFixture) throws -> BrokerFault? {
        let folder = chain.folder
        try chain.serve(row.own, row.others)
        try chain.write(row.authorities, to: "authorities.pem")
        let broker = try FaultyBroker(.names, folder)
        let files = TLSFiles(
            authority: folder.path("authorities.pem"), certificate: folder.path("client.pem"),
            key: folder.path("client.key"))
        do throws(BrokerFault) {
            _ = try BrokerAddress(host: "localhost", port: broker.port).shakeHands(files, AddressRace(["127.0.0.1"]))
            return nil
        } catch { return error }
    }

    @Test(
        "are accepted where they lead to a CA of the file, be it the root or not, and refused with whose certificate is wrong and how"
    )
    func table() throws {
        try TemporaryFolder.with { folder in
            let chain = ChainFixture(folder: folder)
            try make(chain)
            for row in ChainTests.accepted { #expect(try fault(row, chain) == nil, "\(row.testDescription)") }
            for row in ChainTests.refused {
                let fault = try fault(row, chain)
                let text = "\(row.testDescription): \(fault?.message ?? "accepted"); \(fault?.hint(for: .beacon) ?? "")"
                #expect(fault?.message.contains(row.told?.message ?? "") == true, "\(text)")
                #expect(fault?.hint(for: .beacon).contains(row.told?.hint ?? "") == true, "\(text)")
                if let fault { #expect(OperatorTextRules.broken(by: fault) == []) }
            }
        }
    }

    @Test("a name of the broker's that no terminal should see is printed as harmless text, within bounds")
    func hostileNames() {
        var fault = CertificateFault(code: 20)
        fault.subject = "CN = \u{1B}[2J" + String(repeating: "x", count: 400)
        fault.issuer = "CN = a\nb"
        let message = BrokerFault.untrusted(fault).message
        #expect(message.utf8.allSatisfy { (0x20...0x7E).contains($0) } && message.count < 600, "\(message)")
        #expect(message.contains("\"CN = .[2Jxxx") && message.contains("\"CN = a.b\""))
    }

    @Test(
        "a CA file with a certificate that is not a CA's is refused before anything is connected to, with its subject")
    func plainAuthority() throws {
        try TemporaryFolder.with { folder in
            let chain = ChainFixture(folder: folder)
            try chain.make("root", by: nil, ChainFixture.authority)
            try chain.make("leaf", named: "localhost", by: "root", ChainFixture.server)
            try chain.make("client", named: "b1", by: "root", "basicConstraints=CA:false")
            try chain.write(["root", "leaf"], to: "authorities.pem")
            let files = TLSFiles(
                authority: folder.path("authorities.pem"), certificate: folder.path("client.pem"),
                key: folder.path("client.key"))
            #expect(throws: BrokerFault.badFile(files.authority, .notAuthority("CN = localhost"))) { try files.check() }
        }
    }

    @Test("our own certificate: behind its CA's, with another key, or too weak, has a sentence of its own")
    func own() throws {
        try TemporaryFolder.with { folder in
            let chain = ChainFixture(folder: folder)
            try chain.make("root", by: nil, ChainFixture.authority)
            try chain.make("client", named: "b1", by: "root", "basicConstraints=CA:false")
            try chain.make("weak", named: "b1", by: "root", "basicConstraints=CA:false", key: "rsa:1024")
            try chain.make("rsa", named: "b1", by: "root", "basicConstraints=CA:false", key: "rsa:2048")
            try chain.write(["root", "client"], to: "behind.pem")
            func fault(_ certificate: String, _ key: String) -> BrokerFault? {
                let files = TLSFiles(
                    authority: folder.path("root.pem"), certificate: folder.path(certificate), key: folder.path(key))
                do throws(BrokerFault) {
                    try files.check()
                    return nil
                } catch { return error }
            }
            #expect(fault("client.pem", "client.key") == nil)
            #expect(fault("behind.pem", "client.key") == .badFile(folder.path("behind.pem"), .order(place: 2)))
            #expect(fault("client.pem", "root.key") == .badFile(folder.path("root.key"), .otherKey))
            #expect(fault("client.pem", "rsa.key") == .badFile(folder.path("rsa.key"), .otherKey))
            #expect(fault("weak.pem", "weak.key") == .badFile(folder.path("weak.pem"), .weak))
        }
    }
}
