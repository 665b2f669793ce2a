import BootTime
import Keys
import Nearby
import ProofLink
import SRUP

// The beacon's part of a link.
extension Stage {
    /// Sends frames of the beacon.
    func say(_ frames: [Spoken], _ cut: Cut) throws {
        let bytes = frames.map(bytes)
        let pieces: [[UInt8]] =
            switch cut {
            case .frames, .flood: bytes
            case .joined: [bytes.flatMap { $0 }]
            case .bytes: bytes.flatMap { $0.map { [$0] } }
            case .short: bytes.map { $0.dropLast() }
            case .long: bytes.map { $0 + [0] }
            }
        for piece in pieces {
            guard let link, link.send(piece) else {
                if cut == .flood { return }
                throw CaseResult.Fault(
                    expected: "the device reads what the beacon sends", seen: "it has closed the link")
            }
            // So that the pieces are pieces at the other end, too.
            if cut == .bytes { _ = try wait(.milliseconds(1)) { nil as Bool? } }
        }
    }

    private func bytes(_ frame: Spoken) -> [UInt8] {
        switch frame {
        case .hello(let modes, let named, let version):
            let facts = LinkFacts(
                device: setting.device, server: setting.server, beacon: setting.beacon,
                transport: setting.address.transport, value: state.value ?? .random(), modes: modes)
            state.facts = facts
            state.signature = []
            return LinkFrame.hello(version: version, modes: modes, beacon: identity(named), nonce: facts.linkNonce)
                .encoded
        case .helloAgain:
            state.factsBefore = facts
            state.facts?.deviceNonce = KeyedContext.noNonce
            return LinkFrame.hello(
                version: LinkFrame.version, modes: facts.modes, beacon: setting.beacon, nonce: facts.linkNonce
            ).encoded
        case .wait(let seconds): return LinkFrame.wait(seconds: seconds).encoded
        case .challenge: return LinkFrame.challenge(facts.challenge).encoded
        case .outcome(let outcome, let tag): return LinkFrame.outcome(outcome, tag: bytes(tag, outcome)).encoded
        case .raw(let bytes): return bytes
        }
    }

    private func identity(_ named: Spoken.Named) -> Identifier {
        switch named {
        case .itself: setting.beacon
        case .another: Identifier(setting.beacon.number ^ 1)
        case .nobody: Identifier(0)
        case .littleEndian: Identifier(setting.beacon.number.byteSwapped)
        }
    }

    private func bytes(_ tag: Spoken.Tag, _ outcome: Outcome) -> [UInt8] {
        let mode = state.signature.isEmpty ? Mode.challenge : .keyed
        switch tag {
        case .none: return LinkFrame.noTag
        case .right: return facts.beaconTag(outcome, mode)
        case .beforeProof:
            var before = facts
            before.deviceNonce = KeyedContext.noNonce
            return before.beaconTag(outcome, .keyed)
        case .reflected: return facts.tag
        case .ofLinkBefore: return (state.factsBefore ?? facts).beaconTag(outcome, mode)
        case .ofStatus(let other): return facts.beaconTag(other, mode)
        case .oneBitOff:
            var bytes = facts.beaconTag(outcome, mode)
            bytes[bytes.count - 1] ^= 1
            return bytes
        }
    }

    /// Those of the present link; of none before HELLO.
    private var facts: LinkFacts {
        state.facts
            ?? LinkFacts(
                device: setting.device, server: setting.server, beacon: setting.beacon,
                transport: setting.address.transport, value: state.value ?? .random())
    }

    // MARK: - What the device sends

    /// The payload of the next frame, which must be of this type.
    private func payload(_ type: UInt8, _ expected: String, within time: Duration = Window.answer.before) throws
        -> [UInt8]
    {
        let arrival = try wait(time) {
            if let arrival = link?.next() { return arrival }
            if let fault = fault(expected: expected) { throw fault }
            return nil
        }
        guard let arrival else {
            let rest = link?.rest ?? []
            throw CaseResult.Fault(
                expected: expected, seen: rest.isEmpty ? "nothing in \(Stage.text(time))" : "a part of a frame",
                bytes: rest.isEmpty ? nil : rest)
        }
        if case .frame(type, let payload) = arrival { return payload }
        let bytes = arrival.bytes
        throw CaseResult.Fault(
            expected: expected, seen: arrival.description, bytes: bytes.isEmpty ? nil : bytes,
            correctIf: Guess.mistake(inFrame: bytes, type: type))
    }

