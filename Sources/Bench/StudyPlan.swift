import HumanView

/// The pairs of `srup-bench study`, in the order in which they are shown: for each view some that are equal, and as many that differ by a
/// chosen number of bits (docs/human-views.md, "Measuring people").
public struct StudyPlan: Equatable, Sendable {
    /// Two values in one view.
    public struct Pair: Equatable, Sendable {
        /// How both are shown.
        public let view: HumanView
        /// In how many bits they differ: 0 to 128.
        public let bits: Int
        /// 16 bytes each.
        let first: [UInt8], second: [UInt8]
    }

    /// Pairs for each view; more than this tires anyone.
    public static let pairsOfAView = 2...500
    /// Of each pair that differs.
    public static let differingBits = 1...128

    /// What is shown, in this order.
    public let pairs: [Pair]
    /// The same seed gives the same pairs in the same order.
    public let seed: UInt64

    /// A plan.
    /// - Parameters:
    ///   - count: of each view; half of them, rounded up, are equal.
    ///   - bits: the numbers of differing bits, in turn.
    /// - Precondition: there is a view and a number of bits, and `count` and `bits` are in their bounds.
    public init(views: [HumanView], bits: [Int], count: Int, seed: UInt64) {
        precondition(!views.isEmpty && !bits.isEmpty && StudyPlan.pairsOfAView.contains(count), "a plan without pairs")
        var numbers = SeededNumbers(seed)
        let wanted = views.flatMap { view in
            (0..<count).map { place in
                (view, place < count / 2 ? bits[place % bits.count] : 0)
            }
        }
        self.seed = seed
        pairs = numbers.shuffled(wanted).map { view, bits in
            let first = numbers.bytes(16)
            return Pair(view: view, bits: bits, first: first, second: numbers.flipping(bits, of: first))
        }
    }
}

/// What a plan needs of random numbers, without the standard library's algorithms, which may change.
private struct SeededNumbers {
    private var random: SeededRandom

    init(_ seed: UInt64) { random = SeededRandom(seed: seed) }

    /// 0 to `limit` - 1.
    private mutating func number(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) } }

    /// In random order (Fisher and Yates).
    mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var left = elements
        for end in stride(from: left.count - 1, to: 0, by: -1) { left.swapAt(end, number(below: end + 1)) }
        return left
    }

    /// The same bytes, but for exactly so many of their bits.
    mutating func flipping(_ count: Int, of bytes: [UInt8]) -> [UInt8] {
        var flipped = bytes
        for place in shuffled(Array(0..<8 * bytes.count)).prefix(count) {
            flipped[place / 8] ^= 0x80 >> UInt8(place % 8)
        }
        return flipped
    }
}
