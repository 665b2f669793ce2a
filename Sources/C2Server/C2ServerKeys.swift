import Bench
import Broker
import EventLoop
import Keys
import OperatorText
import SRUP

// Keys from the registry; frames of unknown senders wait for them.
extension C2Server {
    /// The effects of a message; none yet if it waits for its sender's key.
    func hear(_ incoming: Incoming) -> [C2Step] {
        let payload = incoming.payload
        guard let frame = try? UnverifiedFrame(payload) else { return [serve(payload)] }
        let sender = frame.claimedSender
        // A node's topic carries its own messages and those of its servers to it; only its own are for us.
        if let owner = C2Server.owner(of: incoming.topic) {
            guard owner == sender else { return [] }
            // It is a node of another server. It would ask this one on this server's own topic: it costs no look-up.
            guard ring[sender] != nil else {
                c2.noteStranger()
                return []
            }
        }
        guard registry != nil, sender != c2.own, !fixed.contains(sender) else { return [serve(payload)] }
        // The registry gives no key of a node that was deregistered: its repeated request is checked with the one that was stored.
        if c2.deregistered.contains(sender), ring[sender] != nil { return [serve(payload)] }
        // The broker lets a node publish to its own level only, so a sender that is not the topic's is invented.
        if let writer = C2Server.writer(of: incoming.topic, to: c2.own), writer != sender {
            return [refused(frame, payload, "its topic is that of \(writer)")]
        }
        let isKnown = ring[sender] != nil
        switch lookups.take(payload, from: sender, isKnown: isKnown, at: .now) {
        case .serve:
            if isKnown, (try? frame.verified(by: ring.current)) == nil,
                lookups.doubt(payload, from: sender, at: .now)
            {
                return askRegistry()
            }
            return [serve(payload)]
        case .wait: return askRegistry()
        case .refuse(let reason): return [refused(frame, payload, reason)]
        }
    }

    private func refused(_ frame: UnverifiedFrame, _ payload: [UInt8], _ reason: String) -> C2Step {
        c2.now = .now
        let effects = c2.refuse(frame.unverifiedMessage, payload, .sender, reason)
        return C2Step(effects: effects, node: frame.claimedSender)
    }

    /// The node that a topic belongs to; nil for a server's topic.
    static func owner(of topic: String) -> Identifier? {
        let parts = topic.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count >= 2 && parts[0] == "SRUP" ? Identifier(hexadecimal: parts[1]) : nil
    }

    /// The node that writes to a topic below this server's own; nil if the topic does not name one.
    static func writer(of topic: String, to own: Identifier) -> Identifier? {
        let parts = topic.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "SRUP", parts[1] == "servers", parts[2] == own.topicForm else { return nil }
        return Identifier(hexadecimal: parts[3])
    }

    private func serve(_ payload: [UInt8]) -> C2Step {
        let sender = (try? UnverifiedFrame(payload))?.claimedSender
        return C2Step(effects: c2.receive(payload, checkedBy: ring.current, at: .now), node: sender)
    }

    /// Begins the look-ups that may begin now.
    /// - Returns: what to do about frames that have waited for one too long.
    func askRegistry() -> [C2Step] {
        defer { lookAgain?.set(at: lookups.due) }
        while let registry, let asked = lookups.next(at: .now) {
            // The answer may take seconds; the loop must not wait for it.
            startThread("registry") { [self] in
                let answer = registry.key(of: asked)
                loop.perform { self.take(answer, on: asked) }
            }
        }
        return lookups.takeDropped().compactMap { _, payload in
            guard let frame = try? UnverifiedFrame(payload) else { return nil }
            return refused(frame, payload, "too many look-ups at the registry: it has waited too long for its key")
        }
    }

    private func take(_ answer: C2Registry.Answer, on asked: Identifier) {
        guard fault == nil else { return }
        c2.now = .now
        var steps: [C2Step] = []
        let outcome: C2Lookups.Answer
        do throws(OperatorFault) {
            switch answer {
            case .key(let key, let type):
                (outcome, lastSilence) = (.key, nil)
                try learn(key, type, of: asked)
            case .none:
                (outcome, lastSilence) = (.none, nil)
                // Also a node whose key was removed in an earlier run that stopped before it ended the membership.
                let isKept = c2.deregistered.contains(asked)
                if !isKept, ring[asked] != nil || c2.isMember(asked) { steps.append(try forget(asked)) }
            case .silence(let why):
                outcome = .silence
                if why.message != lastSilence?.message { Terminal.printError(why) }
                lastSilence = why
            }
        } catch {
            return breakOff(error)
        }
        for frame in lookups.answer(asked, outcome, at: .now) { steps.append(serve(frame)) }
        perform(steps + askRegistry())
    }

    /// Called before anything is sent to the node, so that its answer is not missed.
    private func learn(_ key: PublicKey, _ type: String?, of asked: Identifier) throws(OperatorFault) {
        let mayObserve = type.map { registry?.observerTypes.contains($0) == true } == true
        let isNew = ring[asked]?.equals(key) != true
        guard isNew || mayObserve != c2.registryObservers.contains(asked) else { return }
        try store.keep(key, type: type, of: asked)
        if mayObserve { c2.registryObservers.insert(asked) } else { c2.registryObservers.remove(asked) }
        guard isNew else { return }
        ring[asked] = key
        if subscribesToEach { link?.subscribe(to: [C2Server.topic(of: asked)]) }
    }

    private func forget(_ asked: Identifier) throws(OperatorFault) -> C2Step {
        try store.keep(nil, type: nil, of: asked)
        ring[asked] = nil
        return C2Step(effects: c2.expel(asked), node: asked)
    }
}
