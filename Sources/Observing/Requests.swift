import ProofLink
import SRUP

// The servers' side: rules §1 from check 5 on, §2 and §3.
extension Observer {
    /// The step between our sequence ids: large enough for ours to survive messages that cross (rules: §2).
    static let sequenceStep: UInt64 = 16

    /// Above this an accepted sequence id would leave no room for ours, and one message would end the pair for ever.
    static let highestSequence = SequenceID(.max - 1 << 32)

    /// Checks 5 to 7 of rules §1, then does what the message asks. Nothing changes where it is refused.
    mutating func take(_ message: Verified<Message>, answered: Verdict?, at now: Instant) -> [Effect] {
        let content = message.content
        if let refusal = refusal(of: content) {
            return [.report(.refused(refusal, sender: content.sender, type: content.body.type))]
        }
        servers[content.sender]?.lastAccepted = content.sequence
        let exchange = Exchange(server: content.sender, token: content.token)
        var effects: [Effect] = [.record(.accepted(content.sender, content.sequence))]
        switch content.body {
        case .observationRequest(let device, let sealed):
            effects += observe(exchange, device, sealed, answered, frame: message.frame, at: now)
        case .response(let status): effects += joinAnswered(by: content.sender, status, at: now)
        case .terminateCommand: effects += leave(content.sender)
        case .action: effects.append(respond(exchange, .actionUnknown))
        case .data: effects.append(respond(exchange, .dataTypeUnknown))
        default: preconditionFailure("\(content.body.type.name) passed the checks and is not served")
        }
        return effects
    }

    private func refusal(of message: Message) -> Refusal? {
        guard let standing = servers[message.sender] else { return .notOurServer }
        if let last = standing.lastAccepted, message.sequence <= last { return .replayed(message.sequence, last: last) }
        guard message.sequence <= Observer.highestSequence else { return .sequenceTooHigh(message.sequence) }
        switch (standing.membership, message.body) {
        case (.joining(let token), .response) where token == message.token: return nil
        case (.member, .observationRequest), (.member, .terminateCommand), (.member, .action), (.member, .data):
            return standing.lastAccepted == nil ? .notNow(standing.membership) : nil
        case (.member, _): return .notServed
        case (.stranger, _), (.joining, _), (.refused, _), (.terminated, _): return .notNow(standing.membership)
        }
    }

    // MARK: - Joining (rules: §8; the paper's §5.2)

    mutating func join(_ server: Identifier, _ token: Token, at now: Instant) -> [Effect] {
        var standing = servers[server] ?? Standing()
        // A member whose sequence is not known hears nothing: a new join establishes it.
        guard standing.membership != .member || standing.lastAccepted == nil else { return [] }
        standing.membership = .joining(token)
        let delay = min(policy.firstJoinRetry * (1 << min(standing.joinAttempts, 20)), policy.longestJoinRetry)
        standing.joinAttempts += 1
        let joinDue = now + delay
        standing.joinDue = joinDue
        servers[server] = standing
        agenda.add(.join(server), at: joinDue)
        return [
            .record(.membership(server, .joining(token))),
            send(.joinRequest, token, to: server),
            .report(.membership(server, .joining(token))),
        ]
    }

    private mutating func joinAnswered(by server: Identifier, _ status: Status, at now: Instant) -> [Effect] {
        let membership: Membership = status == .joinSuccess ? .member : .refused
        servers[server]?.membership = membership
        if membership == .member {
            servers[server]?.joinAttempts = 0
        } else {  // asked again, seldom
            servers[server]?.joinDue = now + policy.longestJoinRetry
            agenda.add(.join(server), at: now + policy.longestJoinRetry)
        }
        return [.record(.membership(server, membership)), .report(.membership(server, membership))]
    }

    private mutating func leave(_ server: Identifier) -> [Effect] {
        servers[server]?.membership = .terminated
        let theirs = observations.filter { $0.key.server == server }.sorted { $0.value.deadline < $1.value.deadline }
        return [.record(.membership(server, .terminated)), .report(.membership(server, .terminated))]
            + theirs.flatMap { answer($0.key, .failed, .withdrawn, nil) }
    }

