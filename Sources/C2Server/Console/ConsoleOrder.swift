import OperatorText
import SRUP

/// The orders of the console's buttons; the raw values are what their forms send.
enum ConsoleOrder: String, CaseIterable, Sendable {
    case identity, identify, pause, resume
    case restartRadio = "restart-radio"
    case letObserve = "let-observe"
    case stopObserving = "stop-observing"
    case update, activate, join, forget, terminate, deregister
    case name, site

    /// Orders that need only a node; an update, a name and a site have their own forms.
    static let ofNode = allCases.filter { ![.update, .name, .site].contains($0) }

    /// How the page of a node groups them.
    enum Group: String, CaseIterable, Sendable {
        case ask = "Ask", observing = "Observing", update = "Update", leave = "Membership"
    }

    /// nil: it has a place of its own.
    var group: Group? {
        switch self {
        case .identity, .identify: .ask
        case .pause, .resume, .restartRadio, .letObserve, .stopObserving: .observing
        case .update, .activate: .update
        case .join, .forget, .terminate, .deregister: .leave
        case .name, .site: nil
        }
    }

    /// Whether the order makes sense for a node in its present state and role.
    func applies(to node: C2Fleet.Node) -> Bool {
        guard node.membership != .deregistered else { return false }
        let isBeacon = node.mayObserve || node.facts.told?.observing != nil
        return switch self {
        case .identity, .identify, .update, .activate, .terminate, .deregister: node.isMember
        case .pause: node.isMember && isBeacon && node.facts.isPaused != true
        case .resume: node.isMember && isBeacon && node.facts.isPaused != false
        case .restartRadio: node.isMember && isBeacon
        case .letObserve: !node.mayObserve
        case .stopObserving: node.mayObserve
        case .join: !node.isMember
        case .forget, .name, .site: true
        }
    }

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
        case .name: "Set name"
        case .site: "Set site"
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
        case .identity, .identify, .pause, .resume, .restartRadio, .stopObserving, .update, .join, .name, .site:
            nil
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
        case .identity, .identify, .pause, .resume, .restartRadio, .stopObserving, .update, .join, .name, .site:
            label
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
        case .name: C2OrderParser.text(ConsoleOrder.words(form)).map { .name(node, $0) }
        case .site: C2OrderParser.text(ConsoleOrder.words(form)).map { .site(node, $0) }
        }
    }

    private static func words(_ form: ConsoleForm) -> [String] {
        (form["text"] ?? "").split(separator: " ").map(String.init)
    }

    private static func update(_ node: Identifier, in form: ConsoleForm) -> C2Order? {
        guard let url = form["url"], url.isPrintable(1...ConsolePolicy.maximumAddress, spaces: false),
            let digest = form["digest"].flatMap({ bytes(hexadecimal: $0.utf8.filter { $0 > 0x20 }) }),
            digest.count == 32
        else { return nil }
        return .update(node, url: url, digest: digest)
    }
}
