import Bench
import Broker
import Keys
import SRUP

// The server's part of a join.
extension Stage {
    private static let asked = "OBS_JOIN_REQ of the device"

    /// Waits for the device's request, and checks it.
    func request() throws {
        guard let server else { return }
        let time = setting.command == nil ? Duration.seconds(140) : Window.start.before
        let asked: Bool? = try wait(time) {
            if let incoming = server.next() { return try isRequest(incoming, server) ? true : nil }
            if let fault = fault(expected: Stage.asked) { throw fault }
            return nil
        }
        guard asked != nil else { throw CaseResult.Fault(expected: Stage.asked, seen: "none in \(Stage.text(time))") }
    }

    /// - Returns: false for a message that is not a request for an observed join, and may come.
    private func isRequest(_ incoming: Incoming, _ server: ServerSide) throws -> Bool {
        let message = try checked(incoming, server, expected: Stage.asked)
        return try isObserved(message, server) { seen, clause in
            CaseResult.Fault(expected: Stage.asked, seen: seen, bytes: incoming.payload, correctIf: clause)
        }
    }

    /// A message of the device, after every check of docs/protocol.md, section 1.
    func checked(_ incoming: Incoming, _ server: ServerSide, expected: String) throws -> Message {
        func fault(_ seen: String, _ correctIf: String? = nil) -> CaseResult.Fault {
            CaseResult.Fault(expected: expected, seen: seen, bytes: incoming.payload, correctIf: correctIf)
        }
        let frame: UnverifiedFrame
        do { frame = try UnverifiedFrame(incoming.payload) } catch {
            throw fault("a payload that is not a frame: \(error)")
        }
        guard frame.claimedSender == setting.device else {
            let isTurned = frame.claimedSender.number == setting.device.number.byteSwapped
            throw fault("a message of \(frame.claimedSender)", isTurned ? "the sender's identity were big-endian" : nil)
        }
        guard let key, let message = try? frame.verified(by: PublicKeys([setting.device: key])).content else {
            throw fault(
                "\(frame.claimedType.name) without a valid signature of the device", mistake(inSignatureOf: frame))
        }
        let (isNew, last) = server.accepts(message.sequence)
        guard isNew else {
            throw fault(
                "\(message.body.type.name) with the sequence id \(message.sequence), which is not above \(last)")
        }
        guard incoming.topic == message.topic(to: setting.server) else {
            throw fault(
                "\(message.body.type.name) on the topic \(incoming.topic), not \(message.topic(to: setting.server))")
        }
        return message
    }

    private func isObserved(
        _ message: Message, _ server: ServerSide, _ fault: (String, String?) -> CaseResult.Fault
    ) throws -> Bool {
        // A device that has lost the server's last id asks for it in this way (docs/protocol.md, section 4).
        if message.body == .joinRequest {
            server.send(.response(.joinSuccess), message.token)
            return false
        }
        guard case .observedJoinRequest(let observer) = message.body else { return false }
        guard observer == setting.beacon else {
            let isTurned = observer.number == setting.beacon.number.byteSwapped
            throw fault(
                "OBS_JOIN_REQ that names \(observer)", isTurned ? "the observer's identity were big-endian" : nil)
        }
        guard server.isFresh(message.token) else { throw fault("a token that was used before", nil) }
        guard Stage.isUUID(message.token) else { throw fault("the token \(message.token), which is not a UUID", nil) }
        state.requestToken = message.token
        return true
    }

    /// Whether a token has 36 characters in a UUID's form.
    static func isUUID(_ token: Token) -> Bool {
        let groups = token.bytes.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        return groups.map(\.count) == [8, 4, 4, 4, 12]
            && groups.joined().allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
    }

    /// The usual mistakes in signing a message.
    private func mistake(inSignatureOf frame: UnverifiedFrame) -> String? {
        guard let key else { return nil }
        let (bytes, head) = (frame.bytes, 20 + frame.unverifiedMessage.token.bytes.count)
        let length = Int(bytes[head]) << 8 | Int(bytes[head + 1])
        let (first, end) = (Array(bytes[..<head]), head + 2 + length)
        let (signature, body) = (Array(bytes[(head + 2)..<end]), Array(bytes[end...]))
        let tries: [(String, [UInt8])] = [
            ("the signature covered the header and the token alone", first),
            ("the signature covered the length of the signature too", first + bytes[head..<(head + 2)] + body),
            ("the signature left out the token's length", first[..<18] + first[20...] + body),
            ("what is signed were hashed twice", sha256(first + body)),
        ]
        if key.verifiesPSS(signature, over: first + body) {
            return "the signature were PSS, and PKCS #1 v1.5 is wanted"
        }
        if key.verifies(signature.reversed()[...], over: [(first + body)[...]]) {
            return "the signature were little-endian"
        }
        return tries.first { key.verifies(signature[...], over: [$0.1[...]]) }?.0
    }

