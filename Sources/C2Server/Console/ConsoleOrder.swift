import OperatorText
import SRUP

/// The orders of the console's buttons; the raw values are what their forms send.
enum ConsoleOrder: String, CaseIterable, Sendable {
    case identity, identify, pause, resume
    case restartRadio = "restart-radio"
    case letObserve = "let-observe"
    case stopObserving = "stop-observing"
    case update, activate, join, forget, terminate, deregister

    /// Orders that need only a node; an update has its own form.
    static let ofNode = allCases.filter { $0 != .update }

    /// The text of the button.
    var label: String {
        switch self {
        case .identity: "Request identification"
        case .identify: "Identify"
        case .pause: "Pause observing"
        case .resume: "Resume observing"
        case .restartRadio: "Restart radio"
        case .letObserve: "Allow observing"
        case .stopObserving: "Disallow observing"
        case .update: "Fetch update"
        case .activate: "Activate update…"
        case .join: "Send join command"
        case .forget: "Forget sequence ids…"
        case .terminate: "End membership…"
        case .deregister: "Deregister…"
        }
    }

    /// The question before the order is carried out; nil if it needs no confirmation.
    var question: String? {
        switch self {
        case .activate: "The device installs the fetched update and restarts."
        case .terminate: "The device is no longer a member, and its open joins fail. It can join again."
        case .deregister:
            "The device destroys its keys and certificates and is permanently removed from this system. It must be enrolled "
                + "again to return."
        case .forget:
            "Its next message may have any sequence id. It is not a member until it has joined again. For a device that has lost its "
                + "own ids: this server drops its messages as old ones."
        case .letObserve: "Its verdicts then decide on the devices that name it as their observer."
        case .identity, .identify, .pause, .resume, .restartRadio, .stopObserving, .update, .join: nil
        }
    }

    /// The text of the button below the question.
    var confirmation: String {
        switch self {
        case .activate: "Activate update"
        case .letObserve: "Allow observing"
        case .forget: "Forget sequence ids"
        case .terminate: "End membership"
        case .deregister: "Deregister"
        case .identity, .identify, .pause, .resume, .restartRadio, .stopObserving, .update, .join: label
        }
    }

    /// The order that a form sends; nil if its fields are not valid.
    func order(for node: Identifier, in form: ConsoleForm) -> C2Order? {
        switch self {
        case .identity: .identity(node)
        case .identify: .action(node, Action.identify.rawValue)
        case .pause: .action(node, Action.pause.rawValue)
        case .resume: .action(node, Action.resume.rawValue)
        case .restartRadio: .action(node, Action.restartRadio.rawValue)
        case .letObserve: .observer(node, true)
        case .stopObserving: .observer(node, false)
        case .update: ConsoleOrder.update(node, in: form)
        case .activate: .activate(node)
        case .join: .join(node)
        case .forget: .forget(node)
        case .terminate: .terminate(node)
        case .deregister: .deregister(node)
        }
    }

    private static func update(_ node: Identifier, in form: ConsoleForm) -> C2Order? {
        guard let url = form["url"], url.isPrintable(1...ConsolePolicy.maximumAddress, spaces: false),
            let digest = form["digest"].flatMap({ bytes(hexadecimal: $0.utf8.filter { $0 > 0x20 }) }),
            digest.count == 32
        else { return nil }
        return .update(node, url: url, digest: digest)
    }
}
