import BootTime
import ProofLink
import SRUP

// Keyed mode at the beacon: docs/proof-link.md, "Keyed mode".
extension Observer {
    /// Whose observation a link's claim has matched, and with what its OUTCOME is made.
    struct FittedClaim: Sendable {
        let exchange: RequestID
        let beaconKey: Secret
        /// From CHALLENGE to PROOF; nil until PROOF has been received, or if the challenge's departure was not seen.
        var roundTrip: Duration?
    }

    /// A claim that matches nothing is not counted against anyone: it waits, within the bounds for strangers.
    mutating func claimed(_ id: LinkID, _ claim: [UInt8], isFirst: Bool, at now: Instant) -> [Effect] {
        if claim != KeyedContext.noClaim, let exchange = exchange(fitting: claim, over: id, at: now) {
            return challengeKeyed(id, exchange, at: now)
        }
        guard isFirst else { return [] }
        return hold(id, at: now)
    }

    /// Every open observation is tried, even after a match, so that timing does not reveal which one matched. An expired one
    /// never matches.
    private func exchange(fitting claim: [UInt8], over id: LinkID, at now: Instant) -> RequestID? {
        guard let link = links[id] else { return nil }
        var fitting: RequestID?
        for (exchange, observation) in observations where fits(claim, link, exchange, observation) {
            fitting = exchange
        }
        return fitting.flatMap { (observations[$0]?.deadline).map { now < $0 } == true ? $0 : nil }
    }

    private func fits(_ claim: [UInt8], _ link: Link, _ exchange: RequestID, _ observation: Observation) -> Bool {
        let context = link.session.context(
            device: observation.device, server: exchange.server, over: link.peer.transport)
        return equalInConstantTime(claim, context.claim(observation.keys.claim, authenticate))
    }

    /// The links that have waited with a claim for this observation.
    mutating func challengeClaims(of exchange: RequestID, at now: Instant) -> [Effect] {
        guard let observation = observations[exchange] else { return [] }
        let waiting = links.filter { _, link in
            guard case .claimed(let claim) = link.session.state, claim != KeyedContext.noClaim else { return false }
            return fits(claim, link, exchange, observation)
        }.keys
        return waiting.sorted { $0.number < $1.number }.flatMap { challengeKeyed($0, exchange, at: now) }
    }

    private mutating func challengeKeyed(_ id: LinkID, _ exchange: RequestID, at now: Instant) -> [Effect] {
        guard let link = links[id], let observation = observations[exchange] else { return [] }
        let context = link.session.context(
            device: observation.device, server: exchange.server, over: link.peer.transport)
        guard let frame = links[id]?.session.sendChallenge(to: context) else { return [] }
        links[id]?.claim = FittedClaim(exchange: exchange, beaconKey: observation.keys.beacon)
        setDeadline(of: id, to: now + policy.proofLimit)
        return [.report(.ready(id, link.peer, device: observation.device))]
            + makeRoom(for: id, of: observation.device) + [.tell(id, frame)]
    }

    /// PROOF: the round trip ends here. What is right is not yet a verdict: the server wants it signed.
    mutating func proved(_ proof: KeyedProof, over id: LinkID, at now: Instant) -> [Effect] {
        guard let link = links[id], let claim = link.claim, let observation = observations[claim.exchange] else {
            return end(id, .fail)
        }
        let roundTrip = link.challengeLeft.map { now - $0 }
        let isUnmeasured = lacksSignal(link.peer)
        guard proof.matches(observation.keys, authenticate) else {
            return isUnmeasured
                ? end(id, .busy) : mismatch([claim.exchange], over: id, .keyed, roundTrip, at: now)
        }
        let unmet = unmetBounds(link.peer, roundTrip)
        guard unmet.isEmpty else {
            return noteTooFar(claim.exchange, link.peer, .keyed, roundTrip, unmet)
                + end(id, isUnmeasured ? .busy : .tooFar)
        }
        observations[claim.exchange]?.wasUnsigned = true  // until the signature comes
        links[id]?.claim?.roundTrip = roundTrip
        setDeadline(of: id, to: now + policy.signLimit)
        return []
    }

    /// The last piece of the signature, which only the server can check.
    mutating func signed(_ proof: KeyedProof, over id: LinkID) -> [Effect] {
        guard let link = links[id], let claim = link.claim, let observation = observations[claim.exchange] else {
            return end(id, .fail)
        }
        let outcome = link.session.outcome(.valid, claim.beaconKey, authenticate)
        let evidence = Evidence(
            peer: link.peer, mode: .keyed, roundTrip: claim.roundTrip, attempts: observation.mismatches + 1,
            grade: .keyed, isTimed: policy.maximumRoundTrip != nil)
        forget(id)
        return answer(claim.exchange, .valid, .matched, evidence, proof)
            + [.tell(id, outcome), .close(id), .report(.ended(id, link.peer, device: observation.device, .valid))]
    }

    /// The links whose claim has matched an observation that has ended.
    mutating func endClaims(of exchange: RequestID) -> [Effect] {
        let theirs = links.filter { $0.value.claim?.exchange == exchange }.keys
        return theirs.sorted { $0.number < $1.number }.flatMap { end($0, .fail) }
    }
}
