import BootTime
import EventLoop

/// Nanoseconds on CLOCK_BOOTTIME, for measurements.
package func bootNanoseconds() -> Int64 { Instant.now.nanoseconds }
