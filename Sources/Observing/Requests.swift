import BootTime
import ProofLink
import SRUP

// Messages from servers: docs/protocol.md, "Sequence ids" and "The observed join". Checks 1 to 4 come before the observer.
extension Observer {
    /// The step between our sequence ids: more than the requests that a server can have under way to one beacon, which cross our answer
    /// (docs/protocol.md, "Sequence ids"). Larger: ids that began at the clock could get ahead of it at the highest rate of requests.
    package static let sequenceStep: UInt64 = 2_048

    /// Above this an accepted sequence id would leave no numbers for ours, and one message would block the pair permanently.
    static let highestSequence = SequenceID(.max - 1 << 32)

    /// Longer tokens are refused: each observation in the history keeps its token. The reference's have 36 bytes, ours 70.
    public static let maximumToken = 255

    /// Checks 5 to 8 of a message, then does what it asks. A refused message changes nothing.
    mutating func take(_ message: Verified<Message>, _ context: MessageContext, at now: Instant) -> [Effect] {
        let content = message.content
        func refused(_ refusal: Refusal) -> [Effect] {
            [.report(.refused(refusal, sender: content.sender, type: content.body.type))]
        }
        if let refusal = refusal(of: content, context) { return refused(refusal) }
        guard hasRoom(for: content, at: now) else { return refused(.tooFast) }
        let received = Received(content.body)
        let opened = received.sealed.map { open($0) }
        if case .failure(.seal) = opened { return refused(.notSealedToUs) }
        spend(on: content, at: now)
        noteToken(of: content)
        let exchange = RequestID(server: content.sender, token: content.token)
        var effects: [Effect] = []
        // A command to join may be a copy of an old one while we do not know the server's last sequence id: it makes us ask,
        // and only the answer to that establishes the id.
        if content.body.type != .joinCommand || servers[content.sender]?.lastAccepted != nil {
            servers[content.sender]?.lastAccepted = content.sequence
            effects.append(.record(.accepted(content.sender, content.sequence)))
        }
        switch received {
        case .observation(let device, _):
            effects += observe(exchange, device, opened, context, frame: message.frame, at: now)
        case .answer(let status): effects += settleRequest(of: content.sender, status, at: now)
        case .value: effects += present(exchange, opened, at: now)
        case .joinCommand: effects += obeyJoin(content.sender)
        case .terminate: effects += leave(content.sender, as: .terminated)
        case .deregister: effects += expelled(by: content.sender, exchange)
        case .command(let command): effects += obey(command, exchange)
        case .toServers, .betweenServers:
            preconditionFailure("\(content.body.type.name) passed the checks and is not served")
        }
        return effects
    }

    private mutating func obey(_ command: Received.Command, _ exchange: RequestID) -> [Effect] {
        switch command {
        case .action(let code): return act(code, exchange)
        case .data(let id, let data): return take(id, data, exchange)
        case .initiate(let url, let digest): return initiate(exchange, url: url, digest: digest)
        case .activate: return activate(exchange)
        case .identityRequest:
            // A server whose commands do not name their recipient works like the reference, which knows the other id.
            let isOurs = terms[exchange.server, default: ServerPermissions()].isAddressedToUs
            let id = isOurs ? DataID.identification : .identificationResponse
            let data = Body.data(id: id.octets, data: Octets(identify(identityQuestion(of: exchange.server)).utf8))
            return [send(data, exchange.token, to: exchange.server)]
        }
    }

    /// Check 6: what this sender may send us now. The switch is the table of tests.
    private func refusal(of message: Message, _ context: MessageContext) -> Refusal? {
        guard let standing = servers[message.sender] else { return .notOurServer }
        if let last = standing.lastAccepted, message.sequence <= last { return .replayed(message.sequence, last: last) }
        guard message.sequence <= Observer.highestSequence else { return .sequenceTooHigh(message.sequence) }
        guard !isExpelled else { return .notNow(.deregistered) }
        if let refusal = refusalOfToken(of: message, context) { return refusal }
        let terms = terms[message.sender] ?? ServerPermissions()
        switch (standing.membership, message.body) {
        case (.joining(let token, _), .response(let status)) where token == message.token:
            // Where a person or an observer must see the value first, the server can only decline at once.
            let mustShowFirst = standing.joinMode != .simple && !standing.isEstablishing
            return mustShowFirst && status == .joinSuccess ? .notNow(standing.membership) : nil
        case (.presenting(let token, _), .response) where token == message.token,
            (.resigning(let token), .response) where token == message.token,
            (.deregistering(let token), .response) where token == message.token:
            return nil
        // A server that was asked twice may send a value twice: the later one is the one that it compares.
        case (.joining(_, .human), .humanJoinResponse), (.joining(_, .observed), .observedJoinResponse),
            (.presenting(_, .human), .humanJoinResponse), (.presenting(_, .observed), .observedJoinResponse):
            return mayPresent(standing) ? nil : .notNow(standing.membership)
        case (.deregistered, _), (.resigned, _), (.resigning, .joinCommand), (.deregistering, .joinCommand):
            return .notNow(standing.membership)
        case (_, .joinCommand(let device)):
            return device != identity ? .notForUs : terms.commandsJoin ? nil : .notAllowed
        case (.member, .observationRequest), (.resigning, .observationRequest), (.deregistering, .observationRequest):
            return standing.lastAccepted == nil ? .notNow(standing.membership) : nil
        case (.member, let body), (.resigning, let body), (.deregistering, let body):
            guard Received(body).isCommand else { return .notServed }
            guard standing.lastAccepted != nil else { return .notNow(standing.membership) }
            guard !terms.isAddressedToUs || message.token.names(identity) || message.token.parties != nil else {
                return .notForUs
            }
            return terms.allow(body) ? nil : .notAllowed
        case (.stranger, _), (.joining, _), (.presenting, _), (.refused, _), (.terminated, _):
            return .notNow(standing.membership)
        }
    }

