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
            var (verdictOf, said, isRequest): (Identifier?, String?, Bool) = (nil, nil, false)
            for effect in step.effects {
                switch effect {
                case .record(let message?, _, refused: nil), .answered(let message, _):
                    changes.nodes.insert(message.sender)
                    hear(message, at: now)
                    if case .joinRequest = message.body { asksSimply = message.sender }
                    if case .response(let status) = message.body {
                        changes.joins = true
                        if status.isVerdict { verdictOf = message.sender }
                    }
                    if case .humanJoinRequest = message.body { isRequest = true }
                case .send(let message, let peer):
                    changes.nodes.insert(peer)
                    send(message, to: peer, c2, at: now)
                    if asksSimply == peer { noteSimple(message, said, of: peer, at: now) }
                case .ask(_, let peer):
                    changes.nodes.insert(peer)
                    change(peer, at: now) { $0.asked = $0.asked ?? now }
                case .decided(let decision, let device, let observer, let grounds):
                    changes.joins = true
                    changes.nodes.insert(device)
                    let join = C2Facts.Join(
                        mode: observer == nil ? .human : .observed, decision: decision, observer: verdictOf ?? observer,
                        reason: grounds.reason, grade: grounds.grade, at: now,
                        // A refusal at once, a wait in vain and the end of the time reached nobody; of a step's decisions, the
                        // first one is the verdict's.
                        hasVerdict: observer == nil ? decision != .failed && !isRequest : verdictOf != nil)
                    verdictOf = nil
                    change(device, at: now) { $0.facts.join = join }
                    if decision != .accepted { noteFailure(at: now) }
                case .moderate(let device, _):
                    changes.joins = true
                    changes.nodes.insert(device)
                case .say(let text): said = text
                case .record, .sendAgain: break
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
        node.record = c2.records[id].map(C2Fleet.Node.Record.init)
        if node.givenSite == nil { node.givenSite = c2.policy.sites.first { $0.value.beacons.contains(id) }?.key }
        if !node.isMember { node.asked = nil }
        for token in node.closeOrders(c2, at: now) { waiting[token] = nil }
        set(node, at: now)
    }

    /// A name or a site that the operator has set; empty: none.
    mutating func note(_ order: C2Order, at now: Int64) {
        switch order {
        case .name(let node, let text): change(node, at: now) { $0.facts.name = text.isEmpty ? nil : text }
        case .site(let node, let text): change(node, at: now) { $0.facts.site = text.isEmpty ? nil : text }
        case .accept, .refuse, .join, .terminate, .deregister, .identity, .action, .update, .activate, .data, .observer,
            .forget, .require, .stage, .staged:
            break
        }
    }

    /// Orders of an earlier run that still wait for their answers.
    /// - Parameter now: the server's start, from which they wait for this run.
    mutating func note(waiting asked: [Token: C2.Asked], at now: Int64) {
        for (token, one) in asked where (self[one.node]?.orders.count ?? 0) < C2Fleet.mostOrders {
            waiting[token] = one.node
            change(one.node, at: now) {
                $0.orders.append(OrderRecord(what: one.order, token: token, ordered: nil, since: now))
            }
        }
    }

    /// The messages of orders were given to the outbox under these numbers.
    mutating func note(_ outputs: [C2Output]) {
        guard !waiting.isEmpty else { return }
        for case .publish(let message, _) in outputs {
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
                let told = C2Told(data.bytes, at: now)
                node.facts.told = told
                if told.paused != nil { node.facts.paused = nil }
                // A node of the reference answers under a token of its own.
                let isOfReference = DataID(id) == .identificationResponse
                node.answer("told", under: token, orIdentity: isOfReference, at: now)
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
        // The server waits for a bounded number of answers: for the oldest ones no longer.
        if waiting.count > c2.asked.count { waiting = waiting.filter { c2.asked[$0.key] != nil } }
        guard var node = self[peer], node.orders.count > C2Fleet.mostOrders else { return }
        let removed = node.orders.removeFirst().token
        // INITIATE and ACTIVATE have one token.
        if !node.orders.contains(where: { $0.token == removed && $0.answered == nil }) { waiting[removed] = nil }
        set(node, at: now)
    }

    private mutating func noteFailure(at now: Int64) {
        failures.append(now)
        dropOldFailures(at: now)
    }

    /// - Parameter said: the step's last text for the operator, which has the reason of a refusal. A rate limit decides nothing.
    private mutating func noteSimple(_ message: Message, _ said: String?, of device: Identifier, at now: Int64) {
        guard case .response(let status) = message.body else { return }
        let isAccepted = status == .joinSuccess
        let start = "join of \(device): refused: "
        let refusal = said.flatMap { $0.hasPrefix(start) ? String($0.dropFirst(start.count)) : nil }
        guard let reason = isAccepted ? "a simple join: nobody vouched" : refusal else { return }
        let join = C2Facts.Join(
            mode: .simple, decision: isAccepted ? .accepted : .refused, observer: nil, reason: reason, grade: nil,
            at: now)
        change(device, at: now) { $0.facts.join = join }
    }
}

extension C2Fleet.Node {
    /// Closes the records of orders for whose answers the server no longer waits.
    /// - Returns: their tokens.
    fileprivate mutating func closeOrders(_ c2: C2, at now: Int64) -> [Token] {
        var closed: [Token] = []
        for place in orders.indices where orders[place].answered == nil {
            let asked = c2.asked[orders[place].token]
            // One that has left answers nothing but DEREGISTER.
            guard asked?.node != id || !isMember && asked?.what != .deregister else { continue }
            orders[place].answered = now
            orders[place].answer = isMember ? "the server no longer waits for it" : "none: it is not a member"
            closed.append(orders[place].token)
        }
        return closed
    }

    /// The oldest open order under this token has its answer.
    /// - Parameter orIdentity: it may also answer an ID_REQUEST under another token.
    fileprivate mutating func answer(_ text: String, under token: Token, orIdentity: Bool, at now: Int64) {
        let place = orders.firstIndex { order in
            order.answered == nil && (order.token == token || orIdentity && order.what == C2.Asked.What.identity.order)
        }
        guard let place else { return }
        (orders[place].answered, orders[place].answer) = (now, text)
        guard text == Status.actionSuccess.description else { return }
        if orders[place].what == C2.Asked.What.action(Action.pause.rawValue).order { facts.paused = true }
        if orders[place].what == C2.Asked.What.action(Action.resume.rawValue).order { facts.paused = false }
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

extension Status {
    /// Whether it is an observer's verdict on a join.
    fileprivate var isVerdict: Bool { [.observedJoinValid, .observedJoinInvalid, .observedJoinFail].contains(self) }
}
