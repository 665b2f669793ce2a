import Foundation

/// How often the radio tests repeat things: a few times, so that they all take some minutes; or, with `SRUP_FULL=1`
/// in the environment, as often as the published figures were measured with.
enum Scale {
    private static let isFull = ProcessInfo.processInfo.environment["SRUP_FULL"] == "1"

    /// Joins on each transport in each mode. An even number: in half of them the device is there before the request.
    static let joins = isFull ? 100 : 6
    /// Links that are opened and closed, and earlier ones that are not counted. Three transports share them.
    static let cycles = isFull ? 1_002 : 60
    static let warmUp = isFull ? 102 : 30
    /// A leak of this many KiB per link is found. Fewer links show only a larger leak: a page that the heap keeps
    /// must not count as a leak.
    static let leakThatShows = isFull ? 2 : 10
    /// Joins under each attack on each transport.
    static let floodJoins = isFull ? 17 : 3
    /// How often an adapter is taken away: each loss in each state of a link, once or several times.
    static let losses = isFull ? 50 : 12
}
