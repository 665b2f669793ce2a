import SRUP

/// What the console's buttons order, by what their forms send.
enum ConsoleOrder: String, CaseIterable, Sendable {
    case identity, identify, pause, resume
    case restartRadio = "restart-radio"
    case letObserve = "let-observe"
    case stopObserving = "stop-observing"
    case update, activate, join, terminate, deregister

    /// Those that need a node and nothing else; an update has a form of its own.
    static let ofNode = allCases.filter { $0 != .update }

    /// On its button.
    var label: String {
        switch self {
        case .identity: "Ask who it is"
        case .identify: "Identify"
        case .pause: "Pause observing"
        case .resume: "Resume observing"
        case .restartRadio: "Restart its radio"
        case .letObserve: "It may observe"
        case .stopObserving: "It may not observe"
        case .update: "Fetch the update"
        case .activate: "Activate the update…"
        case .join: "Tell it to join"
        case .terminate: "End membership…"
        case .deregister: "Deregister…"
        }
    }

    /// What is asked first, where it is not done at once.
    var question: String? {
        switch self {
        case .activate: "It installs what it has fetched, and starts anew with that."
        case .terminate: "It is a member no longer, and its open joins fail. It can be told to join again."
        case .deregister:
            "It destroys its keys and certificates, and is out of this system for good. It has to be enrolled anew to come "
                + "back."
        case .letObserve: "Its word then decides on the devices that name it, in this server's name."
        case .identity, .identify, .pause, .resume, .restartRadio, .stopObserving, .update, .join: nil
        }
    }

    /// On the button below the question.
    var confirmation: String {
        switch self {
        case .activate: "Activate the update"
        case .letObserve: "It may observe"
        case .terminate: "End membership"
        case .deregister: "Deregister it"
        case .identity, .identify, .pause, .resume, .restartRadio, .stopObserving, .update, .join: label
        }
    }

    /// The order of a form; nil where its fields do not make one.
    func order(for node: Identifier, in form: ConsoleForm) -> C2Order? {
        switch self {
        case .identity: .identity(node)
        case .identify: .action(node, 3)
        case .pause: .action(node, 1)
        case .resume: .action(node, 2)
        case .restartRadio: .action(node, 4)
        case .letObserve: .observer(node, true)
        case .stopObserving: .observer(node, false)
        case .update: ConsoleOrder.update(node, in: form)
        case .activate: .activate(node)
        case .join: .join(node)
        case .terminate: .terminate(node)
        case .deregister: .deregister(node)
        }
    }

    private static func update(_ node: Identifier, in form: ConsoleForm) -> C2Order? {
        guard let url = form["url"], (1...ConsolePolicy.maximumAddress).contains(url.utf8.count),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let digest = form["digest"].flatMap({ bytes(hexadecimal: $0.utf8.filter { $0 > 0x20 }) }),
            digest.count == 32
        else { return nil }
        return .update(node, url: url, digest: digest)
    }
}
