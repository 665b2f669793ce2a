import HumanView
import SRUP

// One join's page, and what is decided there.
extension Console {
    /// The page of a join: what must be compared, and afterwards what became of it.
    func join(_ id: String, _ query: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let view = await joinView(id, query["view"].flatMap(HumanView.init(rawValue:)), session) else {
            return .gone
        }
        return .page(200, ConsolePage.join(view))
    }

    /// Takes a form that decides. Whatever becomes of it, the answer is that very join's page.
    func decide(_ form: ConsoleForm, _ session: ConsoleSessions.Session) async -> ConsoleReply {
        guard let id = form["join"], let view = form["view"].flatMap(HumanView.init(rawValue:)),
            let wanted = form["decision"].flatMap(ConsoleButton.init(rawValue:))
        else { return .sentence(400, "Refused", "No join or decision was given. Nothing was done.") }
        let purpose = ConsoleFormNumbers.Purpose(join: id, view: view, session: session.token)
        let taken = forms.take(form["number"] ?? "", purpose, at: now())
        guard taken != .wrong else {
            return .sentence(403, "Refused", "This form is not one of this session's. Nothing was done.")
        }
        guard let shown = await joinView(id, view, session) else { return .gone }
        if taken == .used {
            // The second click of two on one button: what the first one did is told, and nothing else is done.
            return shown.ended == nil
                ? again(shown, "This form was sent before. Compare once more. Nothing was done.") : .see(shown.path)
        }
        if case .fresh(let age) = taken, wanted == .accept, age < ConsolePolicy.shortestLook {
            return again(shown, "The page had been open for less than 1.5 seconds: look first. Nothing was done.")
        }
        let typed = shown.comparison?.hidden.map { form["word\($0 + 1)"] ?? "" } ?? []
        switch await dependencies.decide(id, wanted.decision(view, typed)) {
        case .decided: return .see(shown.path)
        case .over: return await again(joinView(id, view, session) ?? shown, ConsoleReply.tooLate)
        case .differ(let left):
            let message =
                left > 0
                ? "Those are not the words that belong here. Read them on the device once more; if it shows other words, refuse it."
                : "Those are not the words that belong here, for the last time: this join can only be refused now."
            return await again(joinView(id, view, session) ?? shown, message + " Nothing was done.")
        case .notKept: return again(shown, "It could not be kept. Nothing was done.")
        }
    }

    /// The join's page once more, with a fresh form.
    private func again(_ view: ConsoleJoinView, _ message: String) -> ConsoleReply {
        var view = view
        view.said = [message]
        view.number = forms.number(view.purpose, at: now())
        return .page(409, ConsolePage.join(view))
    }

    /// nil where no such join is open, and none ended lately.
    private func joinView(
        _ id: String, _ wanted: HumanView?, _ session: ConsoleSessions.Session
    ) async -> ConsoleJoinView? {
        let snapshot = await dependencies.snapshot()
        let (open, ended) = (snapshot.joins.first { $0.id == id }, snapshot.ended.last { $0.id == id })
        guard let device = open?.device ?? ended?.device else { return nil }
        let comparison = open?.hasValue == true ? await dependencies.comparison(id, wanted) : nil
        var view = ConsoleJoinView(
            id: id, device: device, open: open, ended: open == nil ? ended : nil, comparison: comparison,
            view: comparison?.view ?? wanted ?? .words,
            isMember: snapshot.nodes.contains { $0.id == device && [.joined, .observer].contains($0.membership) },
            others: snapshot.joins.filter { $0.id != id && $0.joinMode == .human },
            newest: dependencies.entriesBefore(.max, 1, nil).last?.id ?? 0, session: session)
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

/// All that a join's page shows.
struct ConsoleJoinView: Sendable {
    let id: String
    let device: Identifier
    /// While it is open.
    let open: C2Snapshot.Join?
    /// Afterwards.
    let ended: C2Snapshot.Ended?
    let comparison: ConsoleComparison?
    let view: HumanView
    /// Whether the device is a member now.
    let isMember: Bool
    /// The other joins that wait for a person.
    let others: [C2Snapshot.Join]
    let newest: Int64
    let session: ConsoleSessions.Session
    /// What there is to say about the last form.
    var said: [String] = []
    /// The form's own.
    var number = ""

    var path: String { ConsolePage.joinPath + id }
    var purpose: ConsoleFormNumbers.Purpose {
        ConsoleFormNumbers.Purpose(join: id, view: view, session: session.token)
    }
}

extension ConsoleReply {
    fileprivate static let tooLate = "This join was over before your decision came. Nothing was done."
}
