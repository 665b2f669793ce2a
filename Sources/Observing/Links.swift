import BootTime
import ProofLink
import SRUP

// Links of nearby devices: docs/proof-link.md, "Order" and "Bounds at the beacon".
extension Observer {
    mutating func connect(
        _ id: LinkID, _ peer: Peer, linkNonce: [UInt8], challenge: [UInt8], at now: Instant
    ) -> [Effect] {
        guard !holdOffs.holds(peer.address, at: now), linksOfPeer[peer.address, default: 0] < policy.linksPerPeer else {
            return turnAway(id, peer)
        }
        var effects: [Effect] = []
        if links.count >= policy.linkLimit {
            // A link that no open observation names gives way: strangers cannot starve an expected device by filling
            // all places (docs/proof-link.md, "Bounds at the beacon").
            guard let victim = leastWanted(at: now) else { return turnAway(id, peer) }
            effects += end(victim, .busy)
        }
        let session = BeaconSession(
            beacon: identity, modes: policy.modes, hidesIdentity: policy.hidesIdentity, linkNonce: linkNonce,
            challenge: challenge)
        let link = Link(peer: peer, openedAt: now, session: session, deadline: now + policy.readyLimit)
        links[id] = link
        linksOfPeer[peer.address, default: 0] += 1
        agenda.add(.link(id), at: link.deadline)
        return effects + [.tell(id, session.hello)]
    }

    private func turnAway(_ id: LinkID, _ peer: Peer) -> [Effect] {
        [
            .tell(id, .outcome(.busy, tag: LinkFrame.noTag)), .close(id),
            .report(.ended(id, peer, device: nil, .busy)),
        ]
    }

    /// The longest silent first, then the longest held, then those that are so new that READY may still be on its way.
    private func leastWanted(at now: Instant) -> LinkID? {
        func rank(_ link: Link) -> Int {
            if link.session.isHeld { return 1 }
            return now - link.openedAt >= policy.readyGrace ? 0 : 2
        }
        let idle = links.filter { !$0.value.session.awaitsProof }
            .min { (rank($0.value), $0.key.number) < (rank($1.value), $1.key.number) }
        return idle?.key ?? oldestImpostor()
    }

    /// Where every link waits for a proof, several of them name one device: all but one are not that device.
    private func oldestImpostor() -> LinkID? {
        // A claim that has matched is not an impostor's.
        let crowds = Dictionary(grouping: links.filter { $0.value.claim == nil }.keys) { links[$0]?.session.device }
            .values
        let largest = crowds.max {
            ($0.count, $1.min(by: older)?.number ?? 0) < ($1.count, $0.min(by: older)?.number ?? 0)
        }
        return largest.flatMap { $0.count > 1 ? $0.min(by: older) : nil }
    }

    private func older(_ left: LinkID, _ right: LinkID) -> Bool { left.number < right.number }

    mutating func receive(_ frame: LinkFrame, over id: LinkID, at now: Instant) -> [Effect] {
        guard let link = links[id] else { return [] }  // its last frames may arrive after we have ended it
        var session = link.session
        do {
            let received = try session.receive(frame)
            links[id]?.session = session
            switch received {
            case .ready(let device): return ready(id, link.peer, device, at: now)
            case .presented(let presentation): return judge(presentation, over: id, at: now)
            case .claim(let claim):
                return claimed(id, claim, isFirst: link.session.state == .greeting, at: now)
            case .proved(let proof): return proved(proof, over: id, at: now)
            case .piece: return []
            case .signed(let proof): return signed(proof, over: id)
            }
        } catch {
            return holdOff(id, as: .malformed, at: now)
        }
    }

    private mutating func ready(_ id: LinkID, _ peer: Peer, _ device: Identifier, at now: Instant) -> [Effect] {
        let report = Effect.report(.ready(id, peer, device: device))
        guard exchanges[device] == nil else { return [report] + challenge(id, at: now) }
        return [report] + hold(id, at: now)
    }

