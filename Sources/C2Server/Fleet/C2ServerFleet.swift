import Bench
import BootTime
import OperatorText
import SRUP

// The server's view of its nodes: kept up to date, stored, and asked for.
extension C2Server {
    /// The fleet as the last run left it.
    /// - Throws: `OperatorFault` if the store cannot be read.
    static func fleet(_ store: C2Store, _ c2: C2, knowing known: [Identifier]) throws(OperatorFault) -> C2Fleet {
        let (facts, now) = (try store.facts(), C2Entry.now)
        let ids = Set(known).union(facts.keys).union(store.memory.memberships.keys).union(c2.joined)
            .subtracting([c2.own])
        var sites: [Identifier: String] = [:]
        for (name, site) in c2.policy.sites { for beacon in site.beacons { sites[beacon] = name } }
        let nodes = ids.map { id in
            var node = C2Fleet.Node(id)
            node.facts = facts[id] ?? C2Facts()
            (node.membership, node.role, node.mayObserve) = (c2.membership(of: id), c2.role(of: id), c2.mayObserve(id))
            node.givenSite = sites[id]
            node.record = c2.records[id].map(C2Fleet.Node.Record.init)
            return node
        }
        var fleet = C2Fleet(nodes, at: now)
        fleet.note(waiting: c2.asked, at: now)
        let last = try store.lastDecisions(C2Fleet.mostDecisions, failuresAfter: now - 3_600_000)
        (fleet.decisions, fleet.failures) = (last.decisions, last.failures)
        return fleet
    }

    /// Takes over what the steps have changed, before they are stored.
    /// - Returns: the changes, and the facts to store.
    func noteFleet(
        _ steps: [C2Step], _ entries: [C2Entry], _ outputs: [C2Output]
    ) -> (C2Fleet.Changes, [Identifier: C2Facts]) {
        let now = C2Entry.now
        let changes = fleet.note(steps, of: c2, at: now)
        fleet.note(outputs)
        let decided = entries.filter { $0.kind == .decision }
        fleet.decisions = (fleet.decisions + decided).suffix(C2Fleet.mostDecisions)
        let facts = changes.nodes.compactMap { id in fleet[id].map { (id, $0.facts) } }
        for id in changes.nodes {
            asks.set(id, isAsked: fleet[id]?.isAsked == true, at: .now)
            if fleet[id]?.facts.heard == now { asks.heard(id, at: .now) }
        }
        return (changes, Dictionary(facts) { $1 })
    }

    /// All beacons of an earlier run are asked, each at its own time.
    func beginAsking() {
        for (id, node) in fleet.nodes where node.isAsked { asks.set(id, isAsked: true, at: .now) }
        askAlarm?.set(at: asks.nextDue)
    }

    /// Asks the beacons that are due; nobody while there is no broker, because the requests would wait in the outbox.
    func askBeacons() {
        guard hasBroker else { return }
        let nodes = asks.next(at: .now)
        if !nodes.isEmpty { perform([C2Step(effects: nodes.flatMap { c2.ask($0) })]) }
        askAlarm?.set(at: asks.nextDue)
    }
}

// What open pages are told.
extension C2Server {
    func noteBroker(_ isThere: Bool) {
        guard hasBroker != isThere else { return }
        hasBroker = isThere
        if isThere { asks.reconnected(at: .now) }
        askAlarm?.set(at: asks.nextDue)
        console?.wakeup.wake(ConsoleChange(kinds: [.broker]))
    }

    func noteAcknowledged(_ ids: [Int64]) {
        let nodes = fleet.acknowledged(ids, at: C2Entry.now)
        if !nodes.isEmpty { console?.wakeup.wake(ConsoleChange(kinds: [.nodes], nodes: nodes)) }
    }

    /// Forgets the values of joins that are over, and tells open pages what has changed.
    func noteForConsole(_ changes: C2Fleet.Changes, hasEntries: Bool) {
        guard let console else { return }
        shown = shown.filter { c2.moderated[$0.key] != nil }
        var change = ConsoleChange(nodes: changes.nodes)
        if changes.joins { change.kinds.insert(.joins) }
        if !changes.nodes.isEmpty { change.kinds.insert(.nodes) }
        if hasEntries { change.kinds.insert(.history) }
        if !change.kinds.isEmpty { console.wakeup.wake(change) }
    }
}
