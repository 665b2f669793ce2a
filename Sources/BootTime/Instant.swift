/// A moment on CLOCK_BOOTTIME: nanoseconds since this boot, counting sleep. Nothing is decided by the wall clock.
///
/// The one type for moments from the event loop up to the decisions; what lies between two of them is a `Duration`. Raw nanoseconds are
/// only where the system or a file wants a number.
public struct Instant: Comparable, Hashable, Sendable, CustomStringConvertible {
    /// Nanoseconds since boot.
    public let nanoseconds: Int64

    /// A moment so many nanoseconds after boot.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// A moment so long after boot.
    public init(_ sinceBoot: Duration) { nanoseconds = sinceBoot.wholeNanoseconds }

    /// The boot itself: earlier than anything that happens.
    public static let boot = Instant(nanoseconds: 0)

    /// Earlier is less.
    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment so much later.
    public static func + (moment: Instant, delay: Duration) -> Instant {
        Instant(nanoseconds: moment.nanoseconds + delay.wholeNanoseconds)
    }

    /// Moves it so much later.
    public static func += (moment: inout Instant, delay: Duration) { moment = moment + delay }

    /// The moment so much earlier.
    public static func - (moment: Instant, delay: Duration) -> Instant {
        Instant(nanoseconds: moment.nanoseconds - delay.wholeNanoseconds)
    }

    /// How long after another moment.
    public static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }

    /// Seconds since boot.
    public var description: String { "\(Duration.nanoseconds(nanoseconds))" }
}

extension Duration {
    /// The whole duration in nanoseconds; 292 years fit.
    public var wholeNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }

    /// The whole duration in microseconds, cut.
    public var wholeMicroseconds: Int64 { wholeNanoseconds / 1_000 }

    /// The whole duration in milliseconds, cut.
    public var wholeMilliseconds: Int64 { wholeNanoseconds / 1_000_000 }

    /// The whole duration in seconds, cut.
    public var wholeSeconds: Int64 { components.seconds }

    /// The duration in seconds, with their fraction.
    public var inSeconds: Double { Double(wholeNanoseconds) / 1e9 }
}
