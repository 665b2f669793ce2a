import Bench
import SRUP

// What the fleet learns from the server's steps.
extension C2Fleet {
    /// What a step has changed, for open pages and for the store.
    struct Changes: Sendable {
        var nodes: Set<Identifier> = []
        /// Whether joins were opened, decided, or voted on.
        var joins = false
    }

    /// Takes over what steps have changed.
    /// - Parameter now: in milliseconds since 1970.
    mutating func note(_ steps: [C2Step], of c2: C2, at now: Int64) -> Changes {
        var changes = Changes()
        for step in steps {
            if let node = step.node { changes.nodes.insert(node) }
            var asksSimply: Identifier?
            for effect in step.effects {
                switch effect {
                case .record(let message?, _, refused: nil), .answered(let message, _):
                    changes.nodes.insert(message.sender)
                    hear(message, at: now)
                    if case .joinRequest = message.body { asksSimply = message.sender }
                    if case .response = message.body { changes.joins = true }
                case .send(let message, let peer):
                    changes.nodes.insert(peer)
                    send(message, to: peer, c2, at: now)
                    if asksSimply == peer { noteSimple(message, of: peer, at: now) }
                case .ask(_, let peer):
                    changes.nodes.insert(peer)
                    change(peer, at: now) { $0.asked = $0.asked ?? now }
                case .decided(let decision, let device, let observer, let grounds):
                    changes.joins = true
                    changes.nodes.insert(device)
                    let join = C2Facts.Join(
                        mode: observer == nil ? .human : .observed, decision: decision, observer: observer,
                        reason: grounds.reason, grade: grounds.grade, at: now)
                    change(device, at: now) { $0.facts.join = join }
                    if decision != .accepted { failures.append(now) }
                case .moderate(let device, _):
                    changes.joins = true
                    changes.nodes.insert(device)
                case .record, .sendAgain, .say: break
                }
            }
        }
        changes.nodes.remove(c2.own)
        for node in changes.nodes { update(node, c2, at: now) }
        return changes
    }

    /// Membership, role and right of a node, as the server has them.
    mutating func update(_ id: Identifier, _ c2: C2, at now: Int64) {
        let membership = c2.membership(of: id)
        // A refused message may claim any sender: only nodes that the server knows are in the fleet.
        guard self[id] != nil || membership != .known || c2.given[id] != nil else { return }
        var node = self[id] ?? Node(id)
        (node.membership, node.role, node.mayObserve) = (membership, c2.role(of: id), c2.mayObserve(id))
        if node.givenSite == nil { node.givenSite = c2.policy.sites.first { $0.value.beacons.contains(id) }?.key }
        if !node.isMember { node.asked = nil }
        set(node, at: now)
    }

    /// A name or a site that the operator has set; empty: none.
    mutating func note(_ order: C2Order, at now: Int64) {
        switch order {
        case .name(let node, let text): change(node, at: now) { $0.facts.name = text.isEmpty ? nil : text }
        case .site(let node, let text): change(node, at: now) { $0.facts.site = text.isEmpty ? nil : text }
        case .accept, .refuse, .join, .terminate, .deregister, .identity, .action, .update, .activate, .data, .observer,
            .forget, .require:
            break
        }
    }

    /// Orders of an earlier run that still wait for their answers.
    mutating func note(waiting asked: [Token: C2.Asked]) {
        for (token, one) in asked {
            waiting[token] = one.node
            change(one.node, at: 0) { $0.orders.append(OrderRecord(what: one.order, token: token, ordered: nil)) }
        }
    }

    /// The messages of orders were given to the outbox under these numbers.
    mutating func note(_ outputs: [C2Output]) {
        guard !waiting.isEmpty else { return }
        for case .publish(let message) in outputs {
            let token = (try? UnverifiedFrame(message.payload))?.unverifiedMessage.token
            if let token, waiting[token] != nil { unsent[message.id] = token }
        }
        // The outbox drops messages that no broker takes.
        if unsent.count > C2Fleet.mostUnsent { unsent = [:] }
    }

