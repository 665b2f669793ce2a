import C2Server
import Keys
import SRUP
import TestVectors

/// The nodes of the tests, with the reference's keys.
enum Cast {
    static let c2 = Node(0x9a8b_7c6d_5e4f_3021, "c2_2048")
    static let device = Node(0x5f1e_2d3c_4b5a_6978, "dev_2048")
    static let beacon = Node(0x2f0e_1d2c_3b4a_5968, "obs_2048")
    static let stranger = Node(0x0bad_0bad_0bad_0bad, "wrong_2048")

    /// Whom the server knows: not the stranger.
    static let keyring: PublicKeys = {
        PublicKeys([device.id: device.key.publicKey, beacon.id: beacon.key.publicKey, c2.id: c2.key.publicKey])
    }()

    static let value = Secret((0..<16).map { UInt8($0) })

    static func token(_ text: String) -> Token {
        guard let token = Token(text.utf8) else { preconditionFailure("an empty token") }
        return token
    }
}

/// A node that signs what it is told to.
struct Node: Sendable {
    let id: Identifier
    let key: IdentityKey

    init(_ id: UInt64, _ key: String) {
        guard let key = try? TestKeys.privateKey(key) else { preconditionFailure("no test key \(key)") }
        (self.id, self.key) = (Identifier(id), key)
    }

    /// The frame of a message of this node.
    func says(_ body: Body, _ sequence: UInt64, _ token: String) -> [UInt8] {
        let message = Message(sequence: SequenceID(sequence), sender: id, token: Cast.token(token), body: body)
        guard let frame = try? message.signed(by: key) else { preconditionFailure("no signature") }
        return frame
    }
}

/// A server with tokens that count (`new-1`, `new-2`), at which the beacon may observe, and what it did, in the tests'
/// words.
struct Bystander {
    var c2: C2
    var now: Int64 = 0

    init(_ change: (inout C2.Policy) -> Void = { _ in }) {
        var policy = C2.Policy()
        policy.observers = [Cast.beacon.id]
        change(&policy)
        let count = Count()
        let means = C2.Means(
            token: { Cast.token("new-\(count.next())") },
            commandToken: { Cast.token("new-\(count.next())@\($0.topicForm)") },
            observationToken: { _ in Cast.token("new-\(count.next())") },
            value: { Secret((0..<16).map { UInt8($0) }) ?? .random() },
            seal: { _, reader in Octets("sealed to \(reader)".utf8) })
        c2 = C2(own: Cast.c2.id, policy: policy, means: means)
    }

    @discardableResult
    mutating func hears(_ frame: [UInt8]) -> [C2.Effect] {
        c2.receive(frame, checkedBy: Cast.keyring, at: now)
    }

    /// The beacon says valid each time that it is asked, and this before it.
    mutating func saysValid(after bodies: [Body] = []) -> [C2.Effect] {
        var (effects, sequence, token): ([C2.Effect], UInt64, String?) = ([], 4, "new-2")
        while let asked = token {
            var heard: [C2.Effect] = []
            for body in bodies + [.response(.observedJoinValid)] {
                heard += hears(Cast.beacon.says(body, sequence, asked))
                sequence += 10
            }
            effects += heard
            token = heard.askedUnder
        }
        return effects
    }

    /// The beacon has joined (its sequence 1, ours 2), and the device has asked (its 1, ours 2): T2 is `new-1`, T3 is
    /// `new-2`, and our next number is 3 to the device and 4 to the beacon.
    mutating func withOpenJoin() {
        hears(Cast.beacon.says(.joinRequest, 1, "T0"))
        hears(Cast.device.says(.observedJoinRequest(observer: Cast.beacon.id), 1, "T1"))
    }
}

/// Counts from 1. `@unchecked Sendable`: a test uses it on one thread.
private final class Count: @unchecked Sendable {
    private var number = 0

    func next() -> Int {
        number += 1
        return number
    }
}

extension [C2.Effect] {
    /// What was sent: `RESPONSE join success #3 T2 → device`.
    var sent: [String] {
        compactMap { effect in
            guard case .send(let message, let peer) = effect else { return nil }
            let status = if case .response(let status) = message.body { " \(status)" } else { "" }
            let to = peer == Cast.device.id ? "device" : peer == Cast.beacon.id ? "beacon" : "\(peer)"
            return "\(message.body.type.name)\(status) #\(message.sequence) \(message.token) to \(to)"
        }
    }

    /// The token of the OBSERVE_REQ that was sent, if one was.
    var askedUnder: String? {
        for case .send(let message, _) in self {
            if case .observationRequest = message.body { return message.token.description }
        }
        return nil
    }

    var decisions: [C2.Decision] {
        compactMap { if case .decided(let decision, _, _, _) = $0 { decision } else { nil } }
    }

    /// Why what came was refused, if it was.
    var refusal: String? {
        for case .record(_, _, let refused) in self { return refused }
        return nil
    }
}
