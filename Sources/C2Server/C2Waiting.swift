import BootTime
import SRUP

// When as many joins are open as this server takes, a request waits for one to end. SRUP has no status for "later", and a refusal would be
// final: the device waits for the answer anyway, and repeats its request (docs/protocol.md, D34 and D35).
extension C2.Policy {
    /// Open joins, unless it is set.
    public static let defaultLimit = 1_024
    /// Waiting requests, unless it is set.
    public static let defaultWaitingLimit = 4_096
}

extension C2 {
    /// A request to join that waits.
    struct Waiting: Equatable, Sendable {
        let device: Identifier
        /// nil: a person decides.
        let observer: Identifier?
        /// T1: of its newest request.
        var token: Token
        /// When it no longer waits.
        let deadline: Instant
    }

    /// Joins that begin in one call: each takes several operations with keys, and others wait for the server too.
    static let mostAdmittedAtOnce = 16

    /// Whether there is room for one more join, beside the device's own, which it would replace.
    func hasRoom(for device: Identifier, isObserved: Bool) -> Bool {
        isObserved
            ? openDevices.subtracting([device]).count < policy.limit
            : moderated[device] != nil || moderated.count < policy.limit
    }

    /// The devices with an open observed join.
    private var openDevices: Set<Identifier> { Set(open.values.map(\.device)) }

    /// Lets a request wait. A repeated one keeps its place.
    mutating func wait(_ device: Identifier, _ observer: Identifier?, _ token: Token, _ now: Instant) -> [Effect] {
        if let index = waiting.firstIndex(where: { $0.device == device && $0.observer == observer }) {
            waiting[index].token = token
            return []
        }
        waiting.removeAll { $0.device == device }
        guard waiting.count < policy.waitingLimit else {
            refusals[.busy, default: 0] += 1
            guard let leftOut = rates.line(.refusals(.busy), of: nil, at: now) else { return [] }
            let more = leftOut == 0 ? "" : " (and \(leftOut) earlier ones)"
            return [.say("the request of \(device) is not answered: \(waiting.count) joins wait already\(more)")]
        }
        waiting.append(
            Waiting(device: device, observer: observer, token: token, deadline: now + policy.window))
        return [.say("\(device) asks to join, and waits: \(policy.limit) joins are open")]
    }

    /// When waiting requests must be looked at: at once if there is room, otherwise when the first has waited too long.
    var nextAdmission: Instant? {
        guard let first = waiting.first else { return nil }
        let (observed, human) = roomForWaiting
        let canBegin = waiting.contains { ($0.observer == nil ? human : observed) > 0 }
        return canBegin ? now : first.deadline
    }

    /// How many more joins may be open. No device that waits has an open one: it would be replaced.
    private var roomForWaiting: (observed: Int, human: Int) {
        (policy.limit - openDevices.count, policy.limit - moderated.count)
    }

    /// Begins the joins for which there is room, in the order of their requests, and drops those that have waited too long.
    mutating func admit(at now: Instant) -> [Effect] {
        guard !waiting.isEmpty else { return [] }
        var (effects, begun, (observed, human)) = ([Effect](), 0, roomForWaiting)
        var left: [Waiting] = []
        let all = waiting
        waiting = []
        for one in all {
            if one.deadline <= now {
                effects += giveUp(one, at: now)
            } else if begun < C2.mostAdmittedAtOnce, (one.observer == nil ? human : observed) > 0 {
                begun += 1
                if let observer = one.observer {
                    observed -= 1
                    effects += open(one.device, observer, one.token, now)
                } else {
                    human -= 1
                    effects += moderate(one.device, one.token, now)
                }
            } else {
                left.append(one)
            }
        }
        waiting = left
        return effects
    }

    /// No answer: SRUP has none that is not final, and the device's next repetition is its next attempt.
    private mutating func giveUp(_ one: Waiting, at now: Instant) -> [Effect] {
        refusals[.busy, default: 0] += 1
        guard let leftOut = rates.line(.refusals(.busy), of: nil, at: now) else { return [] }
        let more = leftOut == 0 ? "" : " (and \(leftOut) earlier ones)"
        return [
            .say("the request of \(one.device) is not answered: \(policy.limit) joins were open all the time\(more)")
        ]
    }
}