    /// Whose token it is. Version 5 signs no recipient: a token that names its parties says it, and a plain one belongs to the
    /// server that used it first (docs/protocol.md). An answer carries our own token, which the table compares.
    private func refusalOfToken(of message: Message, _ context: MessageContext) -> Refusal? {
        if case .response = message.body { return nil }
        let token = message.token
        guard token.bytes.count <= Observer.maximumToken else { return .tokenTooLong(token.bytes.count) }
        guard token.mayBe(from: message.sender, for: identity) else { return .notForUs }
        guard token.parties == nil else { return nil }
        if let owner = context.tokenOwner ?? owner(of: token, otherThan: message.sender) {
            return .tokenOfAnother(owner)
        }
        return nil
    }

    /// An answer carries our own token; one that names its parties needs no memory.
    private mutating func noteToken(of message: Message) {
        if case .response = message.body { return }
        if message.token.parties == nil { plainTokens.note(message.token, of: message.sender) }
    }

    private func owner(of token: Token, otherThan sender: Identifier) -> Identifier? {
        if let owner = plainTokens.owner(of: token), owner != sender { return owner }
        if let update, update.exchange.token == token, update.exchange.server != sender {
            return update.exchange.server
        }
        let activation = activations.first { $0.exchange.token == token && $0.exchange.server != sender }
        return activation?.exchange.server
            ?? servers.first { server, standing in
                let isOpen = observations[RequestID(server: server, token: token)] != nil
                return server != sender && (isOpen || standing.membership.token == token)
            }?.key
    }

    /// Check 8: the sealed value opens. One that did not open once never will: copies of it cost nothing.
    private mutating func open(_ sealed: Octets) -> Result<Secret, UnsealError> {
        guard !unopenedSeals.contains(sealed) else { return .failure(.seal) }
        let opened = unseal(sealed.bytes)
        if case .failure(.seal) = opened { unopenedSeals.insert(sealed) }
        return opened
    }

    // MARK: - Rates (docs/protocol.md)

    private func hasRoom(for message: Message, at now: Instant) -> Bool {
        guard let standing = servers[message.sender] else { return false }
        if case .observationRequest = message.body { return standing.requests.hasRoom(at: now, policy.requestRate) }
        return !Received(message.body).isLimited || standing.commands.hasRoom(at: now, policy.commandRate)
    }

    /// A message that was not for us, or was refused, does not count: otherwise copies could use up the server's rate.
    private mutating func spend(on message: Message, at now: Instant) {
        if case .observationRequest = message.body {
            servers[message.sender]?.requests.take(at: now, policy.requestRate)
        } else if Received(message.body).isLimited {
            servers[message.sender]?.commands.take(at: now, policy.commandRate)
        }
    }

    // MARK: - Observations (docs/protocol.md, "The observed join"; the paper's §5.2.2)

    private mutating func observe(
        _ exchange: RequestID, _ device: Identifier, _ opened: Result<Secret, UnsealError>?, _ context: MessageContext,
        frame: [UInt8], at now: Instant
    ) -> [Effect] {
        if let verdict = context.verdict {
            // Under fresh ids: the first answer may be lost, or refused because requests have crossed it. A server that requires the
            // evidence or the proof has lost these with it.
            return tell(exchange, verdict, evidence: context.evidence, proof: context.proof)
                + [.report(.repeated(exchange, verdict))]
        }
        if observations[exchange] != nil { return [.report(.repeated(exchange, nil))] }
        var effects: [Effect] = []
        if let older = (exchanges[device] ?? []).first(where: { $0.server == exchange.server }) {
            for address in observations[older]?.heldOff ?? [] { holdOffs.forgive(address) }
            effects += answer(older, .failed, .superseded, observations[older]?.lastEvidence)
        }
        guard !context.isOvertaken else { return effects + conclude(exchange, device, .failed, .superseded, nil) }
        guard servers[exchange.server]?.isPaused != true else {
            return effects + conclude(exchange, device, .failed, .paused, nil)
        }
        guard device != identity else { return effects + conclude(exchange, device, .failed, .namesUs, nil) }
        guard hasPlace(for: exchange.server, at: now) else {
            return effects + conclude(exchange, device, .failed, .tooMany, nil)
        }
        switch opened {
        case nil: preconditionFailure("an OBSERVE_REQ without a sealed value")
        case .failure(let unopened): return effects + conclude(exchange, device, .failed, unopened.reason, nil)
        case .success(let value):
            let deadline = now + policy.observationWindow
            effects += [
                .record(.opened(exchange, device: device, frame: frame, deadline: deadline)),
                .report(.opened(exchange, device: device)),
            ]
            open(exchange, Observation(device, value, deadline: deadline, keys: KeyedKeys(value, authenticate)))
            return effects + challengeHeldLinks(of: device, at: now) + challengeClaims(of: exchange, at: now)
        }
    }

