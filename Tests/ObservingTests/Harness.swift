import BootTime
import Keys
import SRUP
import Testing

@testable import Observing
@testable import ProofLink

let beacon = Identifier(0xBEAC)
let server = Identifier(0xC2)
let otherServer = Identifier(0xC3)
let device = Identifier(0xD1)
let otherDevice = Identifier(0xD2)
let stranger = Peer(transport: .rfcomm, address: "66:66:66:66:66:66")
let phone = Peer(transport: .l2cap, address: "D1:D1:D1:D1:D1:D1", kind: .classic, security: .encrypted, signal: -60)

func secret(_ byte: UInt8) -> Secret {
    guard let secret = Secret(repeatElement(byte, count: 16)) else { preconditionFailure("16 bytes are a secret") }
    return secret
}

func token(_ text: String) -> Token {
    guard let token = Token(Array(text.utf8)) else { preconditionFailure("an empty token") }
    return token
}

/// The token of servers' messages unless a test says otherwise: it names us.
let talk = plainToken(of: server)

/// A plain token belongs to the server that used it first, so each server has its own.
func plainToken(of server: Identifier, _ number: UInt8 = 7) -> Token {
    let bytes = [UInt8(truncatingIfNeeded: server.number)] + [UInt8](repeating: number, count: 15)
    return Token(random: bytes, for: beacon)
}

func exchange(_ text: String, of server: Identifier = server) -> RequestID {
    RequestID(server: server, token: token(text))
}

/// A signature is any 256 bytes, and the keyring accepts it: real signatures are tested elsewhere.
struct AnySigner: Signer, Keyring {
    func signature(over parts: [ArraySlice<UInt8>]) -> [UInt8] { [UInt8](repeating: 0x5A, count: 256) }
    func check(
        _ signature: ArraySlice<UInt8>, over parts: [ArraySlice<UInt8>], of sender: Identifier
    ) throws(VerificationError) {}
}

/// "Sealed" is: 16 bytes are the value, 3 bytes open and are no value, anything else does not open.
func unsealer(_ sealed: [UInt8]) -> Result<Secret, UnsealError> {
    guard sealed.count != 3 else { return .failure(.value) }
    return Secret(sealed).map { .success($0) } ?? .failure(.seal)
}

/// An observer, a clock, and the model of the shell.
struct Harness {
    var now = Instant(nanoseconds: 1_000_000_000_000)
    var observer: Observer
    var journal = Journal()
    var peers: [LinkID: Peer] = [:]
    private var linksMade: UInt64 = 0
    private var serverSequences: [Identifier: UInt64] = [:]
    private(set) var lastToken = 0

    /// A beacon that is a member of these servers.
    init(_ policy: Policy = Policy(), members: [Identifier] = [server, otherServer]) {
        observer = Observer(identity: beacon, policy: policy, unseal: unsealer, authenticate: hmacSHA256)
        for member in members {
            journal.memberships[member] = .member
            journal.accepted[member] = SequenceID(1)
            serverSequences[member] = 1
        }
        restart()
    }

    // MARK: - Time and events

    @discardableResult mutating func handle(_ event: Event) -> [Effect] {
        if case .received(let link, let frame) = event { journal.hear(frame, over: link) }
        let effects = observer.handle(event, at: now)
        journal.perform(effects)
        return effects
    }

    /// Lets time pass in one step, and ticks.
    @discardableResult mutating func advance(_ delay: Duration) -> [Effect] {
        now = now + delay
        return handle(.tick)
    }

    /// Ticks until nothing more is due, as the shell does: one tick gives only a few verdicts.
    @discardableResult mutating func settle() -> [Effect] {
        var effects: [Effect] = []
        while let next = observer.nextDeadline, next <= now { effects += handle(.tick) }
        return effects
    }

