import BootTime
import SRUP

// Joining and leaving: docs/protocol.md, "Joining and leaving"; the paper's §5.2 and §6.
extension Observer {
    mutating func join(_ server: Identifier, _ token: Token, _ joinMode: JoinMode, at now: Instant) -> [Effect] {
        var standing = servers[server] ?? ServerState()
        // A member whose sequence id is not known accepts nothing: a new join establishes it.
        guard !standing.membership.isMember || standing.lastAccepted == nil, !isExpelled else { return [] }
        let token = standing.membership.waiting(for: .joining(token, joinMode)) ?? token
        // No message of a moderated join echoes our token before it is over: where the server's sequence id is not known,
        // and it may have sent us something before, a simple request goes first. Also a refusal establishes the id.
        standing.isEstablishing = joinMode != .simple && standing.lastAccepted == nil && sequencesLost
        standing.joinMode = joinMode
        standing.membership = .joining(token, joinMode)
        standing.presented = nil
        servers[server] = standing
        let request = standing.isEstablishing ? Body.joinRequest : joinMode.request
        return ask(server, request, token, at: now)
    }

    /// The server has lost its state and does not know us, a person says. As with JOIN_CMD, our membership ends here, and only
    /// an answer to the new request makes us a member again: until then nothing else from this server is accepted, and if it
    /// refuses, we stay refused. Its last accepted sequence id stays, otherwise its old messages could be replayed.
    mutating func joinAgain(_ server: Identifier, _ token: Token, _ joinMode: JoinMode, at now: Instant) -> [Effect] {
        guard !isExpelled else { return [] }
        if servers[server]?.membership == .member { servers[server]?.membership = .stranger }
        return join(server, token, joinMode, at: now)
    }

    /// A request that waits for an answer: recorded, sent, and sent again if none comes. A repetition has a sequence id of its own and
    /// the same token: a server may answer the first one only after the second has left, and its answer is the same.
    private mutating func ask(_ server: Identifier, _ request: Body, _ token: Token, at now: Instant) -> [Effect] {
        guard let standing = servers[server] else { preconditionFailure("nothing is known of \(server)") }
        let delay = min(policy.initialJoinRetry * (1 << min(standing.joinAttempts, 20)), policy.maximumJoinRetry)
        servers[server]?.joinAttempts += 1
        setJoinDue(server, now + delay)
        return [
            .record(.membership(server, standing.membership)),
            send(request, token, to: server),
            .report(.membership(server, standing.membership)),
        ]
    }

    private mutating func setJoinDue(_ server: Identifier, _ moment: Instant) {
        servers[server]?.joinDue = moment
        agenda.add(.join(server), at: moment)
    }

    private mutating func settle(_ server: Identifier, as membership: Membership) -> [Effect] {
        servers[server]?.membership = membership
        servers[server]?.presented = nil
        servers[server]?.isEstablishing = false
        if membership != .refused { servers[server]?.joinAttempts = 0 }
        return [.record(.membership(server, membership)), .report(.membership(server, membership))]
    }

    /// What waits for an answer is asked again, under the token that it has; what has been answered, or is over, under the new one.
    mutating func again(_ server: Identifier, _ token: Token, at now: Instant) -> [Effect] {
        guard let standing = servers[server] else { return [] }
        switch standing.membership {
        case .stranger, .joining, .presenting, .refused: return join(server, token, standing.joinMode, at: now)
        case .resigning: return resign(server, token, at: now)
        case .deregistering: return deregister(server, token, at: now)
        case .member, .terminated, .resigned, .deregistered: return []
        }
    }

    /// The answer to whatever waits for one; the checks have compared its token.
    mutating func settleRequest(of server: Identifier, _ status: Status, at now: Instant) -> [Effect] {
        guard let standing = servers[server] else { return [] }
        switch standing.membership {
        case .joining, .presenting:
            if status == .joinSuccess { return settle(server, as: .member) }
            let mayAskAsWanted = standing.isEstablishing
            let effects = settle(server, as: .refused)
            if mayAskAsWanted { return effects + [.wantToken(server)] }
            setJoinDue(server, now + policy.maximumJoinRetry)  // asked again, seldom
            return effects
        case .resigning: return status == .resignSuccess ? leave(server, as: .resigned) : stay(server, status)
        case .deregistering: return status == .deregisterSuccess ? expelled(by: server) : stay(server, status)
        case .stranger, .member, .refused, .terminated, .resigned, .deregistered:
            preconditionFailure("a response passed the checks while \(standing.membership)")
        }
    }

    // MARK: - Observed joins (§5.2.1, §5.2.2)

