import BootTime

/// The time, and timers that fire later: the boot clock on a loop, or in a test a clock that the test sets.
///
/// A component of the daemon reads no other clock for what it decides, nor do the sockets of the proof link. Used on the loop's
/// thread only.
public protocol LoopClock: Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    var now: Instant { get }

    /// A timer that is not set.
    /// - Parameter action: called on the loop's thread.
    func timer(_ action: @escaping @Sendable () -> Void) -> any LoopTimer
}

/// Fires once at the moment to which it was last set, and not after it has been released.
public protocol LoopTimer: AnyObject, Sendable {
    /// nil: it does not fire. A moment that has passed: it fires at once.
    func set(at moment: Instant?)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    func set(after delay: Duration)
}

/// CLOCK_BOOTTIME, with timers on a loop.
public struct BootClock: LoopClock {
    private let loop: Loop

    /// - Parameter loop: on whose thread its timers fire.
    public init(loop: Loop) { self.loop = loop }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public var now: Instant { .now }

    /// An alarm on the loop.
    public func timer(_ action: @escaping @Sendable () -> Void) -> any LoopTimer { Alarm(loop, action) }
}

extension Alarm: LoopTimer {}