    /// The process ends, and a new one opens the journal; all links are lost.
    @discardableResult mutating func restart(
        sameBoot: Bool = true, losingRequests: Bool = false, losingSequences: Bool = false, losingKey: Bool = false
    ) -> [Effect] {
        if !sameBoot { (journal.boot, now) = (journal.boot + 1, Instant(nanoseconds: 5_000_000_000)) }
        journal.links = [:]
        let terms = observer.terms
        observer = Observer(
            identity: beacon, policy: observer.policy, unseal: unsealer, authenticate: hmacSHA256)
        if losingKey { observer.unseal = { _ in .failure(.seal) } }
        observer.terms = terms
        let servers = journal.memberships.map {
            StoredServer(
                server: $0.key, membership: $0.value, lastAccepted: journal.accepted[$0.key],
                lastSent: journal.lastSent[$0.key] ?? SequenceID(0), isPaused: journal.paused.contains($0.key))
        }
        let open = journal.open.map { exchange, row in
            StoredObservation(
                exchange: exchange, device: row.device, request: losingRequests ? nil : verified(row.frame),
                deadline: row.deadline, mismatches: row.mismatches, sameBoot: row.boot == journal.boot)
        }
        let effects = observer.restore(
            servers, open, update: journal.update,
            activations: journal.activations, sequencesLost: losingSequences)
        observer.unseal = unsealer
        journal.perform(effects)
        return effects
    }

    // MARK: - Servers

    func verified(_ frame: [UInt8]) -> Verified<Message>? { try? UnverifiedFrame(frame).verified(by: AnySigner()) }

    /// The next sequence id of a server; servers count on from what they received from us, as the reference does.
    mutating func nextSequence(_ server: Identifier) -> SequenceID {
        let known = [journal.lastSent[server], journal.accepted[server]].map { $0?.number ?? 0 }
        let next = known.reduce(serverSequences[server] ?? 0, max) + 1
        serverSequences[server] = next
        return SequenceID(next)
    }

    /// A server sends a message, with its next sequence id or another.
    @discardableResult mutating func say(
        _ body: Body, _ token: Token? = nil, by server: Identifier = server, sequence: SequenceID? = nil,
        isOvertaken: Bool = false
    ) -> [Effect] {
        let token = token ?? plainToken(of: server)
        let message = Message(
            sequence: sequence ?? nextSequence(server), sender: server, token: token, body: body)
        guard let frame = try? message.signed(by: AnySigner()), let verified = verified(frame) else {
            Issue.record("\(message) is no frame")
            return []
        }
        let answer = journal.answered[RequestID(server: server, token: token)]
        let context = MessageContext(
            verdict: answer?.verdict, evidence: answer?.evidence?.json, proof: answer?.proof,
            tokenOwner: journal.answered.keys.first { $0.token == token && $0.server != server }?.server,
            isOvertaken: isOvertaken)
        return handle(.message(verified, context))
    }

    /// OBSERVE_REQ.
    @discardableResult mutating func ask(
        _ text: String = "first", for device: Identifier = device, by server: Identifier = server,
        value: Secret = secret(7)
    ) -> [Effect] {
        ask(text, for: device, by: server, sealed: value.withBytes(Array.init))
    }

    @discardableResult mutating func ask(
        _ text: String, for device: Identifier = device, by server: Identifier = server, sealed: [UInt8]
    ) -> [Effect] {
        say(.observationRequest(joining: device, sealed: Octets(sealed)), token(text), by: server)
    }

    /// A token that has not been used.
    mutating func freshToken() -> Token {
        lastToken += 1
        return token("fresh-\(lastToken)")
    }

