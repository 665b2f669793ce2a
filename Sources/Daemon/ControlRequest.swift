import Nearby
import Observing
import SRUP

/// What a subcommand asks the running beacon: one line on the control socket, words with spaces between them.
///
/// Both ends use this type: the subcommand writes `line`, and the beacon reads it with `init(line:)`.
package enum ControlRequest: Equatable, Sendable {
    /// The reply is a `StatusReport`.
    case status
    /// The newest verdicts, 1 to `Inquiry.maximumHistory` of them. The reply is an array of `PastObservation`.
    case observations(limit: Int, HistoryFilter = HistoryFilter())
    /// A part of the record, after one of the verdicts; nil: what comes before the rows. The reply is an `AuditPage`.
    case audit(after: Int64?)
    /// The reply is text, as Prometheus reads it.
    case metrics
    /// What is known of a token or an identifier. The reply is an array of `Explanation`.
    case explain(String)
    /// The reply is a `ReloadReply`.
    case reload
    /// The reply is a `StandingReport`.
    case standing(Identifier)
    /// The reply is an `OrderReply`.
    case order(MembershipOrder, Identifier)

    /// The first word of the line.
    private enum Verb: String {
        case status, observations, audit, metrics, explain, reload, standing, join, resign, deregister
        case joinAgain = "join-again"
    }

    /// How many verdicts are told where a line names no number.
    private static let usualHistory = 100

    /// A request that was received; nil: it is not one that this version knows.
    package init?(line: String) {
        let words = line.split(separator: " ")
        guard let verb = words.first.flatMap({ Verb(rawValue: String($0)) }) else { return nil }
        let server = words.dropFirst().first.flatMap { Identifier(hexadecimal: $0) }
        func order(_ order: MembershipOrder) -> ControlRequest? { server.map { .order(order, $0) } }
        let request: ControlRequest?
        switch verb {
        case .status: request = .status
        case .observations:
            let limit = words.dropFirst().first.flatMap { Int($0) } ?? ControlRequest.usualHistory
            request = .observations(
                limit: max(1, min(limit, Inquiry.maximumHistory)), HistoryFilter(words: words.dropFirst(2)))
        case .audit:
            let after = words.dropFirst().first.map { Int64($0) }
            request = if case .some(nil) = after { nil } else { .audit(after: after ?? nil) }
        case .metrics: request = .metrics
        case .explain: request = words.count == 2 ? .explain(String(words[1])) : nil
        case .reload: request = .reload
        case .standing: request = server.map { .standing($0) }
        case .join: request = order(MembershipOrder(joinWords: words.dropFirst(2), again: false))
        case .joinAgain: request = order(MembershipOrder(joinWords: words.dropFirst(2), again: true))
        case .resign: request = order(.resign)
        case .deregister: request = order(.deregister)
        }
        guard let request else { return nil }
        self = request
    }

    /// The line, without its end.
    package var line: String {
        switch self {
        case .status: Verb.status.rawValue
        case .observations(let limit, let filter):
            ([Verb.observations.rawValue, "\(limit)"] + filter.words).joined(separator: " ")
        case .audit(let after): Verb.audit.rawValue + (after.map { " \($0)" } ?? "")
        case .metrics: Verb.metrics.rawValue
        case .explain(let subject): "\(Verb.explain.rawValue) \(subject)"
        case .reload: Verb.reload.rawValue
        case .standing(let server): "\(Verb.standing.rawValue) \(server.topicForm)"
        case .order(.resign, let server): "\(Verb.resign.rawValue) \(server.topicForm)"
        case .order(.deregister, let server): "\(Verb.deregister.rawValue) \(server.topicForm)"
        case .order(.join(let mode, let address, again: let again), let server):
            ([(again ? Verb.joinAgain : .join).rawValue, server.topicForm] + mode.words
                + (address.map { [$0.optionForm] } ?? [])).joined(separator: " ")
        }
    }
}

/// A person's order about the membership of one server.
package enum MembershipOrder: Equatable, Sendable {
    /// How a person wants the beacon to join.
    package enum WantedMode: Equatable, Sendable {
        /// As the configuration has it.
        case configured
        case simple
        case human
        /// nil: the order names no observer, and is refused.
        case observed(by: Identifier?)

        init(_ mode: JoinMode?) {
            switch mode {
            case nil: self = .configured
            case .simple: self = .simple
            case .human: self = .human
            case .observed(let observer): self = .observed(by: observer)
            }
        }

        fileprivate var words: [String] {
            switch self {
            case .configured: ["configured"]
            case .simple: [JoinMode.Kind.simple.rawValue]
            case .human: [JoinMode.Kind.human.rawValue]
            case .observed(let observer): [JoinMode.Kind.observed.rawValue] + (observer.map { [$0.topicForm] } ?? [])
            }
        }
    }

    /// - Parameters:
    ///   - at: where the observer is near by.
    ///   - again: also where the beacon is a member already.
    case join(WantedMode, at: NearbyAddress?, again: Bool)
    case resign
    case deregister

    /// A join whose words after the server say how; whatever is not a mode means the configured one.
    fileprivate init(joinWords words: ArraySlice<Substring>, again: Bool) {
        let words = Array(words)
        let mode: WantedMode =
            switch words.first.flatMap({ JoinMode.Kind(rawValue: String($0)) }) {
            case nil: .configured
            case .simple: .simple
            case .human: .human
            case .observed: .observed(by: words.dropFirst().first.flatMap { Identifier(hexadecimal: $0) })
            }
        self = .join(mode, at: NearbyAddress(words.dropFirst(2).joined(separator: " ")), again: again)
    }
}

/// What became of a request to read the configuration again.
package enum ReloadReply: RawRepresentable, Equatable, Sendable {
    case reloaded
    /// Why the running beacon did not take all of it, for a person.
    case refused(String)

    package init(rawValue: String) {
        self = rawValue == ReloadReply.reloaded.rawValue ? .reloaded : .refused(rawValue)
    }

    /// The reply's text.
    package var rawValue: String {
        switch self {
        case .reloaded: "reloaded"
        case .refused(let fault): fault
        }
    }
}
