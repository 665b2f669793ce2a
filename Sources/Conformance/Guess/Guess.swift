import Keys
import ProofLink
import SRUP

/// Finds out what a device has done wrong, from what it has sent. Only this tool does so: a beacon that tried more than the right
/// computation would let through what it must refuse.
package struct Guess: Sendable {
    private let facts: LinkFacts
    /// The key that the device should have signed with; nil: none is known.
    private let key: PublicKey?

    /// Guesses about one link.
    package init(_ facts: LinkFacts, key: PublicKey?) { (self.facts, self.key) = (facts, key) }

    /// The mistake with which these bytes are right, as what follows "correct if"; nil if no usual one, or pair of them, explains them.
    package func mistake(in kind: DeviceFrame, _ seen: [UInt8]) -> String? {
        if kind == .signature { return mistake(inSignature: seen) }
        return first(kind) { $0 == seen }
    }

    /// Single mistakes first, then two together.
    private func first(_ kind: DeviceFrame, where isRight: ([UInt8]) -> Bool) -> String? {
        let (whole, possible) = (Recipe(facts), Mistake.usual.filter { $0.kinds.contains(kind) })
        for one in possible {
            var recipe = whole
            one.change(&recipe)
            if isRight(recipe.made(kind)) { return one.clause }
        }
        for (index, one) in possible.enumerated() {
            for other in possible[(index + 1)...] {
                var recipe = whole
                one.change(&recipe)
                other.change(&recipe)
                if isRight(recipe.made(kind)) { return "\(one.clause), and \(other.clause)" }
            }
        }
        return nil
    }

    private func mistake(inSignature seen: [UInt8]) -> String? {
        guard let key else { return nil }
        guard seen.count == key.modulusLength else {
            return seen.isEmpty
                ? nil : "the signature had \(key.modulusLength) bytes, as the key has, not \(seen.count)"
        }
        let right = facts.signedBytes
        if key.verifiesPSS(seen, over: right) { return "the signature were PSS, and PKCS #1 v1.5 is wanted" }
        if key.verifies(seen.reversed()[...], over: [right[...]]) { return "the signature were little-endian" }
        if let order = mistake(inOrderOf: seen, key, right) { return order }
        return first(.signature) { key.verifies(seen[...], over: [$0[...]]) || key.verifiesPSS(seen, over: $0) }
    }

    /// Pieces of 128 bytes in another order.
    private func mistake(inOrderOf seen: [UInt8], _ key: PublicKey, _ right: [UInt8]) -> String? {
        let size = KeyedProof.maximumPiece
        let pieces = stride(from: 0, to: seen.count, by: size).map { Array(seen[$0..<min($0 + size, seen.count)]) }
        let turned = pieces.reversed().flatMap { $0 }
        return key.verifies(turned[...], over: [right[...]])
            ? "the pieces of the signature came in the other order" : nil
    }
}

extension Guess {
    /// What is wrong with the form of a frame.
    /// - Parameter type: of the frame that is expected.
    /// - Returns: what follows "correct if".
    package static func mistake(inFrame seen: [UInt8], type: UInt8) -> String? {
        guard seen.count >= LinkFrame.headerLength else { return nil }
        let rest = seen.count - LinkFrame.headerLength
        if seen[0] == type, Int(seen[2]) << 8 | Int(seen[1]) == rest {
            return "the length in the header were little-endian"
        }
        if seen[0] == type, Int(seen[1]) << 8 | Int(seen[2]) == seen.count {
            return "the length counted the header, too"
        }
        if seen[0] == type, Int(seen[1]) == seen.count - 2 { return "the length had one byte" }
        return nil
    }
}
