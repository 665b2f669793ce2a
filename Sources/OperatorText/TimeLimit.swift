import Glibc

/// A bound of a range of times, as an operator writes it: a moment, a day in UTC, or an age.
package struct TimeLimit: Equatable, Sendable {
    private enum Form: Equatable {
        /// Milliseconds since 1970.
        case moment(Int64)
        /// The first millisecond of a day in UTC, since 1970.
        case day(Int64)
        /// Milliseconds before now.
        case age(Int64)
    }

    /// What it takes, for a message.
    package static let forms = "a day (2026-12-01), a moment (2026-12-01T10:00:00Z) or an age (45s, 30m, 2h, 3d, 2w)"

    private static let dayLength: Int64 = 86_400_000
    /// In milliseconds. Nothing is older: an age beyond it is a typing error.
    private static let maximumAge = 36_525 * dayLength
    private static let units: [Character: Int64] = [
        "s": 1_000, "m": 60_000, "h": 3_600_000, "d": dayLength, "w": 7 * dayLength,
    ]

    private let form: Form

    /// From `2026-12-01`, `2026-12-01T10:00:00Z` (RFC 3339, also with a fraction of a second or another zone, as `+01:00`), or an age of at
    /// most 100 years: `45s`, `30m`, `2h`, `3d`, `2w`.
    /// - Returns: nil if it is none of these, or the day or time does not exist.
    package init?(_ text: String) {
        guard text.utf8.isVisibleASCII, text.utf8.count <= 40 else { return nil }
        if let unit = text.last.flatMap({ TimeLimit.units[$0] }), let count = TimeLimit.number(text.dropLast()) {
            guard count <= TimeLimit.maximumAge / unit else { return nil }
            form = .age(count * unit)
            return
        }
        guard let day = TimeLimit.day(text.prefix(10)) else { return nil }
        let rest = text.dropFirst(10)
        if rest.isEmpty {
            form = .day(day)
        } else {
            guard let time = TimeLimit.time(rest) else { return nil }
            form = .moment(day + time)
        }
    }

    /// The first millisecond since 1970 that a range beginning with it contains.
    package func beginning(now milliseconds: Int64) -> Int64 {
        switch form {
        case .moment(let moment), .day(let moment): moment
        case .age(let age): milliseconds - age
        }
    }

    /// The first millisecond since 1970 that a range ending with it does not contain. A day is contained as a whole.
    package func end(now milliseconds: Int64) -> Int64 {
        switch form {
        case .moment(let moment): moment
        case .day(let day): day + TimeLimit.dayLength
        case .age(let age): milliseconds - age
        }
    }

    /// Digits only: `Int64` would take a sign.
    private static func number(_ digits: Substring) -> Int64? {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits)
    }

    private static func numbers(_ text: Substring, _ widths: [Int], between separator: Character) -> [Int64]? {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == widths else { return nil }
        let numbers = parts.compactMap(number)
        return numbers.count == widths.count ? numbers : nil
    }

    /// Milliseconds since 1970 at the beginning of `2026-12-01`.
    private static func day(_ text: Substring) -> Int64? {
        guard let date = numbers(text, [4, 2, 2], between: "-") else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(date[0]) - 1_900, Int32(date[1]) - 1, Int32(date[2]))
        let seconds = Int64(timegm(&parts))
        // The system takes the 31st of June for the 1st of July.
        guard Timestamp(seconds).date == text else { return nil }
        return seconds * 1_000
    }

    /// Milliseconds from the beginning of the day, in UTC: of `T10:00:00Z`, `T10:00:00.250Z` or `T10:00:00+01:00`.
    private static func time(_ text: Substring) -> Int64? {
        guard text.first == "T" || text.first == "t",
            let clock = numbers(text.dropFirst().prefix(8), [2, 2, 2], between: ":"),
            clock[0] < 24, clock[1] < 60, clock[2] < 60
        else { return nil }
        var rest = text.dropFirst(9)
        var milliseconds: Int64 = 0
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0.isNumber }
            guard let fraction = number(digits.prefix(3) + String(repeating: "0", count: max(0, 3 - digits.count))),
                !digits.isEmpty
            else { return nil }
            milliseconds = fraction
            rest = rest.dropFirst(1 + digits.count)
        }
        guard let zone = zone(rest) else { return nil }
        return (clock[0] * 3_600 + clock[1] * 60 + clock[2]) * 1_000 + milliseconds - zone
    }

    /// How many milliseconds a zone is ahead of UTC.
    private static func zone(_ text: Substring) -> Int64? {
        if text == "Z" || text == "z" { return 0 }
        guard let sign = text.first, sign == "+" || sign == "-",
            let offset = numbers(text.dropFirst(), [2, 2], between: ":"), offset[0] < 24, offset[1] < 60
        else { return nil }
        return (offset[0] * 60 + offset[1]) * (sign == "+" ? 60_000 : -60_000)
    }
}
