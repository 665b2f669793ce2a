import EventLoop
import Glibc
import HumanView
import SRUP

// What the console needs of the server: its state, and carrying out orders; all on the loop's thread.
extension C2Server {
    /// The dependencies of a console of this server.
    public var consoleDependencies: Console.Dependencies {
        Console.Dependencies(
            snapshot: { [self] in
                await onLoop { server in
                    server.fleet.refresh(at: C2Entry.now)
                    var snapshot = server.c2.snapshot(at: .now, hasValue: { server.shown[$0] != nil })
                    (snapshot.fleet, snapshot.hasBroker) = (server.fleet, server.hasBroker)
                    return snapshot
                }
            },
            states: { [self] in
                await onLoop { server in
                    server.fleet.refresh(at: C2Entry.now)
                    return (server.fleet.states, server.hasBroker)
                }
            },
            fingerprint: { [ring] node in ring[node]?.fingerprint },
            comparison: { [self] join, view in await onLoop { $0.comparison(ofJoin: join, view) } },
            decide: { [self] join, decision in await onLoop { $0.decide(join: join, decision) } },
            obey: { [self] order in await onLoop { $0.obeyConsole(order) } },
            entriesAfter: { [store] in store.entries(after: $0, limit: $1, of: $2) },
            entriesBefore: { [store] in store.entries(before: $0, limit: $1, of: $2) },
            decisionsBefore: { [store] id, limit, node in
                let filter = C2Store.Filter(node: node, isDecision: true)
                return (try? store.read(before: id, limit: limit, matching: filter)) ?? []
            })
    }

    /// Runs `body` on the loop's thread, which runs as long as the process.
    private func onLoop<Result: Sendable>(_ body: @escaping @Sendable (C2Server) -> Result) async -> Result {
        await withCheckedContinuation { waiting in
            loop.perform { waiting.resume(returning: body(self)) }
        }
    }

    // MARK: - On the loop's thread

    private func comparison(ofJoin id: String, _ view: HumanView?) -> ConsoleComparison? {
        c2.device(ofJoin: id).flatMap { shown[$0] }.map { $0.comparison(as: view ?? self.view) }
    }

    /// Decides on the join that was shown, and on no other.
    private func decide(join id: String, _ decision: ConsoleDecision) -> ConsoleOutcome {
        guard let device = c2.device(ofJoin: id) else { return .over }
        guard case .accept(let view, let words) = decision else {
            return obey(.refuse(device), noted: "refuse \(device), at the console").map { _ in .decided } ?? .notKept
        }
        guard let value = shown[device], value.mayAccept else { return .over }
        var how = view.title
        if view == .words {
            guard value.isAnswered(by: words) else {
                shown[device]?.triesLeft -= 1
                let left = shown[device]?.triesLeft ?? 0
                say("c2: the words typed for \(device) do not match its value (\(left) tries left)")
                return .differ(triesLeft: left)
            }
            how += ", three words typed"
        }
        let order = C2Order.accept(device, mark: id)
        return obey(order, noted: "accept \(device), at the console: \(how)").map { _ in .decided } ?? .notKept
    }

    private func obeyConsole(_ order: C2Order) -> [String] {
        guard let effects = obey(order, noted: C2Server.noted(order.text) + ", at the console") else {
            return ["The order could not be stored. Nothing was done."]
        }
        let told = effects.compactMap { effect -> String? in
            switch effect {
            case .say(let text): text
            case .decided(let decision, let device, _, _): "join of \(device): \(decision.rawValue)"
            case .record, .send, .sendAgain, .ask, .answered, .moderate: nil
            }
        }
        guard case .terminate(let node) = order, effects.contains(where: \.isSending) else { return told }
        return ["The membership of \(node) has ended, and it has been notified."] + told
    }
}

extension C2.Effect {
    fileprivate var isSending: Bool { if case .send = self { true } else { false } }
}
