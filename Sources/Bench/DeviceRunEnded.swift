extension DeviceRun.Ended {
    /// The last line of output, after `device: `.
    public var message: String {
        switch self {
        case .decided(let outcome): outcome.rawValue
        case .noAnswer: "no answer"
        case .replayIgnored: "joined; the replayed frame was ignored"
        case .replayAnswered: "joined; the replayed frame was answered"
        }
    }

    var isJoin: Bool { [.decided(.joined), .replayIgnored, .replayAnswered].contains(self) }

    /// The command's exit status.
    public var status: Int32 {
        switch self {
        case .decided(.joined), .replayIgnored: 0
        case .decided(.refused): 10
        case .decided(.failed): 11
        case .noAnswer: 12
        case .replayAnswered: 13
        }
    }
}
