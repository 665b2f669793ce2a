/// A 128-bit value of an observed join, or a key that was derived from one: compared, never shown.
///
/// Its `==` takes the same time wherever the values differ, its description is fixed, it cannot be encoded, and its
/// storage is overwritten when the last reference goes. It never becomes a String.
///
/// `@unchecked Sendable`: the storage is written in `init` and `deinit` only, so what is shared is never changed.
public final class Secret: Equatable, @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    /// 16: the value is 128 bits (§5.2.1).
    public static let length = 16

    private let storage: UnsafeMutableRawBufferPointer

    /// A secret of exactly 16 raw bytes; nil for any other number. The caller wipes its own copy.
    public convenience init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Secret.length else { return nil }
        self.init(copying: bytes)
    }

    /// A key of 32 bytes that was derived from a value (docs/proof-link.md, "Keyed mode"). The caller wipes its own copy.
    /// - Precondition: 32 bytes.
    public convenience init(derived bytes: some Collection<UInt8>) {
        precondition(bytes.count == 32, "a derived key of \(bytes.count) bytes")
        self.init(copying: bytes)
    }

    private init(copying bytes: some Collection<UInt8>) {
        storage = .allocate(byteCount: bytes.count, alignment: 1)
        storage.copyBytes(from: bytes)
    }

    /// A secret from what a server sealed: 16 raw bytes (the paper) or 32 hexadecimal digits of either case (the
    /// reference); nil for anything else. The caller wipes its own copy.
    public convenience init?(plainText: UnsafeRawBufferPointer) {
        switch plainText.count {
        case Secret.length:
            self.init(plainText)
        case 2 * Secret.length:
            let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: Secret.length, alignment: 1)
            defer {
                wipe(raw)
                raw.deallocate()
            }
            for index in 0..<Secret.length {
                guard let high = hexadecimalDigitValue(plainText[2 * index]),
                    let low = hexadecimalDigitValue(plainText[2 * index + 1])
                else { return nil }
                raw[index] = high << 4 | low
            }
            self.init(raw)
        default:
            return nil
        }
    }

    deinit {
        wipe(storage)
        storage.deallocate()
    }

    /// Passes the bytes to `body`; they must not be copied into anything that is not wiped.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(storage))
    }

    /// Equal values, compared in constant time.
    public static func == (left: Secret, right: Secret) -> Bool {
        left.withBytes { first in right.withBytes { second in equalInConstantTime(first, second) } }
    }

    /// Always the same text: a secret is not shown.
    public var description: String { "secret (\(storage.count) bytes, not shown)" }

    /// Nothing: `dump` and `String(reflecting:)` show no more than `description`.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Whether two byte sequences are equal, without an early exit: the time depends only on their lengths.
@inlinable
public func equalInConstantTime(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (first, second) in zip(left, right) { difference |= first ^ second }
    return difference == 0
}

/// Overwrites a buffer with zeros. It is not inlined, so that the optimiser cannot see that nobody reads it afterwards.
@inline(never)
package func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
}
