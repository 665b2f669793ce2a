import Bench
import EventLoop
import OperatorText
import SRUP

// The registry is told of each node that was deregistered: by its own request, or by this server's order.
extension C2Server {
    /// Something has changed that may let the registry be told: a node was deregistered, or the broker has messages.
    func tellRegistry() {
        guard let registry, fault == nil else { return }
        deregistrations.note(c2.deregistered)
        defer { toldAgain?.set(at: deregistrations.due) }
        guard let node = deregistrations.next(at: .now, isReady: { !outbox.waits(to: Topic.of(device: $0)) }) else {
            return
        }
        // The answer may take seconds; the loop must not wait for it.
        startThread("registry") { [self] in
            let answer = registry.deregister(node)
            loop.perform { self.take(answer, toldOf: node) }
        }
    }

    private func take(_ answer: C2Deregistrations.Answer, toldOf node: Identifier) {
        guard fault == nil else { return }
        deregistrations.answered(node, answer, at: .now)
        let text: String
        switch answer {
        case .ended: text = "the registry has deregistered \(node)"
        case .unknown(let words): text = "the registry has nothing to deregister of \(node): \"\(words)\""
        case .failed(let why):
            if why.message != lastUntold?.message { Terminal.printError(why) }
            lastUntold = why
            return tellRegistry()
        }
        lastUntold = nil
        do throws(OperatorFault) { try store.noteTold(node) } catch { return breakOff(error) }
        perform([C2Step(effects: [.say(text)], node: node)])
    }
}
