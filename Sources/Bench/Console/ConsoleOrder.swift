import SRUP

/// What the console's buttons order. One that needs more than a node has a form of its own beside these.
enum ConsoleOrder: String, CaseIterable, Sendable {
    case identity, identify, pause, resume
    case restartRadio = "restart-radio"
    case join, terminate, deregister

    /// On its button.
    var label: String {
        switch self {
        case .identity: "Ask who it is"
        case .identify: "Let it show itself"
        case .pause: "Pause observing"
        case .resume: "Resume observing"
        case .restartRadio: "Restart its radio"
        case .join: "Tell it to join"
        case .terminate: "Let it go…"
        case .deregister: "Deregister…"
        }
    }

    /// What is asked first, where it is not done at once.
    var question: String? {
        switch self {
        case .terminate: "It is a member no longer, and its open joins fail. It can be told to join again."
        case .deregister:
            "It destroys its keys and certificates, and is out of this system for good. It has to be enrolled anew to come "
                + "back."
        case .identity, .identify, .pause, .resume, .restartRadio, .join: nil
        }
    }

    /// On the button below the question.
    var confirmation: String { self == .terminate ? "Let it go" : "Deregister it" }

    func command(for node: Identifier) -> C2.Command {
        switch self {
        case .identity: .identity(node)
        case .identify: .action(node, 3)
        case .pause: .action(node, 1)
        case .resume: .action(node, 2)
        case .restartRadio: .action(node, 4)
        case .join: .join(node)
        case .terminate: .terminate(node)
        case .deregister: .deregister(node)
        }
    }
}