    /// The link waits for the server's request.
    mutating func hold(_ id: LinkID, at now: Instant) -> [Effect] {
        setDeadline(of: id, to: now + policy.holdLimit)
        return [.tell(id, .wait(seconds: UInt16(clamping: policy.holdLimit.components.seconds)))]
    }

    private mutating func challenge(_ id: LinkID, at now: Instant) -> [Effect] {
        guard let device = links[id]?.session.device, let frame = links[id]?.session.sendChallenge() else { return [] }
        setDeadline(of: id, to: now + policy.proofLimit)
        return makeRoom(for: id, of: device) + [.tell(id, frame)]
    }

    /// Strangers who name an expected device push each other out, not the device that comes after them; nor one whose claim has
    /// fitted, which strangers cannot make.
    mutating func makeRoom(for id: LinkID, of device: Identifier) -> [Effect] {
        let isClaim = links[id]?.claim != nil
        let others = links.filter { other, link in
            other != id && link.session.awaitsProof && link.session.device == device && (link.claim != nil) == isClaim
        }
        guard others.count >= policy.linksPerDevice else { return [] }
        return others.keys.min { $0.number < $1.number }.map { end($0, .busy) } ?? []
    }

    mutating func challengeHeldLinks(of device: Identifier, at now: Instant) -> [Effect] {
        let held = links.filter { $0.value.session.isHeld && $0.value.session.device == device }.keys
        return held.sorted { $0.number < $1.number }.flatMap { challenge($0, at: now) }
    }

    /// The challenge may have waited for the journal and for the controller: the round trip and the time limit start when
    /// it left.
    mutating func noteChallengeLeft(_ id: LinkID, _ signal: Int8?, at now: Instant) {
        guard let link = links[id], link.session.awaitsProof, link.challengeLeft == nil else { return }
        links[id]?.challengeLeft = now
        if let signal { links[id]?.peer.signal = signal }
        setDeadline(of: id, to: now + policy.proofLimit)
    }

    // MARK: - The proof (docs/proof-link.md, "The tags")

    private mutating func judge(_ presentation: Presentation, over id: LinkID, at now: Instant) -> [Effect] {
        guard let link = links[id], let device = link.session.device else { return [] }
        let asked = exchanges[device] ?? []
        guard !asked.isEmpty else { return end(id, .fail) }
        let roundTrip = link.challengeLeft.map { now - $0 }
        // Every open observation is tried, even after a match, so that timing does not reveal which one matched.
        let matching = asked.filter { exchange in
            observations[exchange].map { presentation.matches($0.value, authenticate) } ?? false
        }
        let mode: Mode = if case .value = presentation { .value } else { .challenge }
        let unmet = unmetBounds(link.peer, roundTrip)
        let isUnmeasured = lacksSignal(link.peer)
        guard let first = matching.first, let value = observations[first]?.value else {
            return isUnmeasured ? end(id, .busy) : mismatch(asked, over: id, mode, roundTrip, at: now)
        }
        guard unmet.isEmpty else {
            let reports = matching.flatMap { noteTooFar($0, link.peer, mode, roundTrip, unmet) }
            // Not measured is not weak: the device may try again, and is told the same whatever it has presented.
            return reports + end(id, isUnmeasured ? .busy : .tooFar)
        }
        var effects: [Effect] = []
        let outcome = presentation.validOutcome(value, authenticate)
        forget(id)
        for exchange in matching {
            effects += answer(exchange, .valid, .matched, evidence(exchange, link.peer, presentation, roundTrip))
        }
        // The verdict is recorded and on its way before the device is told.
        effects += [.tell(id, outcome), .close(id), .report(.ended(id, link.peer, device: device, .valid))]
        return effects
    }

