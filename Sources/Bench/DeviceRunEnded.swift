extension DeviceRun {
    /// How a run ended.
    public enum Ended: Equatable, Sendable {
        /// The server has decided.
        case decided(DeviceJoin.Outcome)
        /// The server has not decided in time.
        case noAnswer
        /// Joined; then the replayed request was ignored, as it should be.
        case replayIgnored
        /// Joined; then the server answered the replayed request.
        case replayAnswered
        /// Joined; and the time has expired before the membership ended.
        case stillMember
        /// Joined; then the membership ended, or the server refused to end it.
        case left(DeviceJoin.Departure)
    }
}

extension DeviceRun.Ended {
    /// The last line of output, after `device: `.
    public var message: String {
        switch self {
        case .decided(let outcome): outcome.rawValue
        case .noAnswer: "no answer"
        case .replayIgnored: "joined; the replayed frame was ignored"
        case .replayAnswered: "joined; the replayed frame was answered"
        case .stillMember: "joined; still a member"
        case .left(.kept): "joined; the server refuses to let it go"
        case .left(let departure): "joined; \(departure.rawValue)"
        }
    }

    var isJoin: Bool {
        switch self {
        case .decided(let outcome): outcome == .joined
        case .noAnswer: false
        case .replayIgnored, .replayAnswered, .stillMember, .left: true
        }
    }

    /// The command's exit status.
    public var status: Int32 {
        switch self {
        case .decided(.joined), .replayIgnored, .left(.resigned), .left(.deregistered), .left(.terminated): 0
        case .decided(.refused): 10
        case .decided(.failed): 11
        case .noAnswer: 12
        case .replayAnswered: 13
        case .left(.kept): 14
        case .stillMember: 15
        }
    }
}