    // MARK: - Observations (rules: §3; the paper's §5.2.2)

    private mutating func observe(
        _ exchange: Exchange, _ device: Identifier, _ sealed: Octets, _ answered: Verdict?, frame: [UInt8],
        at now: Instant
    ) -> [Effect] {
        if let answered {
            return [respond(exchange, answered.status), .report(.repeated(exchange, answered))]
        }
        if observations[exchange] != nil { return [.report(.repeated(exchange, nil))] }
        var effects: [Effect] = []
        if let older = (exchanges[device] ?? []).first(where: { $0.server == exchange.server }) {
            effects += answer(older, .failed, .superseded, observations[older]?.lastEvidence)
        }
        guard device != identity else { return effects + conclude(exchange, device, .failed, .namesUs, nil) }
        guard observations.count < policy.observationLimit else {
            return effects + conclude(exchange, device, .failed, .tooMany, nil)
        }
        switch unseal(sealed.bytes) {
        case .failure(let unopened): return effects + conclude(exchange, device, .failed, unopened.reason, nil)
        case .success(let value):
            let deadline = now + policy.observationWindow
            effects += [
                .record(.opened(exchange, device: device, frame: frame, deadline: deadline)),
                .report(.opened(exchange, device: device)),
            ]
            open(exchange, Observation(device: device, value: value, deadline: deadline))
            return effects + challengeHeldLinks(of: device, at: now)
        }
    }

    /// Opens an observation, new or restored.
    mutating func open(_ exchange: Exchange, _ observation: Observation) {
        observations[exchange] = observation
        exchanges[observation.device, default: []].append(exchange)
        agenda.add(.observation(exchange), at: observation.deadline)
    }

    /// Ends an open observation with its verdict. Links that wait for nothing any more are ended after it.
    mutating func answer(
        _ exchange: Exchange, _ verdict: Verdict, _ reason: Reason, _ evidence: Evidence?
    ) -> [Effect] {
        guard let observation = observations.removeValue(forKey: exchange) else {
            preconditionFailure("a verdict for \(exchange), which is not open")
        }
        let left = (exchanges[observation.device] ?? []).filter { $0 != exchange }
        exchanges[observation.device] = left.isEmpty ? nil : left
        return conclude(exchange, observation.device, verdict, reason, evidence)
            + (left.isEmpty ? endChallengedLinks(of: observation.device) : [])
    }

    /// The order that rules §4 gives: the verdict and the signed response are recorded before anything leaves.
    mutating func conclude(
        _ exchange: Exchange, _ device: Identifier, _ verdict: Verdict, _ reason: Reason, _ evidence: Evidence?
    ) -> [Effect] {
        var effects: [Effect] = [.record(.answered(exchange, device: device, verdict, reason, evidence))]
        if policy.reportsEvidence, let evidence {
            let body = Body.data(id: Octets("OBSERVATION_EVIDENCE".utf8), data: Octets(evidence.json.utf8))
            effects.append(send(body, exchange.token, to: exchange.server))
        }
        effects.append(respond(exchange, verdict.status))
        effects.append(.report(.answered(exchange, device: device, verdict, reason)))
        return effects
    }

    // MARK: - Sending (rules: §2)

    private mutating func respond(_ exchange: Exchange, _ status: Status) -> Effect {
        send(.response(status), exchange.token, to: exchange.server)
    }

    /// A message under the next sequence id: max(last sent, last accepted) + 16. Never used again.
    private mutating func send(_ body: Body, _ token: Token, to server: Identifier) -> Effect {
        var standing = servers[server] ?? Standing()
        let last = max(standing.lastSent, standing.lastAccepted ?? SequenceID(0))
        let (next, overflow) = last.number.addingReportingOverflow(Observer.sequenceStep)
        precondition(!overflow, "the sequence ids towards \(server) are used up")
        standing.lastSent = SequenceID(next)
        servers[server] = standing
        return .send(Message(sequence: standing.lastSent, sender: identity, token: token, body: body), to: server)
    }
}
