// Where sequence ids begin that nothing is known of (docs/protocol.md, "Sequence ids"): numbers of a clock, and no clock.
extension SequenceID {
    /// 2026-11-01, in seconds since 1970. No program that begins at its clock runs before it.
    static let earliestClock: Int64 = 1_793_491_200
    /// Seconds, 20 years. No program and no certificate is in use for longer: a clock that is further ahead is wrong, and its ids would
    /// be above all that a receiver's right clock lets it accept.
    static let longestUse: Int64 = 631_152_000
    /// Microseconds, a day: by as much the sender's clock may be ahead of the receiver's. Larger: a copied message can lock its sender
    /// out for longer.
    static let clockMargin: Int64 = 86_400_000_000

    /// An id above every one that a node can have used that has lost them: microseconds since 1970. It has used far less than one in a
    /// microsecond since then.
    /// - Parameters:
    ///   - microseconds: since 1970, by the node's wall clock.
    ///   - certificate: when the node's certificate began, in seconds since 1970: its clock cannot be right before that, and no broker
    ///   would accept the certificate either.
    /// - Returns: nil where the clock cannot be right: it is before this program or the certificate, or decades after both.
    public init?(clock microseconds: Int64, certificateFrom certificate: Int64? = nil) {
        let earliest = max(SequenceID.earliestClock, certificate ?? 0)
        let (latest, overflow) = earliest.addingReportingOverflow(SequenceID.longestUse)
        guard !overflow, (earliest...latest).contains(microseconds / 1_000_000) else { return nil }
        self.init(UInt64(microseconds))
    }

    /// The id of a device that keeps none, and runs for one join at a time: 2^51 plus hundredths of a second since 1970, so that it is
    /// greater than in any earlier run as long as the clock goes forward. Earlier devices used microseconds, which are below 2^51 until
    /// 2041: a server with an older state accepts these ids, and not the other way round.
    /// - Returns: nil where the clock cannot be right.
    public static func ofDevice(clock microseconds: Int64) -> SequenceID? {
        SequenceID(clock: microseconds).map { SequenceID(1 << 51 + $0.number / 10_000) }
    }

    /// The highest id that a node can have whose ids began at its clock, by the clock of the receiver.
    /// - Parameter microseconds: since 1970.
    public static func highest(atClock microseconds: Int64) -> SequenceID {
        let end = UInt64(max(0, min(microseconds, .max - clockMargin) + clockMargin))
        return SequenceID(max(end, 1 << 51 + end / 10_000))
    }
}
