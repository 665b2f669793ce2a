import Bench
import Broker
import Glibc
import HumanView
import OperatorText
import SRUP

// Carries out the effects of `C2`: first the new state is stored, then the effects are carried out.
extension C2Server {
    /// Carries out the effects after the state was stored; carries out nothing if it could not be stored.
    /// - Returns: whether the state was stored.
    @discardableResult
    func perform(_ steps: [C2Step]) -> Bool {
        guard fault == nil else { return false }
        var entries: [C2Entry] = []
        let outputs = steps.flatMap { plan($0, &entries) }
        let (changes, facts) = noteFleet(steps, entries, outputs)
        do throws(OperatorFault) {
            try store.commit(c2.memory, groups: groups, entries: entries, outgoing: outputs.outgoing, facts: facts)
        } catch {
            breakOff(error)
            return false
        }
        for output in outputs { perform(output) }
        requests = requests.filter { c2.isOpen($0.key) }
        window?.set(at: c2.nextDeadline)
        askAlarm?.set(at: asks.nextDue)
        noteForConsole(changes, hasEntries: !entries.isEmpty)
        tellRegistry()
        endIfDecided()
        return true
    }

    /// Signs messages and writes the texts of a step, without carrying anything out.
    private func plan(_ step: C2Step, _ entries: inout [C2Entry]) -> [C2Output] {
        var outputs: [C2Output] = []
        if let order = step.order { entries.append(.told(.order, step.node, order)) }
        if step.order != nil, let said = step.effects.lazy.compactMap(\.decisionByHand).first {
            outputs.append(.trace(TraceLine(decision: said.words, on: said.device, at: TraceFile.now)))
        }
        for effect in step.effects {
            switch effect {
            case .record(let message, let frame, let refused):
                let line = line(message, frame, refused)
                if let line { outputs.append(.trace(line)) }
                if let line { entries.append(.received(message, line, refused)) }
            case .send(let message, let peer):
                let frame = node.sign(message)
                if case .observationRequest = message.body { requests[message.token] = frame }
                outputs += planSending(message, frame, to: peer, &entries)
            case .ask(let message, let peer):
                // The history is not told: with many beacons these would displace the rest.
                var unkept: [C2Entry] = []
                outputs += planSending(message, node.sign(message), to: peer, &unkept)
            case .answered(let message, let frame):
                if let line = line(message, frame, nil) { outputs.append(.trace(line)) }
            case .sendAgain(let token, let peer):
                guard let frame = requests[token], let message = try? UnverifiedFrame(frame).unverifiedMessage
                else { continue }
                outputs.append(.say("publishing OBSERVE_REQ \(message.sequence) for \(peer) a second time"))
                outputs += planSending(message, frame, to: peer, &entries, detail: "sent a second time")
            case .say(let text):
                entries.append(.told(.remark, step.node, text))
                outputs.append(.say(text))
            case .decided(let decision, let device, let observer, let grounds):
                let (kind, by) = observer.map { ("observed", "\($0)") } ?? ("human-moderated", "a human")
                let text = "\(kind) join of \(device) by \(by): \(decision.rawValue)"
                entries.append(.decided(decision, device, text, grounds))
                outputs += [.say(text), .decided]
            case .moderate(let device, let value):
                entries.append(.told(.remark, device, "a value for \(device) is shown to the operator"))
                outputs.append(.trace(TraceLine(shownBy: .c2, of: device, as: view.title, at: TraceFile.now)))
                outputs.append(.show(device: device, value))
            }
        }
        return outputs
    }

    private func planSending(
        _ message: Message, _ frame: [UInt8], to peer: Identifier, _ entries: inout [C2Entry], detail: String? = nil
    ) -> [C2Output] {
        var line = TraceLine(
            message, frame: frame, from: .c2, to: c2.role(of: peer), receiver: peer, at: TraceFile.now)
        if let detail { line.detail = detail }
        entries.append(.sent(line, to: peer))
        let isNewJoin = [.observedJoinResponse, .humanJoinResponse].contains(message.body.type)
        return [.trace(line), .publish(outbox.next(frame, on: Topic.of(device: peer)), isNewJoin: isNewJoin)]
    }

    private func line(_ message: Message?, _ frame: [UInt8], _ refused: String?) -> TraceLine? {
        if let message {
            let role = c2.role(of: message.sender)
            return TraceLine(message, frame: frame, from: role, to: .c2, at: TraceFile.now, refused: refused)
        }
        return refused.map { TraceLine(shapeless: frame, at: TraceFile.now, refused: $0) }
    }

    private func perform(_ output: C2Output) {
        switch output {
        case .publish(let message, let isNewJoin):
            // The device must not take the value of an earlier join for that of the newest (D12).
            if isNewJoin { outbox.renounce(topic: message.topic) }
            outbox.publish(message, over: link)
            again?.set(at: outbox.due)
        case .trace(let line): node.record(line, isSent: line.from == .c2)
        case .say(let text): say("c2: \(text)")
        case .decided: decisions += 1
        case .show(let device, let value) where console != nil:
            shown[device] = C2Shown(value)
            // Those who can read this output need not be allowed to decide.
            say("c2: compare for \(device), \(view.title): at the console")
        case .show(let device, let value):
            let style = TerminalStyle(isTerminal: isatty(STDOUT_FILENO) == 1) { name in
                getenv(name).map { String(cString: $0) }
            }
            say("c2: compare for \(device), \(view.title):\n" + view.picture(of: value).terminal(style))
            say("c2: if the device shows the same: accept \(device.topicForm) \(c2.mark(of: device) ?? "")")
        }
    }
}

extension C2.Effect {
    /// What a person has said about a human-moderated join, for the trace.
    fileprivate var decisionByHand: (words: String, device: Identifier)? {
        guard case .decided(let decision, let device, observer: nil, _) = self else { return nil }
        switch decision {
        case .accepted: return ("the values are the same", device)
        case .refused: return ("the values differ", device)
        case .failed: return nil
        }
    }
}

extension [C2Output] {
    /// The messages to publish; the store keeps each until the broker has acknowledged it.
    fileprivate var outgoing: [Outgoing] {
        compactMap { if case .publish(let message, _) = $0 { message } else { nil } }
    }
}