    /// A false proof. In challenge mode its number never decides; all links of the address that it came from end, so that one
    /// address counts once for each hold-off (docs/proof-link.md, "Bounds at the beacon").
    mutating func mismatch(
        _ asked: [RequestID], over id: LinkID, _ mode: Mode, _ roundTrip: Duration?, at now: Instant
    ) -> [Effect] {
        guard let link = links[id] else { return [] }
        var effects: [Effect] = []
        var decided: [RequestID] = []
        for exchange in asked {
            guard var observation = observations[exchange] else { continue }
            observation.mismatches += 1
            if mode == .value { observation.falseValues += 1 }
            observation.heldOff = observation.heldOff.suffix(3) + [link.peer.address]
            observation.lastEvidence = Evidence(
                peer: link.peer, mode: mode, roundTrip: roundTrip, attempts: observation.mismatches, grade: .reachable,
                isTimed: false)
            observations[exchange] = observation
            effects += [
                .record(.mismatches(exchange, observation.mismatches)),
                .report(
                    .mismatch(exchange, device: observation.device, link.peer, count: observation.mismatches)),
            ]
            if observation.falseValues >= policy.mismatchLimit { decided.append(exchange) }
        }
        let ending = holdOff(id, as: .invalid, at: now) + endLinks(of: link.peer.address)
        for exchange in decided {
            effects += answer(exchange, .invalid, .mismatches, observations[exchange]?.lastEvidence)
        }
        return effects + ending
    }

    private func evidence(
        _ exchange: RequestID, _ peer: Peer, _ presentation: Presentation, _ roundTrip: Duration?
    ) -> Evidence {
        let (mode, grade): (Mode, Evidence.Grade) =
            if case .value = presentation { (.value, .reachable) } else { (.challenge, .challenged) }
        return Evidence(
            peer: peer, mode: mode, roundTrip: roundTrip, attempts: (observations[exchange]?.mismatches ?? 0) + 1,
            grade: grade, isTimed: policy.maximumRoundTrip != nil)
    }

    // MARK: - Ends of links

    /// A link that has ended without us.
    mutating func lost(_ id: LinkID, _ loss: LinkLoss) -> [Effect] {
        guard let link = links[id] else { return [] }  // its end may be reported after we have ended it
        forget(id)
        return [.report(.lost(id, link.peer, device: link.session.device, loss))]
    }

    mutating func endChallengedLinks(of device: Identifier) -> [Effect] {
        let challenged = links.filter { $0.value.session.awaitsProof && $0.value.session.device == device }.keys
        return challenged.sorted { $0.number < $1.number }.flatMap { end($0, .fail) }
    }

    private mutating func endLinks(of address: String) -> [Effect] {
        let theirs = links.filter { $0.value.peer.address == address }.keys
        return theirs.sorted { $0.number < $1.number }.flatMap { end($0, .busy) }
    }

    /// Ends a link whose peer presented something false, and holds the peer off.
    mutating func holdOff(_ id: LinkID, as outcome: Outcome, at now: Instant) -> [Effect] {
        guard let link = links[id] else { return [] }
        holdOffs.add(link.peer.address, at: now, policy)
        return end(id, outcome)
    }

    mutating func end(_ id: LinkID, _ outcome: Outcome) -> [Effect] {
        guard let link = links[id] else { return [] }
        forget(id)
        return [
            .tell(id, link.session.outcome(outcome, link.claim?.beaconKey, authenticate)), .close(id),
            .report(.ended(id, link.peer, device: link.session.device, outcome)),
        ]
    }

    mutating func forget(_ id: LinkID) {
        guard let link = links.removeValue(forKey: id) else { return }
        let left = linksOfPeer[link.peer.address, default: 1] - 1
        linksOfPeer[link.peer.address] = left > 0 ? left : nil
    }

    mutating func setDeadline(of id: LinkID, to deadline: Instant) {
        links[id]?.deadline = deadline
        agenda.add(.link(id), at: deadline)
    }
}
