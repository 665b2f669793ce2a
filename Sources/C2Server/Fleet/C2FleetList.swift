import SRUP

// Lists of nodes: a search, filters, an order, and one page.
extension C2Fleet {
    /// What a list shows.
    public struct Query: Equatable, Sendable {
        /// Part of the name, the site or the identifier; empty: all.
        public var search = ""
        /// Only nodes in this state.
        public var state: State?
        /// Only nodes that may observe, or only those that may not.
        public var observers: Bool?
        /// Only nodes of this site; empty: of none.
        public var site: String?
        /// The order.
        public var sort = Sort.state
        /// From 0 on.
        public var page = 0

        /// All nodes.
        public init() {}

        var isFilter: Bool { !search.isEmpty || state != nil || observers != nil || site != nil }
    }

    /// One page of a list.
    public struct List: Sendable {
        /// Those of the page.
        public var nodes: [Node]
        /// How many there are on all pages.
        public var total: Int
        /// How many nodes were read for it: the work.
        public var read: Int
    }

    /// Nodes on a page.
    public static let pageLength = 50

    /// A page of a list. Without a filter, only the page's own nodes are read.
    public func list(_ query: Query) -> List {
        let keys = orders[query.sort]?.keys ?? []
        let first = max(0, min(query.page, keys.count / C2Fleet.pageLength)) * C2Fleet.pageLength
        guard query.isFilter else {
            let shown = keys.dropFirst(first).prefix(C2Fleet.pageLength).compactMap { nodes[$0.node] }
            return List(nodes: shown, total: keys.count, read: shown.count)
        }
        let words = Words(query.search)
        var list = List(nodes: [], total: 0, read: 0)
        for key in keys {
            list.read += 1
            guard let node = nodes[key.node], matches(node, query, words) else { continue }
            if list.total >= first, list.nodes.count < C2Fleet.pageLength { list.nodes.append(node) }
            list.total += 1
        }
        return list
    }

    /// What is searched for; identifiers also with spaces between their groups.
    private struct Words {
        let text: [UInt8]
        let digits: [UInt8]

        init(_ search: String) {
            text = Array(search.lowercased().utf8)
            digits = text.filter { $0 != UInt8(ascii: " ") }
        }
    }

    private func matches(_ node: Node, _ query: Query, _ words: Words) -> Bool {
        if let state = query.state, node.state != state { return false }
        if let observers = query.observers, node.mayObserve != observers { return false }
        if let site = query.site, node.site != site { return false }
        guard !words.text.isEmpty else { return true }
        return node.id.description.utf8.has(words.digits) || node.shownName.lowercased().utf8.has(words.text)
            || node.site.lowercased().utf8.has(words.text)
    }

    /// The value that more than half of a site's nodes tell, of a version or configuration; nil if there is none. A node with another
    /// value differs from the rest of its site.
    static func usual(_ counts: [String: Int]) -> String? {
        let told = counts.values.reduce(0, +)
        return counts.first { 2 * $0.value > told && $0.value > 1 }?.key
    }
}

extension Collection<UInt8> {
    /// Whether these bytes are in it.
    fileprivate func has(_ part: [UInt8]) -> Bool {
        guard let first = part.first else { return true }
        var from = startIndex
        while let start = self[from...].firstIndex(of: first) {
            if self[start...].starts(with: part) { return true }
            from = index(after: start)
        }
        return false
    }
}