    /// Sends a fresh value to the device.
    func sendValue(_ text: PlainText) throws {
        let value = Secret.random()
        state.value = value
        state.facts?.value = value
        let digits = value.withBytes { hexadecimal($0) }
        guard let server else {
            if setting.command == nil { say("prove: give the device the value \(digits)") }
            input?.write(digits + "\n")
            return
        }
        let plain: [UInt8] =
            switch text {
            case .digits: Array(digits.utf8)
            case .upperCase: Array(digits.uppercased().utf8)
            case .raw: value.withBytes(Array.init)
            }
        let token = Token(random: randomBytes(16))
        state.valueToken = token
        let frame = server.send(.observedJoinResponse(sealed: try sealed(plain, key)), token)
        state.valueFrame = state.valueFrame ?? frame
    }

    private func sealed(_ plain: [UInt8], _ key: PublicKey?) throws -> Octets {
        guard let key, let sealed = try? plain.withUnsafeBytes({ try key.seal(plainText: $0) }) else {
            throw CaseResult.Fault(expected: "a device whose key is known", seen: "none: it has not enrolled")
        }
        return Octets(sealed)
    }

    // MARK: - What must be ignored

    /// - Throws: `CaseResult.Fault` if the device has not asked, `OperatorError` if there is no key for another node.
    func send(_ stray: Stray) throws {
        guard let server, let requestToken = state.requestToken else {
            throw CaseResult.Fault(expected: Stage.asked, seen: "none so far")
        }
        let stranger = try anotherKey()
        let token = state.valueToken ?? requestToken
        func send(
            _ body: Body, _ token: Token, sequence: SequenceID? = nil, from sender: Identifier? = nil,
            by key: IdentityKey
        ) throws {
            let message = Message(
                sequence: sequence ?? server.nextSequence(), sender: sender ?? setting.server, token: token, body: body)
            server.publish(try message.signed(by: key))
        }
        let (own, refused) = (server.node.key, Body.response(.joinRefused))
        switch stray {
        case .refusal: try send(refused, requestToken, by: own)
        case .forgedResponse: try send(refused, token, by: stranger)
        case .responseOfAnother:
            try send(refused, token, from: Identifier(setting.server.number ^ 1), by: stranger)
        case .responseToNobody: try send(refused, Token(random: randomBytes(16)), by: own)
        case .oldResponse: try send(refused, token, sequence: server.lastSequence, by: own)
        case .responseTooHigh: try send(refused, token, sequence: SequenceID(.max), by: own)
        case .successWithoutValue: try send(.response(.joinSuccess), requestToken, by: own)
        case .valueOfAnother:
            let sealed = try sealed(Array("0123456789abcdef".utf8), stranger.publicKey)
            try send(
                .observedJoinResponse(sealed: sealed), Token(random: randomBytes(16)), sequence: server.farSequence(),
                by: own)
        case .forgedValue:
            let sealed = try sealed(randomBytes(16), key)
            try send(.observedJoinResponse(sealed: sealed), Token(random: randomBytes(16)), by: stranger)
        case .oldValue:
            guard let frame = state.valueFrame else { preconditionFailure("a case repeats a value before it was sent") }
            server.publish(frame)
        case .noise: try sendNoise(server, token)
        }
    }

    private func sendNoise(_ server: ServerSide, _ token: Token) throws {
        let message = Message(
            sequence: server.nextSequence(), sender: setting.server, token: token, body: .response(.joinRefused))
        let frame = server.node.sign(message)
        var otherVersion = frame
        otherVersion[0] = 4
        let payloads: [[UInt8]] = [
            [], [0], randomBytes(400), Array(frame.dropLast(40)), frame + [0], otherVersion, Array(frame.prefix(19)),
            [UInt8](repeating: 0xFF, count: 70_000),
        ]
        payloads.forEach(server.publish)
    }
}
