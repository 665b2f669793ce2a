import BootTime
import ProofLink
import SRUP

/// What the journal holds about a server.
public struct StoredServer: Equatable, Sendable {
    /// The server.
    public var server: Identifier
    /// Our membership state with it.
    public var membership: Membership
    /// The last sequence id accepted from it; nil if it is not known and must be established by a new join.
    public var lastAccepted: SequenceID?
    /// The last sequence id that we sent to it.
    public var lastSent: SequenceID
    /// Whether it has paused us.
    public var isPaused: Bool

    /// A server as the journal holds it.
    public init(
        server: Identifier, membership: Membership, lastAccepted: SequenceID?, lastSent: SequenceID,
        isPaused: Bool = false
    ) {
        (self.server, self.membership) = (server, membership)
        (self.lastAccepted, self.lastSent, self.isPaused) = (lastAccepted, lastSent, isPaused)
    }
}

/// What the journal holds about an observation without a verdict.
public struct StoredObservation: Sendable {
    /// Who asked, under which token.
    public var exchange: RequestID
    /// The device that is to show itself.
    public var device: Identifier
    /// The request as received, its signature checked again; nil if it no longer holds.
    public var request: Verified<Message>?
    /// The deadline, on the clock of the boot in which it was set.
    public var deadline: Instant
    /// False proofs so far.
    public var mismatches: Int
    /// Whether the machine has not been restarted since; otherwise the deadline means nothing.
    public var sameBoot: Bool

    /// An observation as the journal holds it.
    public init(
        exchange: RequestID, device: Identifier, request: Verified<Message>?, deadline: Instant, mismatches: Int,
        sameBoot: Bool
    ) {
        (self.exchange, self.device, self.request) = (exchange, device, request)
        (self.deadline, self.mismatches, self.sameBoot) = (deadline, mismatches, sameBoot)
    }
}

extension Observer {
    /// Restores what the journal holds. Call it once, before the first event.
    ///
    /// Within the same boot an observation continues until its deadline; after a reboot it is answered *fail*.
    /// What waits for a server's answer is asked again when the shell says so: the value of a join that was being shown is
    /// not kept.
    /// - Parameters:
    ///   - update: the update that we were busy with.
    ///   - activations: the answers to the last ACTIVATEs, the newest last.
    ///   - sequencesLost: the journal was lost once: a server of which it knows no sequence id may have sent us
    ///   something before.
    /// - Returns: the effects of the answers that follow from it.
    public mutating func restore(
        _ stored: [StoredServer], _ open: [StoredObservation], update: Update? = nil,
        activations: [Activation] = [], sequencesLost: Bool = false
    ) -> [Effect] {
        precondition(servers.isEmpty && observations.isEmpty, "restored into an observer that is in use")
        self.sequencesLost = sequencesLost
        for server in stored {
            var standing = ServerState(
                membership: server.membership, lastAccepted: server.lastAccepted, lastSent: server.lastSent)
            standing.isPaused = server.isPaused
            if let joinMode = server.membership.joinMode { standing.joinMode = joinMode }
            servers[server.server] = standing
        }
        var effects: [Effect] = []
        for observation in open { effects += reopen(observation) }
        (self.update, self.activations) = (update, activations)
        if let update { effects += takeUp(update) }
        for server in stored where server.membership == .deregistered {
            isExpelled = true
            effects.append(.destroy(server.server))
        }
        return effects
    }

    /// Goes on above these sequence ids towards these servers, if it is not above them already.
    public mutating func raiseSequences(_ floors: [Identifier: SequenceID]) {
        for (server, floor) in floors {
            var standing = servers[server] ?? ServerState()
            standing.lastSent = max(standing.lastSent, floor)
            servers[server] = standing
        }
    }

    private mutating func reopen(_ stored: StoredObservation) -> [Effect] {
        guard stored.sameBoot else { return conclude(stored.exchange, stored.device, .failed, .interrupted, nil) }
        guard case .observationRequest(_, let sealed) = stored.request?.content.body else {
            return conclude(stored.exchange, stored.device, .failed, .requestUnverified, nil)
        }
        switch unseal(sealed.bytes) {
        // It opened when it came: the server is not to blame.
        case .failure(.seal): return conclude(stored.exchange, stored.device, .failed, .keyReplaced, nil)
        case .failure(.value): return conclude(stored.exchange, stored.device, .failed, .notAValue, nil)
        case .success(let value):
            var observation = Observation(
                stored.device, value, deadline: stored.deadline, keys: KeyedKeys(value, authenticate))
            observation.mismatches = stored.mismatches
            // The journal does not tell the modes apart: where value mode is on, all count for its limit, which the next one reaches.
            if policy.modes.contains(Modes.value) {
                observation.falseValues = min(stored.mismatches, policy.mismatchLimit - 1)
            }
            open(stored.exchange, observation)
            return []
        }
    }
}
