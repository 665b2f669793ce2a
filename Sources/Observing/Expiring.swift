import BootTime
import ProofLink
import SRUP

// What is due. Expired observations are answered a few at a time, because each verdict is signed and a device that connects
// meanwhile must get its HELLO. `nextDeadline` stays in the past until none is left: the shell ticks again as long as its turn
// lasts, and then in the next one.
extension Observer {
    /// The number of verdicts that one event gives because their deadline has passed. Larger: the shell, which checks the
    /// clock after each event, checks it less often.
    static let expiriesAtOnce = 4

    /// What must be settled before an event is handled, so that a proof that arrives together with the deadline is too late: all
    /// that the event could decide or ask for. The rest is left to the ticks.
    mutating func expire(before event: Event, at now: Instant) -> [Effect] {
        switch event {
        case .received(let id, let frame):
            let device = links[id]?.session.device  // asked first: the link itself may end now
            var effects = expire(link: id, at: now)
            if case .ready(_, let device) = frame { effects += expireAll(of: device, at: now) }
            if let device { effects += expireAll(of: device, at: now) }
            return effects
        case .message(let message, _):
            let content = message.content
            var effects = expire(RequestID(server: content.sender, token: content.token), at: now)
            if case .observationRequest(let device, _) = content.body { effects += expireAll(of: device, at: now) }
            return effects + expire(at: now)
        case .malformed(let id), .challengeLeft(let id, _, _): return expire(link: id, at: now)
        case .connected, .disconnected, .recordSigned: return []
        case .tick, .join, .joinAgain, .resign, .deregister, .again, .acted, .fetched, .activated:
            return expire(at: now)
        }
    }

    /// The next few of all that is due.
    private mutating func expire(at now: Instant) -> [Effect] {
        var (effects, expired): ([Effect], Int) = ([], 0)
        while expired < Observer.expiriesAtOnce, let due = agenda.takeDue(at: now) {
            switch due {
            case .observation(let exchange):
                let ended = expire(exchange, at: now)
                if !ended.isEmpty { expired += 1 }
                effects += ended
            case .link(let id): effects += expire(link: id, at: now)
            case .join(let server):
                guard let standing = servers[server], standing.membership.asksAgain,
                    let joinDue = standing.joinDue, joinDue <= now
                else { continue }
                servers[server]?.joinDue = nil
                effects.append(.wantToken(server))
            }
        }
        return effects
    }

    private mutating func expireAll(of device: Identifier, at now: Instant) -> [Effect] {
        (exchanges[device] ?? []).flatMap { expire($0, at: now) }
    }

    private mutating func expire(_ exchange: RequestID, at now: Instant) -> [Effect] {
        guard let observation = observations[exchange], observation.deadline <= now else { return [] }
        let (verdict, reason, evidence) = observation.verdictAtDeadline
        return answer(exchange, verdict, reason, evidence)
    }

    private mutating func expire(link id: LinkID, at now: Instant) -> [Effect] {
        guard let link = links[id], link.deadline <= now else { return [] }
        return end(id, link.session.awaitsProof ? .fail : .unknown)
    }
}