    private func fault(_ expected: String, _ kind: DeviceFrame, _ seen: [UInt8], _ message: String) -> CaseResult.Fault
    {
        CaseResult.Fault(
            expected: expected, seen: message, bytes: seen,
            correctIf: Guess(facts, key: key).mistake(in: kind, seen))
    }

    func ready(_ mode: Mode) throws {
        let frame = LinkFrame.ready(mode: mode, device: setting.device)
        let expected = "\(frame.description): \(hexadecimal(frame.encoded))"
        let seen = try payload(0x02, expected)
        guard seen.count == 9 else {
            throw CaseResult.Fault(expected: expected, seen: "READY of \(seen.count) bytes", bytes: seen)
        }
        guard seen[0] == mode.rawValue else {
            throw CaseResult.Fault(expected: expected, seen: "READY with the mode \(seen[0])", bytes: seen)
        }
        guard Array(seen[1...]) == facts.expected(.ready) else {
            throw fault(expected, .ready, Array(seen[1...]), "READY with another identity")
        }
    }

    /// What the device computes with: the last value that was sent.
    private func useValue() {
        let value = state.value ?? .random()
        state.facts?.value = value
    }

    func claim(_ hasValue: Bool) throws {
        useValue()
        let expected =
            "CLAIM: mode 03 and " + (hasValue ? "the claim \(hexadecimal(facts.expected(.claim) ?? []))" : "16 zeros")
        for isFirst in [true, false] {
            let seen = try payload(0x08, expected)
            guard seen.count == 17, seen[0] == Mode.keyed.rawValue else {
                throw CaseResult.Fault(expected: expected, seen: "another CLAIM", bytes: seen)
            }
            let claim = Array(seen[1...])
            if claim == (hasValue ? facts.expected(.claim) : KeyedContext.noClaim) { return }
            // The value may reach the device after HELLO.
            if hasValue, isFirst, claim == KeyedContext.noClaim { continue }
            guard hasValue else { throw CaseResult.Fault(expected: expected, seen: "another claim", bytes: claim) }
            throw fault(expected, .claim, claim, "another claim")
        }
    }

    func prove(_ mode: Mode) throws {
        useValue()
        guard mode != .value else { return try showValue() }
        let kind = mode == .keyed ? DeviceFrame.keyedProof : .proof
        let seen = try payload(0x05, "PROOF: a fresh nonce of 32 bytes, and a tag of 32")
        guard seen.count == 64 else {
            throw CaseResult.Fault(expected: "PROOF of 64 bytes", seen: "PROOF of \(seen.count) bytes", bytes: seen)
        }
        state.facts?.deviceNonce = Array(seen[..<32])
        state.facts?.tag = Array(seen[32...])
        let expected =
            "PROOF with the tag \(hexadecimal(facts.expected(kind) ?? [])) for the nonce \(hexadecimal(seen[..<32]))"
        guard facts.tag == facts.expected(kind) else {
            throw fault(expected, kind, facts.tag, "PROOF with another tag")
        }
        guard usedNonces.insert(facts.deviceNonce).inserted else {
            throw CaseResult.Fault(
                expected: "a fresh nonce in each PROOF", seen: "a nonce that was used before", bytes: facts.deviceNonce)
        }
        if mode == .keyed { try sign() }
    }

    private func showValue() throws {
        let value = facts.expected(.value) ?? []
        let expected = "VALUE: the 16 bytes \(hexadecimal(value))"
        let seen = try payload(0x06, expected)
        guard seen == value else { throw fault(expected, .value, seen, "VALUE with other bytes") }
    }

    private func sign() throws {
        let expected = "SIGN, within 10 s: the signature of the identity key over \(hexadecimal(facts.signedBytes))"
        var isLast = false
        while !isLast {
            let seen = try payload(0x09, expected, within: .seconds(10))
            guard seen.count >= 2, seen.count <= KeyedProof.maximumPiece + 1, seen[0] <= 1 else {
                throw CaseResult.Fault(expected: expected, seen: "SIGN that is not one", bytes: seen)
            }
            isLast = seen[0] == 1
            state.signature += seen[1...]
            guard state.signature.count <= KeyedProof.maximumSignature else {
                throw CaseResult.Fault(
                    expected: expected, seen: "more than \(KeyedProof.maximumSignature) bytes, and no last piece")
            }
        }
        guard let key else { return }
        guard key.verifies(state.signature[...], over: [facts.signedBytes[...]]) else {
            throw fault(expected, .signature, state.signature, "another signature of \(state.signature.count) bytes")
        }
    }
}
