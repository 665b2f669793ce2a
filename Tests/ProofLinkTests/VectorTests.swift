import Keys
import SRUP
import TestVectors
import Testing

@testable import ProofLink

/// docs/proof-link.md as another implementation reads it, in both directions.
@Suite struct VectorTests {
    // MARK: - Frames

    @Test("each frame has the bytes of its vector, and those bytes are read as that frame")
    func frames() throws {
        let vectors = try LinkVectors.read().frames
        #expect(Set(vectors.map(\.type)) == Set(1...9))
        for vector in vectors {
            let frame = try vector.frame()
            #expect(frame.encoded == vector.frameHex.bytes, "\(vector)")
            #expect(try LinkFrame(packet: vector.frameHex.bytes) == frame, "\(vector)")
        }
    }

    @Test("what is not a frame is refused, for the reason that the vector gives")
    func badFrames() throws {
        let vectors = try LinkVectors.read().badFrames
        #expect(Set(vectors.map(\.reason)) == ["type", "length", "field", "packet"])
        for vector in vectors {
            let error = #expect(throws: LinkFrameError.self, "\(vector)") {
                try LinkFrame(packet: vector.bytesHex.bytes)
            }
            switch error {
            case .type: #expect(vector.reason == "type", "\(vector)")
            case .length: #expect(vector.reason == "length", "\(vector)")
            case .field: #expect(vector.reason == "field", "\(vector)")
            case .packet: #expect(vector.reason == "packet", "\(vector)")
            case .sender: Issue.record("no sender was named: \(vector)")
            case nil: break
            }
            #expect(onAStream(vector.bytesHex.bytes) == vector.stream, "\(vector)")
        }
    }

    private func onAStream(_ bytes: [UInt8]) -> String {
        var assembler = FrameAssembler()
        assembler.append(bytes)
        do {
            guard try assembler.next() != nil else { return "waits" }
            return try assembler.next() == nil ? "frame, then waits" : "two frames"
        } catch {
            return "rejected"
        }
    }

    // MARK: - Keys and tags

    @Test("the keys, the claim, the tags and the signed bytes of keyed mode are those of another implementation")
    func keyed() throws {
        let vectors = try LinkVectors.read().links.filter { $0.mode == "keyed" }
        #expect(Set(vectors.map(\.transport)) == ["local", "rfcomm", "l2cap", "le"])
        for vector in vectors {
            let parties = try Parties(vector)
            let keys = KeyedKeys(parties.value, hmacSHA256)
            #expect(
                [keys.claim, keys.device, keys.beacon].map { $0.withBytes(Array.init) }
                    == [vector.claimKeyHex, vector.deviceKeyHex, vector.beaconKeyHex].map { $0?.bytes }, "\(vector)")
            #expect(parties.context.encoded == vector.prefixHex?.bytes, "\(vector)")
            #expect(parties.context.claim(keys.claim, hmacSHA256) == vector.claimHex?.bytes, "\(vector)")
            #expect(parties.proof.tag == vector.tagHex?.bytes && parties.proof.matches(keys, hmacSHA256), "\(vector)")
            #expect(parties.proof.signedBytes == vector.signedHex?.bytes, "\(vector)")
        }
    }

    @Test("the device's key makes the vector's signature, and its public key verifies it")
    func signatures() throws {
        for vector in try LinkVectors.read().links where vector.mode == "keyed" {
            let (name, signed) = (try #require(vector.signingKey), try #require(vector.signedHex).bytes)
            let signature = try #require(vector.signatureHex).bytes
            #expect(try TestKeys.privateKey(name).signature(over: [signed[...]]) == signature, "\(vector)")
            #expect(try TestKeys.publicKey(name).verifies(signature[...], over: [signed[...]]), "\(vector)")
        }
    }

    @Test("the tags of challenge mode are those of another implementation")
    func challenged() throws {
        for vector in try LinkVectors.read().links where vector.mode == "challenge" {
            let parties = try Parties(vector)
            let context = ProofContext(
                linkNonce: vector.linkNonceHex.bytes, challenge: vector.challengeHex.bytes,
                deviceNonce: vector.deviceNonceHex.bytes, beacon: parties.beacon, device: parties.device)
            #expect(context.bytes == vector.contextHex?.bytes, "\(vector)")
            #expect(context.deviceTag(parties.value, hmacSHA256) == vector.tagHex?.bytes, "\(vector)")
            guard vector.outcome == "valid" else { continue }
            #expect(context.beaconTag(parties.value, .valid, hmacSHA256) == vector.outcomeTagHex?.bytes, "\(vector)")
        }
    }

    // MARK: - Whole links

    @Test("a device sends on each link the bytes of the vector, and ends it as the vector does")
    func devices() throws {
        for vector in try LinkVectors.read().links {
            let parties = try Parties(vector)
            var session = parties.deviceSession(hasValue: vector.valueComesLate != true)
            var (heard, saying): ([[UInt8]], [[UInt8]]) = ([], [])
            var end: DeviceSession.Step?
            func follow(_ step: DeviceSession.Step?) throws {
                switch step {
                case .send(let frame): saying.append(frame.encoded)
                case .prove(let frame, let signed):
                    let signature = try TestKeys.privateKey(try #require(vector.signingKey)).signature(over: [
                        signed[...]
                    ])
                    saying += [frame.encoded] + KeyedProof.frames(of: signature).map(\.encoded)
                case .end: end = step
                case .wait, .awaitValue, nil: break
                }
            }
            for turn in vector.frames {
                if turn.from == "device" {
                    heard.append(turn.frameHex.bytes)
                    continue
                }
                let step = try session.receive(LinkFrame(packet: turn.frameHex.bytes))
                try follow(step)
                if case .wait = step { try follow(session.take(value: parties.value)) }
            }
            // If the beacon ends the link before the signature has arrived, the device sends more than the vector has.
            #expect(Array(saying.prefix(heard.count)) == heard, "\(vector)")
            #expect(end == .end(parties.outcome, beaconProved: vector.beaconProved), "\(vector)")
        }
    }

    @Test("a beacon sends on each link the bytes of the vector, and its server gets the vector's proof")
    func beacons() throws {
        for vector in try LinkVectors.read().links {
            let parties = try Parties(vector)
            var session = parties.beaconSession
            var last: BeaconSession.Received?
            for turn in vector.frames {
                if turn.from == "device" {
                    last = try session.receive(LinkFrame(packet: turn.frameHex.bytes))
                    continue
                }
                let frame: LinkFrame
                switch turn.name {
                case "HELLO": frame = session.hello
                case "WAIT": frame = .wait(seconds: 120)
                case "CHALLENGE":
                    frame =
                        vector.mode == "keyed"
                        ? session.sendChallenge(to: parties.context) : session.sendChallenge()
                default: frame = parties.answer(session, last)
                }
                #expect(frame.encoded == turn.frameHex.bytes, "\(vector): \(turn.name)")
            }
            guard let data = vector.observationProofHex?.bytes else { continue }
            guard case .signed(let proof) = last else {
                Issue.record("\(vector): \(String(describing: last))")
                continue
            }
            #expect(proof.encoded == data && KeyedProof(encoded: data) == proof, "\(vector)")
        }
    }

    // MARK: - Links without proof, and what must be refused

    @Test(
        "an OUTCOME without the value's tag gives the device no information, and valid without the tag is a rogue beacon's"
    )
    func badOutcomes() throws {
        for vector in try LinkVectors.read().badOutcomes {
            let link = try LinkVectors.link(vector.link)
            var session = try Parties(link).deviceSession(hasValue: true)
            for turn in link.frames where turn.from == "beacon" && turn.name != "OUTCOME" {
                _ = try session.receive(LinkFrame(packet: turn.frameHex.bytes))
            }
            let frame = try LinkFrame(packet: vector.frameHex.bytes)
            if vector.device == "leaves" {
                #expect(throws: DeviceSession.Refusal.rogueBeacon, "\(vector)") { try session.receive(frame) }
            } else {
                let outcome = try #require(Outcome.allCases.first { $0.description == vector.outcome })
                #expect(try session.receive(frame) == .end(outcome, beaconProved: false), "\(vector)")
            }
        }
    }

    @Test("a proof that must be refused is refused by the check that the vector names")
    func badProofs() throws {
        let vectors = try LinkVectors.read().badProofs
        #expect(Set(vectors.map(\.reason)) == ["form", "beacon", "device", "server", "tag", "signature"])
        for vector in vectors {
            let parties = try Parties(try LinkVectors.link(vector.link))
            let key = try TestKeys.publicKey("dev_2048")
            #expect(parties.fault(of: vector.dataHex.bytes, key) == vector.reason, "\(vector)")
        }
        for link in try LinkVectors.read().links {
            guard let data = link.observationProofHex?.bytes, let name = link.signingKey else { continue }
            #expect(try Parties(link).fault(of: data, TestKeys.publicKey(name)) == nil, "\(link)")
        }
    }
}

