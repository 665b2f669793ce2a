import BootTime

/// Deadlines, as a binary heap ordered by time. Entries are not withdrawn; the caller that takes one out checks whether
/// it is still valid.
struct Agenda<Entry: Sendable>: Sendable {
    private var heap: [(at: Instant, entry: Entry)] = []

    /// The earliest time, even if its entry is no longer valid.
    var next: Instant? { heap.first?.at }

    /// The number of entries, including those that are no longer valid.
    var count: Int { heap.count }

    mutating func add(_ entry: Entry, at moment: Instant) {
        heap.append((moment, entry))
        var child = heap.count - 1
        while child > 0, heap[child].at < heap[(child - 1) / 2].at {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Takes out the earliest entry that is due.
    mutating func takeDue(at now: Instant) -> Entry? {
        guard let first = heap.first, first.at <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let children = (2 * parent + 1)..<min(2 * parent + 3, max(heap.count, 2 * parent + 1))
            guard let least = children.min(by: { heap[$0].at < heap[$1].at }), heap[least].at < heap[parent].at else {
                return first.entry
            }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
