import Keys
import ProofLink
import SRUP
import TestVectors
import Testing

@Suite("The landing page of ProofLink")
struct LandingPageTests {
    /// A beacon that holds the value and answers each frame at once.
    private struct Beacon {
        var session: BeaconSession
        let keys: KeyedKeys
        let parties: DeviceSession.Parties

        mutating func answer(_ frame: LinkFrame) throws -> [UInt8] {
            switch try session.receive(frame) {
            case .claim:
                let context = session.context(device: parties.device, server: parties.server, over: parties.transport)
                return session.sendChallenge(to: context).encoded
            case .signed: return session.outcome(.valid, keys.beacon, hmacSHA256).encoded
            case .ready, .proved, .piece, .presented: return []
            }
        }
    }

    @Test("its example compiles, and runs a link up to the beacon's proof")
    func example() throws {
        let (device, server, beacon) = (Identifier(0xde01), Identifier(0xc2), Identifier(0xbea0))
        let (value, key) = (Secret.random(), try TestKeys.privateKey("dev_2048"))
        var other = Beacon(
            session: BeaconSession(
                beacon: beacon, modes: [.keyed], linkNonce: randomBytes(LinkFrame.linkNonceLength),
                challenge: randomBytes(LinkFrame.challengeLength)),
            keys: KeyedKeys(value, hmacSHA256),
            parties: DeviceSession.Parties(device: device, server: server, beacon: beacon, transport: .local))
        var replies = other.session.hello.encoded
        func send(_ bytes: [UInt8]) { replies += (try? other.answer(LinkFrame(packet: bytes))) ?? [] }
        func receive() throws -> [UInt8] {
            defer { replies = [] }
            return try #require(replies.isEmpty ? nil : replies)
        }

        let parties = DeviceSession.Parties(device: device, server: server, beacon: beacon, transport: .local)
        var session = DeviceSession(
            parties, deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
        var assembler = FrameAssembler(from: .beacon)
        var isProved: Bool?
        while isProved == nil {
            assembler.append(try receive())
            while let frame = try assembler.next() {
                switch try session.receive(frame) {
                case .send(let reply): send(reply.encoded)
                case .prove(let proof, signing: let bytes):
                    send(proof.encoded)
                    let signature = try key.signature(over: [bytes[...]])
                    for piece in KeyedProof.frames(of: signature) { send(piece.encoded) }
                case .wait, .awaitValue: break
                case .end(let outcome, let beaconProved): isProved = outcome == .valid && beaconProved
                }
            }
        }

        #expect(isProved == true)
        #expect(try LandingPage.example(of: "ProofLink", isIn: #filePath))
    }
}
