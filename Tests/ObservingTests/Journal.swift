import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// A model of what the shell does with effects: the journal, the outbox and the links. It is strict: an effect that
/// is not allowed, or not allowed now, is recorded as an issue at once, whatever the test is about.
struct Journal {
    /// An open observation as the journal holds it.
    struct Row: Equatable {
        var device: Identifier
        var frame: [UInt8]
        var deadline: Instant
        var mismatches = 0
        var boot: Int
    }

    /// The one verdict of an exchange.
    struct Answer: Equatable {
        var device: Identifier
        var verdict: Verdict
        var reason: Reason
        var evidence: Evidence?
        var proof: [UInt8]?
    }

    /// A link as the shell holds it.
    struct Link: Equatable {
        var device: Identifier?
        var isChallenged = false
        /// CLAIM has arrived, and contains a value.
        var hasClaimed = false
        /// PROOF or VALUE has arrived after CHALLENGE.
        var hasProved = false
        /// The last piece of a signature has arrived after PROOF.
        var hasSigned = false

        /// A claim has matched: every OUTCOME has a tag from now on.
        var isFitted: Bool { hasClaimed && isChallenged }
        /// Everything has arrived that a verdict *valid* needs.
        var hasPresented: Bool { isChallenged && hasProved && (!hasClaimed || hasSigned) }
    }

    var boot = 0
    var accepted: [Identifier: SequenceID] = [:]
    var lastSent: [Identifier: SequenceID] = [:]
    var memberships: [Identifier: Membership] = [:]
    var paused: Set<Identifier> = []
    var update: Update?
    /// The answers to ACTIVATE, as far back as the journal goes.
    var activations: [Activation] = []
    var open: [RequestID: Row] = [:]
    var answered: [RequestID: Answer] = [:]
    var links: [LinkID: Link] = [:]
    /// Only the newest messages: the walk would fill the memory with all of them.
    var outbox: [(message: Message, to: Identifier)] = []

    /// Carries out the effects of one event, in order.
    mutating func perform(_ effects: [Effect]) {
        var batch = Batch()
        for effect in effects {
            switch effect {
            case .record(let change): record(change, &batch)
            case .send(let message, let server): send(message, server, &batch)
            case .tell(let link, let frame): tell(link, frame, &batch)
            case .close(let link): close(link, &batch)
            case .wantToken(let server):
                must(memberships[server]?.asksAgain ?? true, "a token is wanted for \(server), which needs none")
            case .act(let action, let exchange):
                must(memberships[exchange.server]?.isMember ?? false, "\(action) ordered by \(exchange.server)")
            case .present(let server, let joinMode):
                must(memberships[server]?.joinMode == joinMode, "a value for \(server) that nobody asked for")
            case .destroy(let server):
                must(memberships[server] == .deregistered, "the end, and \(server) has not ordered it")
            case .fetch(let order), .install(let order), .confirm(let order):
                must(update == order, "work for an update that the journal does not hold")
            case .discardUpdate: must(update == nil, "what is fetched is put away, and the journal holds it")
            case .report(.ready(let link, _, let device)): links[link]?.device = device
            case .report: break
            }
        }
        must(batch.unsent.isEmpty, "verdicts without a response: \(batch.unsent.keys)")
        must(batch.evidence == nil && batch.proof == nil, "evidence or a proof without a response")
        must(batch.closing == nil, "an outcome without a close")
    }

    /// A device's frame, before the observer gets it.
    mutating func hear(_ frame: LinkFrame, over link: LinkID) {
        guard let state = links[link] else { return }
        switch frame {
        case .claim(let claim) where state.device == nil && !state.hasClaimed:
            links[link]?.hasClaimed = claim != KeyedContext.noClaim
        case .proof, .value: links[link]?.hasProved = state.isChallenged
        case .sign(last: true, _): links[link]?.hasSigned = state.hasProved
        case .hello, .ready, .wait, .challenge, .outcome, .claim, .sign: break
        }
    }

    /// The earlier effects of the same array.
    private struct Batch {
        var unsent: [RequestID: Verdict] = [:]
        var sentValid: Set<RequestID> = []
        /// The exchange whose evidence has just been sent: its proof or its response is next.
        var evidence: RequestID?
        /// The exchange whose proof has just been sent: its response is next.
        var proof: RequestID?
        var closing: LinkID?
    }

    private mutating func record(_ change: Change, _ batch: inout Batch) {
        switch change {
        case .accepted(let server, let sequence):
            must(accepted[server].map { sequence > $0 } ?? true, "\(sequence) of \(server) accepted after a higher one")
            accepted[server] = sequence
        case .membership(let server, let membership): memberships[server] = membership
        case .paused(let server, let isPaused):
            if isPaused { paused.insert(server) } else { paused.remove(server) }
        case .update(let next): record(next)
        case .activation(let activation): activations = activations.suffix(Activation.mostKept - 1) + [activation]
        case .opened(let exchange, let device, let frame, let deadline):
            must(open[exchange] == nil && answered[exchange] == nil, "\(exchange) is opened a second time")
            must(
                !open.contains { $0.key.server == exchange.server && $0.value.device == device },
                "two observations of one device for \(exchange.server)")
            open[exchange] = Row(device: device, frame: frame, deadline: deadline, boot: boot)
        case .mismatches(let exchange, let count):
            must(open[exchange].map { $0.mismatches + 1 == count } ?? false, "mismatch \(count) of \(exchange)")
            open[exchange]?.mismatches = count
        case .answered(let exchange, let device, let verdict, let reason, let evidence):
            must(answered[exchange] == nil, "a second verdict for \(exchange)")
            must(open[exchange].map { $0.device == device } ?? true, "the verdict of \(exchange) names another device")
            must(
                verdict != .valid
                    || open[exchange] != nil && links.values.contains { $0.device == device && $0.hasPresented },
                "valid for \(exchange), and no device has presented all that it needs")
            answered[exchange] = Answer(device: device, verdict: verdict, reason: reason, evidence: evidence)
            open[exchange] = nil
            batch.unsent[exchange] = verdict
        case .proof(let exchange, let proof):
            must(batch.unsent[exchange] == .valid, "a proof of \(exchange) that has not just become valid")
            must(KeyedProof(encoded: proof)?.context.server == exchange.server, "a proof for another server, or none")
            answered[exchange]?.proof = proof
        }
    }