    /// The broker has acknowledged these messages.
    /// - Returns: the nodes whose orders are among them.
    mutating func acknowledged(_ ids: [Int64], at now: Int64) -> Set<Identifier> {
        var nodes: Set<Identifier> = []
        for id in ids {
            guard let token = unsent.removeValue(forKey: id), let node = waiting[token] else { continue }
            nodes.insert(node)
            change(node, at: now) { node in
                if let place = node.orders.lastIndex(where: { $0.token == token }) { node.orders[place].sent = now }
            }
        }
        return nodes
    }

    // MARK: - Parts

    private mutating func change(_ id: Identifier, at now: Int64, _ body: (inout Node) -> Void) {
        var node = self[id] ?? Node(id)
        body(&node)
        set(node, at: now)
    }

    private mutating func hear(_ message: Message, at now: Int64) {
        let token = message.token
        change(message.sender, at: now) { node in
            (node.facts.heard, node.asked) = (now, nil)
            if case .data(let id, let data) = message.body,
                [.identification, .identificationResponse].contains(DataID(id))
            {
                node.facts.told = C2Told(data.bytes, at: now)
                node.answer("told", under: token, orIdentity: true, at: now)
            } else if case .response(let status) = message.body {
                node.answer(status.description, under: token, orIdentity: false, at: now)
            }
        }
        let orders = self[message.sender]?.orders ?? []
        let open = Set(orders.filter { $0.answered == nil }.map(\.token))
        for order in orders where !open.contains(order.token) { waiting[order.token] = nil }
    }

    /// Bound on the messages that are remembered until the broker acknowledges them.
    private static let mostUnsent = 4_096

    private mutating func send(_ message: Message, to peer: Identifier, _ c2: C2, at now: Int64) {
        // INITIATE and ACTIVATE have one token: the later order has it from now on.
        guard let asked = c2.asked[message.token], asked.node == peer else { return }
        waiting[message.token] = peer
        change(peer, at: now) { node in
            node.orders.append(OrderRecord(what: asked.order, token: message.token, ordered: now))
        }
        guard var node = self[peer], node.orders.count > C2Fleet.mostOrders else { return }
        waiting[node.orders.removeFirst().token] = nil
        set(node, at: now)
    }

    private mutating func noteSimple(_ message: Message, of device: Identifier, at now: Int64) {
        guard case .response(let status) = message.body else { return }
        let isAccepted = status == .joinSuccess
        let reason = isAccepted ? "a simple join: nobody vouched" : "the policy does not allow it"
        let join = C2Facts.Join(
            mode: .simple, decision: isAccepted ? .accepted : .refused, observer: nil, reason: reason, grade: nil,
            at: now)
        change(device, at: now) { $0.facts.join = join }
    }
}

extension C2Fleet.Node {
    /// The oldest open order under this token has its answer; a node of the reference answers ID_REQUEST under a token of its own.
    fileprivate mutating func answer(_ text: String, under token: Token, orIdentity: Bool, at now: Int64) {
        let place = orders.firstIndex { order in
            order.answered == nil && (order.token == token || orIdentity && order.what == C2.Asked.What.identity.order)
        }
        guard let place else { return }
        (orders[place].answered, orders[place].answer) = (now, text)
        guard text == Status.actionSuccess.description, facts.told != nil else { return }
        if orders[place].what == C2.Asked.What.action(Action.pause.rawValue).order { facts.told?.paused = true }
        if orders[place].what == C2.Asked.What.action(Action.resume.rawValue).order { facts.told?.paused = false }
    }
}

extension C2.Asked {
    /// The order in words.
    var order: String { what.order }
}

extension C2.Asked.What {
    /// The order in words.
    var order: String {
        switch self {
        case .action(let code): Action(rawValue: code).map { "\($0.word)" } ?? "action \(code)"
        case .data: "data"
        case .identity: "request identification"
        case .deregister: "deregister"
        case .update: "fetch update"
        case .activate: "activate update"
        }
    }
}
