import Bench
import SRUP

/// The nodes of a C2 server as its operator sees them: names, states, what they tell of themselves, and who vouched for whom. A value
/// with indices that are kept up to date, so that a page costs what it shows, and not what there is.
public struct C2Fleet: Equatable, Sendable {
    /// Milliseconds after which an order or an ID_REQUEST without an answer is late.
    public static let answerWithin: Int64 = 30_000
    /// Milliseconds for which a node counts as heard: two of the intervals at which beacons are asked.
    public static let recently: Int64 = 600_000
    /// Records of orders for each node.
    static let mostOrders = 8
    /// Decisions that are shown.
    static let mostDecisions = 10

    /// The order of a list.
    public enum Sort: String, CaseIterable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case state, name, site, heard, id
    }

    /// Who vouched for a device.
    public enum Voucher: Hashable, Sendable {
        /// A beacon.
        case beacon(Identifier)
        /// A person, who compared the values.
        case person
        /// Nobody: a simple join.
        case nobody
    }

    /// The devices for which someone vouched, or did not.
    struct Vouching: Equatable, Sendable {
        var devices = C2SortedKeys()
        /// Of these, by their last join.
        var accepted = 0
    }

    /// The nodes of one site.
    struct Site: Equatable, Sendable {
        var nodes = 0
        var states: [State: Int] = [:]
        var versions: [String: Int] = [:]
        var configurations: [String: Int] = [:]
    }

    private(set) var nodes: [Identifier: Node] = [:]
    private(set) var orders: [Sort: C2SortedKeys] = [:]
    private(set) var sites: [String: Site] = [:]
    private(set) var states: [State: Int] = [:]
    private(set) var vouching: [Voucher: Vouching] = [:]
    /// Beacons for which there is an entry in `vouching`, in their order.
    private(set) var vouchers = C2SortedKeys()
    /// When states change by themselves.
    private var due = C2SortedKeys()
    /// The orders that wait for their answer.
    var waiting: [Token: Identifier] = [:]
    /// The messages of these orders that the broker has not acknowledged.
    var unsent: [Int64: Token] = [:]
    /// The last decisions, the newest last.
    var decisions: [C2Entry] = []
    /// When joins did not succeed in the last hour, in milliseconds since 1970.
    var failures: [Int64] = []

    /// A fleet with these nodes.
    /// - Parameter now: in milliseconds since 1970.
    public init(_ all: [Node] = [], at now: Int64 = 0) {
        for var node in all {
            node.state = node.state(at: now)
            nodes[node.id] = node
            count(node, 1)
        }
        for sort in Sort.allCases { orders[sort] = C2SortedKeys(nodes.values.map { C2Fleet.key($0, sort) }) }
        due = C2SortedKeys(nodes.values.compactMap(C2Fleet.dueKey))
    }

    /// How many nodes there are.
    public var count: Int { nodes.count }
    /// How many nodes are in a state.
    public func count(_ state: State) -> Int { states[state] ?? 0 }
    /// A node; nil if there is none with this identity.
    public subscript(id: Identifier) -> Node? { nodes[id] }

    /// Orders that have had no answer for too long.
    public func unanswered(at now: Int64) -> [Node] {
        Set(waiting.values).compactMap { nodes[$0] }.filter { $0.orders.contains { $0.isUnanswered(at: now) } }
            .sorted { $0.id.number < $1.id.number }
    }

    /// Joins that did not succeed in the last hour.
    public func failed(at now: Int64) -> Int { failures.count { $0 > now - 3_600_000 } }

    /// Puts a node in, or in place of what was known of it.
    /// - Parameter now: in milliseconds since 1970.
    public mutating func set(_ node: Node, at now: Int64) {
        var node = node
        node.state = node.state(at: now)
        let old = nodes[node.id]
        guard old != node else { return }
        nodes[node.id] = node
        for sort in Sort.allCases {
            orders[sort]?.replace(old.map { C2Fleet.key($0, sort) }, by: C2Fleet.key(node, sort))
        }
        due.replace(old.flatMap(C2Fleet.dueKey), by: C2Fleet.dueKey(node))
        if let old { count(old, -1) }
        count(node, 1)
    }

    /// Brings the states up to date that change by the time alone.
    public mutating func refresh(at now: Int64) {
        while let first = due.keys.first, first.number <= now, let node = nodes[first.node] {
            set(node, at: now)
            // Without a change it would be due permanently.
            if due.keys.first == first { due.replace(first, by: nil) }
        }
        dropOldFailures(at: now)
    }

    /// Only those of the last hour are counted.
    mutating func dropOldFailures(at now: Int64) {
        failures.removeFirst(failures.firstIndex { $0 > now - 3_600_000 } ?? failures.count)
    }

    // MARK: - Indices

    static func key(_ node: Node, _ sort: Sort) -> C2SortedKeys.Key {
        let name = node.shownName.isEmpty ? "\u{10FFFF}" : node.shownName.lowercased()
        return switch sort {
        case .state: .init(node.id, number: Int64(State.allCases.firstIndex(of: node.state) ?? 0), text: name)
        case .name: .init(node.id, text: name)
        case .site: .init(node.id, text: node.site.isEmpty ? "\u{10FFFF}" : node.site.lowercased())
        case .heard: .init(node.id, number: -(node.facts.heard ?? 0))
        case .id: .init(node.id)
        }
    }

    private static func dueKey(_ node: Node) -> C2SortedKeys.Key? { node.changes.map { .init(node.id, number: $0) } }

    // In place: a copy of a large site for each node would make a start with 10,000 nodes slow.
    private mutating func count(_ node: Node, _ change: Int) {
        states[node.state, default: 0] += change
        sites[node.site, default: Site()].count(node, change)
        if sites[node.site]?.nodes == 0 { sites[node.site] = nil }
        if let join = node.facts.join { count(join, of: node.id, change) }
    }

    private mutating func count(_ join: C2Facts.Join, of device: Identifier, _ change: Int) {
        guard let voucher = Voucher(join) else { return }
        let key = C2SortedKeys.Key(device)
        if case .beacon(let id) = voucher, vouching[voucher] == nil { vouchers.replace(nil, by: .init(id)) }
        vouching[voucher, default: Vouching()].devices
            .replace(change > 0 ? nil : key, by: change > 0 ? key : nil)
        if join.decision == .accepted { vouching[voucher]?.accepted += change }
        guard vouching[voucher]?.devices.keys.isEmpty == true else { return }
        vouching[voucher] = nil
        if case .beacon(let id) = voucher { vouchers.replace(.init(id), by: nil) }
    }
}

extension C2Fleet.Site {
    fileprivate mutating func count(_ node: C2Fleet.Node, _ change: Int) {
        nodes += change
        states[node.state, default: 0] += change
        guard let told = node.facts.told else { return }
        if let version = told.version { C2Fleet.Site.add(change, to: version, in: &versions) }
        if let hash = told.configuration { C2Fleet.Site.add(change, to: hash, in: &configurations) }
    }

    private static func add(_ change: Int, to value: String, in counts: inout [String: Int]) {
        let sum = counts[value, default: 0] + change
        counts[value] = sum > 0 ? sum : nil
    }
}

extension C2Fleet.Voucher {
    /// nil: nobody gave a verdict. A device may name any beacon.
    init?(_ join: C2Facts.Join) {
        guard join.hasVerdict || join.mode == .simple else { return nil }
        switch join.mode {
        case .observed: self = join.observer.map { .beacon($0) } ?? .nobody
        case .human: self = .person
        case .simple: self = .nobody
        }
    }
}