    /// Whether one more may be open. Each server has its share, so that none can take the others' places; an observation that
    /// only waits for its verdict to be given does not count.
    private func hasPlace(for server: Identifier, at now: Instant) -> Bool {
        let members = servers.values.count { $0.membership.isMember }
        let share = max(1, policy.observationLimit / max(1, members))
        guard observations.count >= share else { return true }
        let open = observations.filter { now < $0.value.deadline }
        return open.count < policy.observationLimit && open.count { $0.key.server == server } < share
    }

    /// Opens an observation, new or restored.
    mutating func open(_ exchange: RequestID, _ observation: Observation) {
        observations[exchange] = observation
        exchanges[observation.device, default: []].append(exchange)
        agenda.add(.observation(exchange), at: observation.deadline)
    }

    /// Ends an open observation with its verdict. Links that wait for nothing else are ended after it.
    mutating func answer(
        _ exchange: RequestID, _ verdict: Verdict, _ reason: Reason, _ evidence: Evidence?,
        _ proof: KeyedProof? = nil
    ) -> [Effect] {
        guard let observation = observations.removeValue(forKey: exchange) else {
            preconditionFailure("a verdict for \(exchange), which is not open")
        }
        let left = (exchanges[observation.device] ?? []).filter { $0 != exchange }
        exchanges[observation.device] = left.isEmpty ? nil : left
        return conclude(exchange, observation.device, verdict, reason, evidence, proof) + endClaims(of: exchange)
            + (left.isEmpty ? endChallengedLinks(of: observation.device) : [])
    }

    /// The order is fixed: the verdict and the signed response are recorded before anything is sent.
    mutating func conclude(
        _ exchange: RequestID, _ device: Identifier, _ verdict: Verdict, _ reason: Reason, _ evidence: Evidence?,
        _ proof: KeyedProof? = nil
    ) -> [Effect] {
        var effects: [Effect] = [.record(.answered(exchange, device: device, verdict, reason, evidence))]
        if let proof { effects.append(.record(.proof(exchange, proof.encoded))) }
        effects += tell(exchange, verdict, evidence: evidence?.json, proof: proof?.encoded)
        let grade = verdict == .valid ? evidence?.grade : nil
        let unmet = reason == .tooFar ? evidence?.unmet ?? [] : []
        effects.append(.report(.answered(exchange, device: device, verdict, reason, grade, unmet)))
        return effects
    }

    /// What its server is told of a verdict, in this order: the evidence and the proof where it takes them, and the response.
    private mutating func tell(
        _ exchange: RequestID, _ verdict: Verdict, evidence: String?, proof: [UInt8]?
    ) -> [Effect] {
        var effects: [Effect] = []
        let terms = terms[exchange.server, default: ServerPermissions()]
        if policy.reportsEvidence, terms.takesData, let evidence {
            let body = Body.data(id: DataID.observationEvidence.octets, data: Octets(evidence.utf8))
            effects.append(send(body, exchange.token, to: exchange.server))
        }
        if let proof, terms.takesProofs {
            let body = Body.data(id: DataID.observationProof.octets, data: Octets(proof))
            effects.append(send(body, exchange.token, to: exchange.server))
        }
        return effects + [respond(exchange, verdict.status)]
    }

    /// The signed end of our record, to each server that takes data that it has not asked for.
    mutating func tell(head: String, _ tokens: [Identifier: Token]) -> [Effect] {
        let body = Body.data(id: DataID.auditHead.octets, data: Octets(head.utf8))
        return tokens.sorted { $0.key.number < $1.key.number }.compactMap { server, token in
            guard servers[server]?.membership == .member, terms[server, default: ServerPermissions()].takesData else {
                return nil
            }
            return send(body, token, to: server)
        }
    }

    // MARK: - Sending (docs/protocol.md, "Sequence ids")

    mutating func respond(_ exchange: RequestID, _ status: Status) -> Effect {
        send(.response(status), exchange.token, to: exchange.server)
    }

    /// A message under the next sequence id: max(last sent, last accepted) + `sequenceStep`. Never used again.
    mutating func send(_ body: Body, _ token: Token, to server: Identifier) -> Effect {
        var standing = servers[server] ?? ServerState()
        let last = max(standing.lastSent, standing.lastAccepted ?? SequenceID(0))
        let (next, overflow) = last.number.addingReportingOverflow(Observer.sequenceStep)
        precondition(!overflow, "the sequence ids towards \(server) are used up")
        standing.lastSent = SequenceID(next)
        servers[server] = standing
        return .send(Message(sequence: standing.lastSent, sender: identity, token: token, body: body), to: server)
    }
}