    /// Whether a value for us to show can be believed to be new.
    func mayPresent(_ standing: ServerState) -> Bool {
        !standing.isEstablishing && (standing.lastAccepted != nil || !sequencesLost)
    }

    mutating func present(_ exchange: RequestID, _ opened: Result<Secret, UnsealError>?, at now: Instant) -> [Effect] {
        guard let joinMode = servers[exchange.server]?.joinMode else { return [] }
        guard case .success(let value) = opened else {
            let type: MessageType = joinMode == .human ? .humanJoinResponse : .observedJoinResponse
            return [.report(.refused(.notAValue, sender: exchange.server, type: type))]
        }
        let membership = Membership.presenting(exchange.token, joinMode)
        servers[exchange.server]?.membership = membership
        servers[exchange.server]?.presented = value
        setJoinDue(exchange.server, now + policy.presentingLimit)
        return [
            .record(.membership(exchange.server, membership)), .report(.membership(exchange.server, membership)),
            .present(exchange.server, joinMode),
        ]
    }

    /// JOIN_CMD. One that comes while we ask already changes nothing.
    mutating func obeyJoin(_ server: Identifier) -> [Effect] {
        switch servers[server]?.membership {
        case .joining, .presenting: return []
        case .stranger, .member, .refused, .terminated, .resigning, .resigned, .deregistering, .deregistered, nil:
            servers[server]?.joinMode = (terms[server] ?? ServerPermissions()).joinMode
            return settle(server, as: .stranger) + [.report(.commanded(server)), .wantToken(server)]
        }
    }

    // MARK: - Leaving (§6)

    mutating func resign(_ server: Identifier, _ token: Token, at now: Instant) -> [Effect] {
        guard let membership = servers[server]?.membership, membership.isMember, !isExpelled else { return [] }
        if case .deregistering = membership { return [] }
        let token = membership.waiting(for: .resigning(token)) ?? token
        servers[server]?.membership = .resigning(token)
        return ask(server, .resignRequest, token, at: now)
    }

    mutating func deregister(_ server: Identifier, _ token: Token, at now: Instant) -> [Effect] {
        guard let membership = servers[server]?.membership, membership.isMember, !isExpelled else { return [] }
        let token = membership.waiting(for: .deregistering(token)) ?? token
        servers[server]?.membership = .deregistering(token)
        return ask(server, .deregisterRequest, token, at: now)
    }

    /// The server has not agreed that we leave.
    private mutating func stay(_ server: Identifier, _ status: Status) -> [Effect] {
        settle(server, as: .member) + [.report(.declined(server, status))]
    }

    /// The server does not want our answers any more; open observations are still answered.
    mutating func leave(_ server: Identifier, as membership: Membership) -> [Effect] {
        settle(server, as: membership) + withdraw { $0.server == server } + dropUpdate { $0.server == server }
    }

    /// Deregistered: all observations end, whichever server asked.
    mutating func expelled(by server: Identifier, _ exchange: RequestID? = nil) -> [Effect] {
        isExpelled = true
        let effects = settle(server, as: .deregistered) + withdraw { _ in true } + dropUpdate { _ in true }
        return effects + (exchange.map { [respond($0, .deregisterSuccess)] } ?? []) + [.destroy(server)]
    }

    private mutating func withdraw(_ which: (RequestID) -> Bool) -> [Effect] {
        let theirs = observations.filter { which($0.key) }.sorted { $0.value.deadline < $1.value.deadline }
        return theirs.flatMap { answer($0.key, .failed, .withdrawn, nil) }
    }

    // MARK: - Commands (§3.5, §3.6)

    mutating func act(_ code: UInt8, _ exchange: RequestID) -> [Effect] {
        switch Action(rawValue: code) {
        case nil: return [respond(exchange, .actionUnknown), .report(.acted(exchange, code, .actionUnknown))]
        case .pause, .resume:
            let isPaused = code == Action.pause.rawValue
            servers[exchange.server]?.isPaused = isPaused
            return [
                .record(.paused(exchange.server, isPaused)), respond(exchange, .actionSuccess),
                .report(.acted(exchange, code, .actionSuccess)),
            ]
        case .identify: return [.act(.identify, exchange)]
        case .restartRadio: return [.act(.restartRadio, exchange)]
        }
    }

    mutating func take(_ id: Octets, _ data: Octets, _ exchange: RequestID) -> [Effect] {
        let bytes = data.bytes
        guard DataID(id) == .identifySeconds, bytes.count == 4 else {
            return [respond(exchange, .dataTypeUnknown)]
        }
        let seconds = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard (1...3_600).contains(seconds) else { return [respond(exchange, .dataTypeUnknown)] }
        identifySeconds = seconds
        return []
    }
}