    /// An update advances step by step, and is not replaced by another while it is being activated.
    private mutating func record(_ next: Update?) {
        if case .activating = update?.phase {
            guard case .answered = next?.phase, next?.exchange == update?.exchange else {
                return must(false, "an activation is left for \(String(describing: next))")
            }
        }
        switch next?.phase {
        case .fetched: must(update?.phase == .fetching, "fetched without fetching")
        case .activating(let version): must(update?.phase == .fetched(version: version), "activated without the file")
        case .fetching, .answered, nil: break
        }
        update = next
    }

    private mutating func send(_ message: Message, _ server: Identifier, _ batch: inout Batch) {
        let (sequence, exchange) = (message.sequence, RequestID(server: server, token: message.token))
        must(message.sender == beacon, "sent in the name of \(message.sender)")
        must(lastSent[server].map { sequence > $0 } ?? true, "sequence id \(sequence) used again towards \(server)")
        must(accepted[server].map { sequence > $0 } ?? true, "sequence id \(sequence) is below one of \(server)'s")
        if let before = batch.evidence ?? batch.proof {
            let isProof = if case .data(DataID.observationProof.octets, _) = message.body { true } else { false }
            must(
                before == exchange && (message.body.type == .response || isProof && batch.proof == nil),
                "evidence or a proof is not just before its response")
            (batch.evidence, batch.proof) = (nil, nil)
        }
        lastSent[server] = sequence
        outbox.append((message, server))
        if outbox.count > 200 { outbox.removeFirst(100) }
        switch message.body {
        case .response(let status) where status == .activateSuccess || status == .activateFail:
            let answers = activations.filter { $0.exchange == exchange }.map(\.status)
            must(answers == [status], "\(status) for \(exchange), recorded are \(answers)")
        case .response(let status) where Verdict.allCases.map(\.status).contains(status):
            must(answered[exchange]?.verdict.status == status, "\(status) sent for \(exchange), recorded is another")
            batch.unsent[exchange] = nil
            if status == .observedJoinValid { batch.sentValid.insert(exchange) }
        case .data(DataID.observationEvidence.octets, _):
            must(answered[exchange]?.evidence != nil, "evidence without a verdict")
            batch.evidence = exchange
        case .data(DataID.observationProof.octets, let data):
            must(answered[exchange]?.verdict == .valid, "a proof without the verdict valid")
            must(answered[exchange]?.proof == data.bytes, "another proof than the one that was recorded")
            let context = KeyedProof(encoded: data.bytes)?.context
            must(
                context?.server == server && context?.beacon == beacon && context?.device == answered[exchange]?.device,
                "a proof of other parties, or none")
            batch.proof = exchange
        default: break
        }
    }

    private mutating func tell(_ link: LinkID, _ frame: LinkFrame, _ batch: inout Batch) {
        must(links[link] != nil, "\(frame) told to \(link), which is closed")
        must(batch.closing == nil, "something between an outcome and its close")
        let device = links[link]?.device
        switch frame {
        case .hello, .wait: break
        case .challenge:
            must(links[link]?.isChallenged == false, "\(link) is challenged twice")
            must(open.values.contains { $0.device == device }, "a challenge to a device that nobody asked for")
            links[link]?.isChallenged = true
        case .outcome(let outcome, let tag):
            if outcome == .valid {
                must(batch.sentValid.contains { answered[$0]?.device == device }, "valid told before it is answered")
                must(links[link]?.hasPresented == true, "valid told to a device that did not present all that it needs")
            }
            let isTagged = tag != LinkFrame.noTag
            if links[link]?.isFitted == true {
                must(isTagged, "\(outcome) without a tag, though a claim has fitted")
            } else {
                must(!isTagged || outcome == .valid, "\(outcome) with a tag")
            }
            batch.closing = link
        case .ready, .proof, .value, .claim, .sign: must(false, "the beacon sent a device's frame")
        }
    }

    private mutating func close(_ link: LinkID, _ batch: inout Batch) {
        must(links.removeValue(forKey: link) != nil, "\(link) closed twice")
        must(batch.closing == link, "\(link) closed without an outcome")
        batch.closing = nil
    }
}

/// A plain branch, because the walk asks some millions of times.
func must(_ condition: Bool, _ what: @autoclosure () -> String, at location: SourceLocation = #_sourceLocation) {
    if !condition { Issue.record(Comment(rawValue: what()), sourceLocation: location) }
}
