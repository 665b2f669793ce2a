import Keys
import SRUP
import TestVectors
import Testing

@Suite("The landing page of SRUP")
struct LandingPageTests {
    @Test("its example compiles, and the message that it signs is the one that it reads")
    func example() throws {
        let (device, beacon, server) = (Identifier(0xde01), Identifier(0xbea0), Identifier(0xc2))
        let key = try TestKeys.privateKey("dev_2048")

        let request = Message(
            sequence: SequenceID(1), sender: device, token: Token(random: randomBytes(16)),
            body: .observedJoinRequest(observer: beacon))
        let bytes = try request.signed(by: key)
        let topic = request.topic(to: server)

        let received = try UnverifiedFrame(bytes).verified(by: PublicKeys([device: key.publicKey]))
        let (sender, body) = (received.content.sender, received.content.body)

        #expect(sender == device && body == .observedJoinRequest(observer: beacon))
        #expect(topic == "SRUP/servers/c2/de01")
        #expect(try LandingPage.example(of: "SRUP", isIn: #filePath))
    }
}
