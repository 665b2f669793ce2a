import BootTime

/// [history]: how long verdicts are kept, and how often the end of their record is signed.
struct HistorySettings: Equatable, Sendable {
    /// How long verdicts are kept.
    var retention = VerdictRecord.Retention()
    /// After how many new verdicts the end is signed. Fewer: more signatures and messages; more: more rows that nothing vouches for.
    var headVerdicts: Int64 = 100
    /// How long a new verdict waits for that at most.
    var headInterval = Duration.seconds(3_600)
}
