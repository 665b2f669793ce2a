import HumanView
import SRUP

// One join's page, and the decision on it.
extension Console {
    /// The page of a join: the value to compare, and later the result.
    func join(_ id: String, _ query: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let view = await joinView(id, query["view"].flatMap(HumanView.init(rawValue:)), session) else {
            return .gone
        }
        return reply(200, view, part: query["part"])
    }

    /// Handles a form that decides. The reply is always the page of the same join.
    func decide(_ form: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let id = form["join"], let view = form["view"].flatMap(HumanView.init(rawValue:)),
            let wanted = form["decision"].flatMap(ConsoleButton.init(rawValue:))
        else { return .message(400, "Refused", "No join or decision was given. Nothing was done.") }
        let purpose = ConsoleFormNumbers.Purpose(join: id, view: view, session: session.token)
        let taken = forms.take(form["number"] ?? "", purpose, at: now())
        guard taken != .wrong else {
            return .message(403, "Refused", "This form does not belong to this session. Nothing was done.")
        }
        guard let shown = await joinView(id, view, session) else { return .gone }
        if taken == .used {
            // The second click of a double click: the page shows what the first one did, and nothing else is done.
            return shown.ended == nil
                ? again(shown, "This form was already sent. Compare again. Nothing was done.") : .see(shown.path)
        }
        if case .fresh(let age) = taken, wanted == .accept, age < ConsolePolicy.minimumLook {
            return again(
                shown, "The page was open for less than 1.5 seconds. Compare the values first. Nothing was done.")
        }
        let typed = shown.comparison?.hidden.map { form["word\($0 + 1)"] ?? "" } ?? []
        switch await dependencies.decide(id, wanted.decision(view, typed)) {
        case .decided: return .see(shown.path)
        case .over: return await again(joinView(id, view, session) ?? shown, ConsoleReply.tooLate)
        case .differ(let left):
            let message =
                left > 0
                ? "The words do not match. Read them on the device again; if it shows other words, refuse the join."
                : "The words do not match, and there are no more attempts. This join can only be refused now."
            return await again(joinView(id, view, session) ?? shown, message + " Nothing was done.")
        case .notKept: return again(shown, "The decision could not be stored. Nothing was done.")
        }
    }

    private func reply(_ status: Int, _ view: ConsoleJoinView, part: String? = nil) -> ConsoleReply {
        ConsolePage.page(ConsolePage.join(view), view.all, part: part).map { .page(status, $0) } ?? .noPart
    }

    /// The join's page again, with a new form.
    private func again(_ view: ConsoleJoinView, _ message: String) -> ConsoleReply {
        var view = view
        view.all = self.view(view.all.snapshot, view.session, said: [message])
        view.number = forms.number(view.purpose, at: now())
        return reply(409, view)
    }

    /// nil if no such join is open or recently finished.
    private func joinView(
        _ id: String, _ wanted: HumanView?, _ session: ConsoleSessions.Session
    ) async -> ConsoleJoinView? {
        let snapshot = await dependencies.snapshot()
        let (open, ended) = (snapshot.joins.first { $0.id == id }, snapshot.ended.last { $0.id == id })
        guard let device = open?.device ?? ended?.device else { return nil }
        let comparison = open?.hasValue == true ? await dependencies.comparison(id, wanted) : nil
        var view = ConsoleJoinView(
            id: id, device: device, open: open, ended: open == nil ? ended : nil, comparison: comparison,
            view: comparison?.view ?? wanted ?? .words, isMember: snapshot.fleet[device]?.isMember == true,
            others: snapshot.joins.filter { $0.id != id && $0.joinMode == .human },
            fingerprint: dependencies.fingerprint(device), figure: open == nil ? lastJoin(of: device) : nil,
            all: self.view(snapshot, session))
        view.number = forms.number(view.purpose, at: now())
        return view
    }
}

/// The buttons of a form that decides, by what the form sends.
enum ConsoleButton: String {
    case accept, refuse

    /// - Parameter typed: of words, those that were hidden.
    fileprivate func decision(_ view: HumanView, _ typed: [String]) -> ConsoleDecision {
        switch self {
        case .accept: .accept(view, words: typed)
        case .refuse: .refuse
        }
    }
}

/// Everything that a join's page shows.
struct ConsoleJoinView: Sendable {
    let id: String
    let device: Identifier
    /// While it is open.
    let open: C2Snapshot.Join?
    /// When it is finished.
    let ended: C2Snapshot.Ended?
    let comparison: ConsoleComparison?
    let view: HumanView
    /// Whether the device is a member now.
    let isMember: Bool
    /// The other joins that wait for a person.
    let others: [C2Snapshot.Join]
    /// SHA-256 of its key.
    let fingerprint: String?
    /// The messages of the device's last join, when it is over.
    let figure: ConsoleFigure?
    /// The state of the server.
    var all: ConsoleView
    /// The number of the form.
    var number = ""

    var session: ConsoleSessions.Session { all.session }
    var path: String { ConsolePage.joinPath + id }
    var purpose: ConsoleFormNumbers.Purpose {
        ConsoleFormNumbers.Purpose(join: id, view: view, session: session.token)
    }
}

extension ConsoleReply {
    fileprivate static let tooLate = "This join was finished before your decision arrived. Nothing was done."
}
