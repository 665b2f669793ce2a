import Glibc
import Keys
import ProofLink
import SRUP

/// A message from the broker.
enum FrameDoor {
    /// Believes everybody, so that what is behind the signature is reached.
    private struct Credulous: Keyring {
        func check(_ signature: ArraySlice<UInt8>, over parts: [ArraySlice<UInt8>], of sender: Identifier)
            throws(VerificationError)
        {}
    }

    private struct Echo: Signer {
        let signature: [UInt8]
        func signature(over parts: [ArraySlice<UInt8>]) throws -> [UInt8] { signature }
    }

    static func enter(_ bytes: [UInt8]) {
        guard let frame = try? UnverifiedFrame(bytes), let message = try? frame.verified(by: Credulous()) else {
            return
        }
        // One form a message: what was read is written as the same bytes.
        let place = 20 + Int(bytes[18]) << 8 + Int(bytes[19])
        let signature = Array(bytes[(place + 2)...].prefix(Int(bytes[place]) << 8 + Int(bytes[place + 1])))
        let again = try? message.content.signed(by: Echo(signature: signature))
        precondition(again == bytes, "written otherwise than read")
        isPlain(message.content.token.description)
    }
}

/// A value that is sealed to us.
enum SealedDoor {
    private static let key = try? IdentityKey(pemFile: Door.folder + "/sealed.key.pem")

    static func enter(_ bytes: [UInt8]) {
        guard let key else { preconditionFailure("no key in \(Door.folder)") }
        _ = try? key.unseal(bytes)
    }
}

/// What comes over a proof link, to either end: the first byte says what both ends are like, the rest is the stream.
enum LinkDoor {
    static func enter(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let stream = bytes.dropFirst()
        packet(Array(stream))
        let plain: Modes = first & 1 == 0 ? [.challenge] : [.challenge, .value]
        beacon(stream, modes: first & 8 == 0 ? plain.union(.keyed) : plain)
        let modes: [Mode] = first & 2 == 0 ? (first & 8 == 0 ? [.keyed, .challenge] : [.challenge]) : [.value]
        device(stream, modes: modes, hasValue: first & 4 == 0)
    }

    private static func packet(_ bytes: [UInt8]) {
        if let proof = KeyedProof(encoded: bytes) {
            precondition(proof.encoded == bytes, "a proof is written otherwise than read")
        }
        guard let frame = try? LinkFrame(packet: bytes) else { return }
        precondition(frame.encoded == bytes, "written otherwise than read")
    }

    private static func frames(_ stream: ArraySlice<UInt8>, _ take: (LinkFrame) -> Bool) {
        // In one piece and byte by byte it is the same frames.
        var (whole, pieces) = (FrameAssembler(), FrameAssembler())
        whole.append(stream)
        var left = stream
        while let frame = try? whole.next() {
            var same: LinkFrame?
            while same == nil, let byte = left.popFirst() {
                pieces.append([byte])
                same = try? pieces.next()
            }
            precondition(same == frame, "pieces make another frame")
            guard take(frame) else { return }
        }
    }

    private static func beacon(_ stream: ArraySlice<UInt8>, modes: Modes) {
        var session = BeaconSession(
            beacon: Identifier(0x77), modes: modes, linkNonce: [UInt8](repeating: 1, count: LinkFrame.linkNonceLength),
            challenge: [UInt8](repeating: 2, count: LinkFrame.challengeLength))
        guard let value = Secret([UInt8](repeating: 3, count: Secret.length)) else { return }
        let keys = KeyedKeys(value, hmacSHA256)
        let context = session.context(device: Identifier(0x55), server: Identifier(0xC2), over: .le)
        frames(stream) { frame in
            switch try? session.receive(frame) {
            case .claim(let claim):
                if claim != KeyedContext.noClaim { _ = session.sendChallenge(to: context) }
                return true
            case .proved(let proof):
                precondition(!proof.matches(keys, hmacSHA256), "a tag was guessed")
                return true
            case .piece: return true
            case .signed(let proof):
                precondition(proof.signature.count <= KeyedProof.maximumSignature, "too long a signature")
                precondition(
                    proof.signature.isEmpty || KeyedProof(encoded: proof.encoded) == proof,
                    "written otherwise than read")
                _ = session.outcome(.fail, keys.beacon, hmacSHA256)
                session.end()
                return true
            case .ready:
                _ = session.sendChallenge()
                return true
            case .presented(let presentation):
                if case .value(let shown) = presentation {
                    precondition(presentation.matches(value, hmacSHA256) == (shown == value), "a wrong match")
                }
                session.end()
                return true
            case nil: return false
            }
        }
    }

    private static func device(_ stream: ArraySlice<UInt8>, modes: [Mode], hasValue: Bool) {
        let value = Secret([UInt8](repeating: 3, count: Secret.length))
        var session = DeviceSession(
            DeviceSession.Parties(
                device: Identifier(0x55), server: Identifier(0xC2), beacon: nil, transport: .le, modes: modes),
            deviceNonce: [UInt8](repeating: 4, count: LinkFrame.deviceNonceLength), value: hasValue ? value : nil,
            authenticate: hmacSHA256)
        frames(stream) { frame in
            switch try? session.receive(frame) {
            case .end, nil: return false
            case .awaitValue:
                if let value { _ = session.take(value: value) }
                return true
            case .send, .prove, .wait: return true
            }
        }
    }
}
