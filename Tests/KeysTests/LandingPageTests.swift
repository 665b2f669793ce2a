import Foundation
import Keys
import SRUP
import TestVectors
import Testing

@Suite("The landing page of Keys")
struct LandingPageTests {
    @Test("its example compiles, and opens the value that a server has sealed")
    func example() throws {
        try TemporaryFolder.with { files in
            let (folder, server) = (files.url.path, Identifier(0xc2))
            _ = try files.privateCopy(of: TestKeys.file("dev_2048.pkcs1"), as: "identity.key.pem")
            try files.write(Data(contentsOf: TestKeys.file("c2_2048.pub")), to: "server.pub.pem")
            let sent = Secret.random()
            let reply = Message(
                sequence: SequenceID(1), sender: server, token: Token(random: randomBytes(16)),
                body: .observedJoinResponse(sealed: Octets(try TestKeys.publicKey("dev_2048").seal(sent))))
            let payload = try reply.signed(by: TestKeys.privateKey("c2_2048"))
            var value: Secret?

            let key = try IdentityKey(pemFile: folder + "/identity.key.pem")
            let keyring = PublicKeys([server: try PublicKey(pemFile: folder + "/server.pub.pem")])

            let message = try UnverifiedFrame(payload).verified(by: keyring).content
            if case .observedJoinResponse(let sealed) = message.body { value = try key.unseal(sealed.bytes) }

            #expect(value == sent)
            #expect(try LandingPage.example(of: "Keys", isIn: #filePath))
        }
    }
}
