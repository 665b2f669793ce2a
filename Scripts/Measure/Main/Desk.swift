import Daemon
import BootTime
import Keys
import Observing
import ProofLink
import SQLite
import SRUP

/// The middle of a beacon without its sockets: signature, observer, journal, answer; and a device that proves.
final class Desk {
    static let server = Identifier(0x99)
    private static let value = Secret.random()
    private static let us = Identifier(0x77)

    private let key: IdentityKey
    private let keyring: PublicKeys
    private let journal: Journal?
    private var observer: Observer
    private var lastLink: UInt64 = 0
    private var waiting: [Identifier] = []
    private var queued: [Int64] = []
    private let now = Instant(nanoseconds: 1)
    private let (linkNonce, challenge) = (randomBytes(16), randomBytes(32))

    /// A link of a device's that has been challenged, and what it will answer.
    struct Proof {
        let link: LinkID
        let frame: LinkFrame
    }

    /// - Parameters:
    ///   - folder: where the journal is made; nil: without one.
    ///   - history: so many verdicts stand in it already.
    init(_ key: IdentityKey, folder: String?, history: Int = 0) throws {
        self.key = key
        keyring = PublicKeys([Desk.server: key.publicKey])
        if let folder, history > 0 {
            _ = try Journal(try StateFolder(path: folder), bootID: "measure")  // makes the tables
            try Database(path: folder + "/journal.sqlite").script(
                """
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(history))
                INSERT INTO verdicts (server, token, device, verdict, reason, decided)
                SELECT \(Desk.server.number), randomblob(36), i, 'failed', 'silence', i FROM n
                """)
        }
        journal = try folder.map { try Journal(try StateFolder(path: $0), bootID: "measure") }
        var retention = VerdictRecord.Retention()
        retention.verdicts = 100_000_000  // what stands in it stays
        try journal?.beginRecord(of: Desk.us, key: key.publicKey, retention, at: 1)
        var policy = Policy()
        policy.observationLimit = 20_000
        policy.requestRate = RateLimit(burst: 1_000_000, interval: .microseconds(1))
        (policy.linkLimit, policy.linksPerPeer) = (20_000, 20_000)
        observer = Observer(
            identity: Desk.us, policy: policy,
            unseal: { (try? key.unseal($0)).map { .success($0) } ?? .failure(.seal) },
            authenticate: hmacSHA256)
        _ = observer.restore(
            [
                StoredServer(
                    server: Desk.server, membership: .member, lastAccepted: SequenceID(1), lastSent: SequenceID(16))
            ],
            [])
    }

    /// Requests of the server for so many devices, each for another one; devices and sequence ids count up from a number.
    static func requests(_ key: IdentityKey, _ count: Int, from first: UInt64 = 0x1000) throws -> [[UInt8]] {
        let sealed = Octets(try key.publicKey.seal(value))
        return try (0..<UInt64(count)).map { number in
            try Message(
                sequence: SequenceID(first + number), sender: server, token: Token(random: randomBytes(16)),
                body: .observationRequest(joining: Identifier(first + number), sealed: sealed)
            ).signed(by: key)
        }
    }

    /// All of them, in groups: the requests, a commit, the proofs, a commit, the acknowledgements, a commit.
    func run(_ requests: ArraySlice<[UInt8]>, inGroupsOf size: Int) {
        var rest = requests
        while !rest.isEmpty {
            for request in rest.prefix(size) { take(request) }
            commit()
            while !waiting.isEmpty { prove(link()) }
            commit()
            acknowledge()
            rest = rest.dropFirst(size)
        }
    }

    /// OBSERVE_REQ, as the shell takes it.
    func take(_ request: [UInt8]) {
        do {
            let message = try UnverifiedFrame(request).verified(by: keyring)
            let exchange = RequestID(server: message.content.sender, token: message.content.token)
            let context = MessageContext(verdict: try journal?.verdict(of: exchange))
            record(observer.handle(.message(message, context), at: now))
            if case .observationRequest(let device, _) = message.content.body { waiting.append(device) }
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// A link of the first device that waits, up to its proof.
    func link() -> Proof {
        let device = waiting.removeFirst()
        lastLink += 1
        let id = LinkID(lastLink)
        let peer = Peer(transport: .local, address: "a")
        record(observer.handle(.connected(id, peer, linkNonce: linkNonce, challenge: challenge), at: now))
        record(observer.handle(.received(id, .ready(mode: .challenge, device: device)), at: now))
        let context = ProofContext(
            linkNonce: linkNonce, challenge: challenge, deviceNonce: challenge, beacon: Desk.us, device: device)
        return Proof(
            link: id, frame: .proof(nonce: challenge, tag: context.deviceTag(Desk.value, hmacSHA256)))
    }

    func prove(_ proof: Proof) {
        let before = queued.count
        record(observer.handle(.received(proof.link, proof.frame), at: now))
        precondition(queued.count == before + 1, "a right proof was not answered")
    }

    func commit() {
        do { try journal?.commit() } catch { preconditionFailure("\(error)") }
    }

    func acknowledge() {
        do { _ = try journal?.delivered(queued, at: 1) } catch { preconditionFailure("\(error)") }
        queued = []
        commit()
    }

    private func record(_ effects: [Effect]) {
        do {
            for effect in effects {
                switch effect {
                case .record(let change): try journal?.record(change, at: 1)
                case .send(let message, let server):
                    let frame = try message.signed(by: key)
                    queued.append(try journal?.queue(frame, message, to: server) ?? 0)
                    try journal?.add(frame, message, to: server)
                    precondition(message.body == .response(.observedJoinValid), "an answer that is not valid")
                default: break
                }
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }
}