    /// One that names us.
    mutating func freshAddressedToken() -> Token {
        lastToken += 1
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: lastToken >> (8 * $0)) }
        return Token(random: bytes, for: beacon)
    }

    // MARK: - Devices

    @discardableResult mutating func connect(_ peer: Peer = phone) -> (id: LinkID, effects: [Effect]) {
        linksMade += 1
        let id = LinkID(linksMade)
        (journal.links[id], peers[id]) = (Journal.Link(), peer)
        let (nonce, challenge) = Harness.randomBytes(of: id)
        return (id, handle(.connected(id, peer, linkNonce: nonce, challenge: challenge)))
    }

    /// A link over which READY has been sent.
    mutating func ready(
        _ device: Identifier = device, from peer: Peer = phone, mode: Mode = .challenge
    ) -> LinkID {
        let id = connect(peer).id
        handle(.received(id, .ready(mode: mode, device: device)))
        return id
    }

    @discardableResult mutating func prove(
        _ value: Secret = secret(7), over id: LinkID, as device: Identifier = device
    ) -> [Effect] {
        handle(.received(id, Harness.proof(value, over: id, as: device)))
    }

    mutating func disconnect(_ id: LinkID) {
        journal.links[id] = nil
        #expect(handle(.disconnected(id)).allSatisfy { if case .report(.lost) = $0 { true } else { false } })
    }

    static func randomBytes(of id: LinkID) -> (nonce: [UInt8], challenge: [UInt8]) {
        let nonce = [UInt8](repeating: UInt8(truncatingIfNeeded: id.number), count: 16)
        return (nonce, nonce.map { ~$0 } + nonce)
    }

    static func context(of id: LinkID, _ device: Identifier) -> ProofContext {
        let (nonce, challenge) = randomBytes(of: id)
        return ProofContext(
            linkNonce: nonce, challenge: challenge, deviceNonce: nonce + nonce, beacon: beacon, device: device)
    }

    static func proof(_ value: Secret, over id: LinkID, as device: Identifier = device) -> LinkFrame {
        let context = context(of: id, device)
        return .proof(nonce: context.deviceNonce, tag: context.deviceTag(value, hmacSHA256))
    }

    // MARK: - Devices in keyed mode

    /// What a device authenticates over this link; `harness.observer.policy.modes` are what HELLO offered.
    func keyedContext(
        of id: LinkID, _ device: Identifier = device, for server: Identifier = server, over transport: Transport? = nil
    ) -> KeyedContext {
        KeyedContext(
            modes: observer.policy.modes, linkNonce: Harness.randomBytes(of: id).nonce, beacon: beacon, device: device,
            server: server, transport: transport ?? peers[id]?.transport ?? .local)
    }

    /// A device claims a value over a link.
    @discardableResult mutating func claim(
        _ value: Secret = secret(7), over id: LinkID, as device: Identifier = device, for server: Identifier = server
    ) -> [Effect] {
        let claim = keyedContext(of: id, device, for: server).claim(KeyedKeys(value, hmacSHA256).claim, hmacSHA256)
        return handle(.received(id, .claim(claim)))
    }

    /// A link over which CLAIM has been sent.
    mutating func claimed(
        _ value: Secret = secret(7), from peer: Peer = phone, as device: Identifier = device,
        for server: Identifier = server
    ) -> LinkID {
        let id = connect(peer).id
        claim(value, over: id, as: device, for: server)
        return id
    }

    /// The proof of keyed mode, not signed yet.
    func keyedProof(
        _ value: Secret = secret(7), over id: LinkID, as device: Identifier = device, for server: Identifier = server
    ) -> KeyedProof {
        let (context, (nonce, challenge)) = (keyedContext(of: id, device, for: server), Harness.randomBytes(of: id))
        let tag = context.deviceTag(
            KeyedKeys(value, hmacSHA256).device, challenge: challenge, nonce: nonce + nonce, hmacSHA256)
        return KeyedProof(context: context, challenge: challenge, nonce: nonce + nonce, tag: tag)
    }

    /// PROOF in keyed mode, without the signature.
    @discardableResult mutating func proveKeyed(
        _ value: Secret = secret(7), over id: LinkID, as device: Identifier = device, for server: Identifier = server
    ) -> [Effect] {
        let proof = keyedProof(value, over: id, as: device, for: server)
        return handle(.received(id, .proof(nonce: proof.nonce, tag: proof.tag)))
    }

    /// The signature, whole.
    @discardableResult mutating func sign(over id: LinkID) -> [Effect] {
        KeyedProof.frames(of: Harness.signature).flatMap { handle(.received(id, $0)) }
    }

    /// The tag that OUTCOME must have once a claim has matched; before PROOF its nonce is zero.
    func outcomeTag(
        _ outcome: Outcome, over id: LinkID, _ value: Secret = secret(7), afterProof: Bool,
        for server: Identifier = server
    ) -> [UInt8] {
        let (nonce, challenge) = Harness.randomBytes(of: id)
        return keyedContext(of: id, for: server).beaconTag(
            KeyedKeys(value, hmacSHA256).beacon, challenge: challenge,
            nonce: afterProof ? nonce + nonce : KeyedContext.noNonce, outcome, hmacSHA256)
    }

    /// It cannot be checked here: the beacon has no device's key.
    static let signature = [UInt8](repeating: 0x51, count: 256)
}
