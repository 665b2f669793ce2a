import BootTime

/// In tests a moment is written as its distance from boot: a literal is in nanoseconds.
extension Instant: ExpressibleByIntegerLiteral {
    /// Nanoseconds after boot.
    public init(integerLiteral value: Int64) { self.init(nanoseconds: value) }

    /// Seconds after boot.
    public static func seconds(_ count: some BinaryInteger) -> Instant { Instant(.seconds(count)) }

    /// Milliseconds after boot.
    public static func milliseconds(_ count: some BinaryInteger) -> Instant { Instant(.milliseconds(count)) }
}