/// A link vector's inputs, in our types.
private struct Parties {
    let vector: LinkVector
    let (beacon, device, server): (Identifier, Identifier, Identifier)
    let value: Secret
    let transport: Transport
    let mode: Mode
    let outcome: Outcome

    init(_ vector: LinkVector) throws {
        func identifier(_ text: String) throws -> Identifier { try #require(Identifier(hexadecimal: text)) }
        self.vector = vector
        (beacon, device, server) = (
            try identifier(vector.beacon), try identifier(vector.device), try identifier(vector.server)
        )
        value = try #require(Secret(vector.valueHex.bytes))
        transport = try #require(Transport(rawValue: vector.transport))
        mode = try #require(Mode.allCases.first { $0.description == vector.mode })
        outcome = try #require(Outcome.allCases.first { $0.description == vector.outcome })
    }

    var context: KeyedContext {
        KeyedContext(
            modes: Modes(rawValue: vector.modesOffered), linkNonce: vector.linkNonceHex.bytes, beacon: beacon,
            device: device, server: server, transport: transport)
    }

    var proof: KeyedProof {
        let (challenge, nonce) = (vector.challengeHex.bytes, vector.deviceNonceHex.bytes)
        let tag = context.deviceTag(
            KeyedKeys(value, hmacSHA256).device, challenge: challenge, nonce: nonce, hmacSHA256)
        return KeyedProof(context: context, challenge: challenge, nonce: nonce, tag: tag)
    }

    var beaconSession: BeaconSession {
        BeaconSession(
            beacon: beacon, modes: Modes(rawValue: vector.modesOffered), hidesIdentity: vector.namesBeacon == false,
            linkNonce: vector.linkNonceHex.bytes, challenge: vector.challengeHex.bytes)
    }

    func deviceSession(hasValue: Bool) -> DeviceSession {
        DeviceSession(
            DeviceSession.Parties(device: device, server: server, beacon: beacon, transport: transport, modes: [mode]),
            deviceNonce: vector.deviceNonceHex.bytes, value: hasValue ? value : nil, authenticate: hmacSHA256)
    }

    /// The OUTCOME with which the beacon ends the link.
    func answer(_ session: BeaconSession, _ last: BeaconSession.Received?) -> LinkFrame {
        guard mode != .keyed else {
            let fits: Bool = if case .claimed = session.state { false } else { true }
            return session.outcome(outcome, fits ? KeyedKeys(value, hmacSHA256).beacon : nil, hmacSHA256)
        }
        guard outcome == .valid, case .presented(let presentation) = last else {
            return session.outcome(outcome, nil, hmacSHA256)
        }
        return presentation.matches(value, hmacSHA256)
            ? presentation.validOutcome(value, hmacSHA256) : .outcome(.invalid, tag: LinkFrame.noTag)
    }

    /// What a server finds wrong with a proof, in the order in which it looks (docs/proof-link.md, "Keyed mode").
    func fault(of data: [UInt8], _ key: PublicKey) -> String? {
        guard let proof = KeyedProof(encoded: data) else { return "form" }
        guard proof.context.beacon == beacon else { return "beacon" }
        guard proof.context.device == device else { return "device" }
        guard proof.context.server == server else { return "server" }
        guard proof.matches(KeyedKeys(value, hmacSHA256), hmacSHA256) else { return "tag" }
        return key.verifies(proof.signature[...], over: [proof.signedBytes[...]]) ? nil : "signature"
    }
}
