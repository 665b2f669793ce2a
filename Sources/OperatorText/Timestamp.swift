import Glibc

/// The wall clock, in microseconds since 1970.
package func wallMicroseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
}

/// A moment in UTC as people read it: nothing is decided by it.
package struct Timestamp: CustomStringConvertible, Equatable, Sendable {
    /// As in `2026-11-22`.
    package let date: String
    /// As in `18:00:00`, or `18:00:00.250`.
    package let time: String

    /// - Parameters:
    ///   - seconds: since 1970. Before the year 0 and after 9999 is a fault of a clock, and shown as the nearest of these years.
    ///   - milliseconds: 0 to 999; nil: none are shown.
    package init(_ seconds: Int64, milliseconds: Int? = nil) {
        var (moment, parts) = (time_t(min(max(seconds, -62_167_219_200), 253_402_300_799)), tm())
        gmtime_r(&moment, &parts)
        func padded(_ number: Int, _ width: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        date = "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1))-\(padded(Int(parts.tm_mday)))"
        time =
            [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded(Int($0)) }.joined(separator: ":")
            + (milliseconds.map { "." + padded($0, 3) } ?? "")
    }

    /// RFC 3339: `2026-11-22T18:00:00Z`.
    package var description: String { "\(date)T\(time)Z" }
}
