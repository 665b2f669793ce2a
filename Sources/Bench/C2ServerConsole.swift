import Glibc
import HumanView
import Links
import SRUP

// What a console is lent: looks at the server, and orders to it, all on the loop's thread.
extension C2Server {
    /// What a console at this server may know and do.
    public var consoleMeans: Console.Means {
        Console.Means(
            snapshot: { [self] in
                await onLoop { server in
                    server.c2.snapshot(
                        knowing: server.ring.current.nodes, heard: server.heard, at: bootNanoseconds(),
                        hasValue: { server.shown[$0] != nil })
                }
            },
            picture: { [self] join in await onLoop { $0.picture(ofJoin: join) } },
            decide: { [self] join, accepts in await onLoop { $0.decide(join: join, accepts: accepts) } },
            obey: { [self] command in await onLoop { $0.obeyConsole(command) } },
            entriesAfter: { [store] in store.entries(after: $0, limit: $1, of: $2) },
            entriesBefore: { [store] in store.entries(before: $0, limit: $1, of: $2) })
    }

    /// Runs `body` on the loop's thread. The loop ends with the process only.
    private func onLoop<Result: Sendable>(_ body: @escaping @Sendable (C2Server) -> Result) async -> Result {
        await withCheckedContinuation { waiting in
            loop.perform { waiting.resume(returning: body(self)) }
        }
    }

    // MARK: - On the loop's thread

    private func picture(ofJoin id: String) -> Picture? {
        c2.device(ofJoin: id).flatMap { shown[$0] }.map { view.picture(of: $0) }
    }

    /// - Returns: nil where that very join is not open any more, or where there is nothing that could have been compared.
    private func decide(join id: String, accepts: Bool) -> [String]? {
        guard let device = c2.device(ofJoin: id), !accepts || shown[device] != nil else { return nil }
        let mark = c2.moderated[device]?.answerToken.description ?? ""
        return obeyConsole(accepts ? .acceptJoin(device, mark: mark) : .refuse(device))
    }

    private func obeyConsole(_ command: C2.Command) -> [String] {
        let effects = c2.obey(command)
        let words = "\(command.words), at the console"
        guard perform([C2Step(effects: effects, node: command.node, order: words)]) else {
            return ["Nothing was done: it could not be kept."]
        }
        return effects.compactMap { effect in
            switch effect {
            case .say(let words): words
            case .decided(let decision, let device, _): "join of \(device): \(decision.rawValue)"
            case .record, .send, .sendAgain, .moderate: nil
            }
        }
    }

    /// What a console shows is noted, and pages that are open look anew.
    func noteForConsole(_ steps: [C2Step]) {
        guard let console else { return }
        for step in steps {
            for case .record(let message?, _, refused: nil) in step.effects {
                heard[message.sender] = C2Entry.now
            }
        }
        shown = shown.filter { c2.moderated[$0.key] != nil }
        console.bell.ring()
    }
}

extension C2.Command {
    /// Who is to do it.
    var node: Identifier {
        switch self {
        case .accept(let node), .acceptJoin(let node, _), .refuse(let node), .join(let node), .terminate(let node),
            .deregister(let node),
            .identity(let node), .action(let node, _), .update(let node, _, _), .activate(let node),
            .data(let node, _, _):
            node
        }
    }

    /// As a line of orders has it; of data, whose only.
    var words: String {
        switch self {
        case .accept, .acceptJoin: "accept \(node)"
        case .refuse: "refuse \(node)"
        case .join: "join \(node)"
        case .terminate: "terminate \(node)"
        case .deregister: "deregister \(node)"
        case .identity: "identity \(node)"
        case .action(_, let code):
            "action \(node) " + (C2Orders.actions.first { $0.value == code }?.key ?? "\(code)")
        case .update(_, let url, let digest): "update \(node) \(url) \(hexadecimal(digest))"
        case .activate: "activate \(node)"
        case .data: "data \(node)"
        }
    }
}
