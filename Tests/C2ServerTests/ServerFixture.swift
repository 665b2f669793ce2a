import BootTime
import C2Server
import SRUP
import TestVectors

/// A server with tokens that count (`new-1`, `new-2`), at which the beacon may observe, and what it did, in the tests'
/// words.
struct ServerFixture {
    var c2: C2
    var now: Instant = 0

    /// - Parameter clock: the wall clock in microseconds since 1970; nil: there is none.
    init(clock: Int64? = nil, _ change: (inout C2.Policy) -> Void = { _ in }) {
        var policy = C2.Policy()
        policy.observers = [Roles.beacon.id]
        change(&policy)
        let count = Count()
        var dependencies = C2.Dependencies(
            token: { Roles.token("new-\(count.next())") },
            commandToken: { Roles.token("new-\(count.next())@\($0.topicForm)") },
            observationToken: { _ in Roles.token("new-\(count.next())") },
            value: { Secret((0..<16).map { UInt8($0) }) ?? .random() },
            seal: { _, reader in Octets("sealed to \(reader)".utf8) })
        dependencies.clock = { clock }
        c2 = C2(own: Roles.c2.id, policy: policy, dependencies: dependencies)
    }

    @discardableResult
    mutating func hears(_ frame: [UInt8]) -> [C2.Effect] {
        c2.receive(frame, checkedBy: Roles.keyring, at: now)
    }

    /// The beacon answers *valid* each time it is asked, after sending this.
    mutating func saysValid(after bodies: [Body] = []) -> [C2.Effect] {
        var (effects, sequence, token): ([C2.Effect], UInt64, String?) = ([], 4, "new-2")
        while let asked = token {
            var heard: [C2.Effect] = []
            for body in bodies + [.response(.observedJoinValid)] {
                heard += hears(Roles.beacon.says(body, sequence, asked))
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
        hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        hears(Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1"))
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
            let to = peer == Roles.device.id ? "device" : peer == Roles.beacon.id ? "beacon" : "\(peer)"
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

    /// Why the message was refused, if it was.
    var refusal: String? {
        for case .record(_, _, let refused) in self { return refused }
        return nil
    }
}
