import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// What a device of the random walk sends in keyed mode over one link.
struct KeyedWalk {
    var device: Identifier
    var server: Identifier
    var value: UInt8
}

/// The random walk's devices in keyed mode: what they claim, prove and sign, and the expected results, worked out from
/// the journal alone.
extension RandomWalk {
    /// CLAIM, of a value that may be asked for, of another, or of none; also out of turn.
    mutating func claim(over link: LinkID) {
        modes[link] = .keyed
        let open = harness.journal.open.filter { $0.value.device != beacon }.keys
            .sorted { $0.description < $1.description }
        if random.once(in: 4) {
            harness.handle(.received(link, .claim(KeyedContext.noClaim)))
            return
        }
        var said = KeyedWalk(
            device: random.pick(Self.devices), server: random.pick(Self.servers),
            value: UInt8.random(in: 1...4, using: &random))
        if let exchange = open.randomElement(using: &random), !random.once(in: 4),
            let row = harness.journal.open[exchange], let value = values[exchange]
        {
            said = KeyedWalk(device: row.device, server: exchange.server, value: value)
        }
        if harness.journal.links[link]?.hasClaimed == false { claims[link] = said }
        harness.claim(secret(said.value), over: link, as: said.device, for: said.server)
        if random.once(in: 2) { harness.handle(.challengeLeft(link)) }
        if random.once(in: 2) { present(over: link) }
    }

    /// The exchange that this link's claim matches; none if its time is up.
    private func fitting(_ said: KeyedWalk) -> RequestID? {
        harness.journal.open.first { exchange, row in
            exchange.server == said.server && row.device == said.device && values[exchange] == said.value
                && row.deadline > harness.now
        }?.key
    }

    /// PROOF or SIGN, whichever is next.
    mutating func presentKeyed(over link: LinkID, _ peer: Peer, _ before: Observer.Link) {
        guard let said = claims[link], let state = harness.journal.links[link] else { return }
        standNearADeadline()
        let exchange = fitting(said)
        let isInTime = before.deadline > harness.now && exchange != nil
        if state.hasProved { return sign(over: link, exchange, isInTime: isInTime) }
        let isRight = !random.once(in: 3)
        let now = harness.now
        let policy = harness.observer.policy
        let isNear =
            policy.maximumRoundTrip.map { bound in before.challengeLeft.map { now - $0 <= bound } ?? false } ?? true
            && policy.minimumSignal.map { bound in peer.signal.map { $0 >= bound } ?? false } ?? true
        let isUnmeasured = policy.minimumSignal != nil && peer.signal == nil
        let effects = harness.proveKeyed(
            secret(isRight ? said.value : 0), over: link, as: said.device, for: said.server)
        let wanted: Outcome? =
            !isInTime ? .fail : isUnmeasured ? .busy : !isRight ? .invalid : !isNear ? .tooFar : nil
        must(effects.outcomes[link] == wanted, "\(String(describing: effects.outcomes[link])), wanted \(wanted as Any)")
        must(!effects.verdicts.contains(.valid), "valid without a signature")
        guard wanted == nil else { return }
        guard random.once(in: 4) else {
            if random.once(in: 2) { present(over: link) }
            return
        }
        // It leaves without signing, and perhaps no other device follows.
        harness.disconnect(link)
        if random.once(in: 2) { follow(harness.advance(policy.observationWindow)) }
    }

    private mutating func sign(over link: LinkID, _ exchange: RequestID?, isInTime: Bool) {
        let isLast = !random.once(in: 3)
        let effects = harness.handle(.received(link, .sign(last: isLast, [1, 2, 3])))
        let valid = effects.recorded.compactMap { change -> RequestID? in
            if case .answered(let exchange, _, .valid, _, _) = change { exchange } else { nil }
        }
        must(valid == (isInTime && isLast ? exchange.map { [$0] } ?? [] : []), "valid for \(valid)")
        must(effects.outcomes[link] == (!isInTime ? .fail : isLast ? .valid : nil), "another outcome of SIGN")
        keyedValids += valid.count
    }

    /// A frame may arrive at any time near a deadline, or exactly at it.
    mutating func standNearADeadline() {
        guard random.once(in: 3), let next = harness.observer.nextDeadline, next > harness.now else { return }
        harness.now = next + .nanoseconds(Int.random(in: -1...1, using: &random))
    }
}
