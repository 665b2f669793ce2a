import SRUP

/// Nodes in one order, kept sorted: a page of a list is a slice of it, and nothing is sorted for a request.
struct C2SortedKeys: Equatable, Sendable {
    /// A node's place: by the number, then by the text, then by the identifier.
    struct Key: Comparable, Sendable {
        let number: Int64
        let text: String
        let id: UInt64

        init(_ node: Identifier, number: Int64 = 0, text: String = "") {
            (self.number, self.text, id) = (number, text, node.number)
        }

        var node: Identifier { Identifier(id) }

        static func < (one: Key, other: Key) -> Bool {
            if one.number != other.number { return one.number < other.number }
            if one.text != other.text { return one.text < other.text }
            return one.id < other.id
        }
    }

    private(set) var keys: [Key]

    init(_ keys: [Key] = []) { self.keys = keys.sorted() }

    /// Takes out the old key, and puts in the new one; does nothing if they are equal.
    mutating func replace(_ old: Key?, by new: Key?) {
        guard old != new else { return }
        if let old {
            let place = place(of: old)
            if place < keys.count, keys[place] == old { keys.remove(at: place) }
        }
        if let new { keys.insert(new, at: place(of: new)) }
    }

    /// Where a key is, or would be.
    func place(of key: Key) -> Int {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
