import BootTime
import EventLoop
import Logging
import Observing
import ProofLink
import SRUP

/// Counts what the observer and the shell report, and logs it.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class Reports: @unchecked Sendable {
    private let events: EventLog
    private let clock: any LoopClock
    private let isConfigured: (Identifier) -> Bool

    private(set) var metrics = Metrics()
    /// Signs that a server no longer knows this beacon.
    private(set) var signs: [Identifier: ServerSigns] = [:]

    /// - Parameter isConfigured: whether a server is one of the configuration's; of others no signs are kept.
    init(_ events: EventLog, clock: any LoopClock, isConfigured: @escaping (Identifier) -> Bool) {
        (self.events, self.clock, self.isConfigured) = (events, clock, isConfigured)
    }

    /// - Parameter request: when the message arrived that is being acted on, where there is one.
    func report(_ report: Report, requestedAt request: Instant? = nil) {
        count(report)
        if case .opened = report, let request { metrics.requestToChallenge.add(clock.now - request) }
        let line = report.line
        events.say(line.level, about: line.kind, line.message, line.fields)
        if let server = report.aboutServer, isConfigured(server) {
            signs[server, default: ServerSigns()].note(report)
        }
    }

    /// A message that was dropped: counted, and logged in one line.
    func refuse(_ reason: RefusedReason, _ message: String, sender: Identifier? = nil) {
        count(reason)
        let fields = Logger.Metadata.of("refused", server: sender, ["reason": reason.name])
        events.say(.warning, about: reason.name, "refused \(message)", fields)
    }

    private func count(_ reason: RefusedReason) { metrics.refused[reason.name, default: 0] += 1 }

    func linkOpened(over transport: Transport) { metrics.linksOpened[transport, default: 0] += 1 }

    func brokerConnected() { metrics.brokerConnections += 1 }

    func brokerSessionLost() { metrics.brokerSessionsLost += 1 }

    private func count(_ report: Report) {
        switch report {
        case .refused(let refusal, _, _): count(.message(refusal.name))
        case .opened: metrics.opened += 1
        case .answered(_, _, let verdict, let reason, let grade, _):
            metrics.verdicts[verdict, default: 0] += 1
            if let grade { metrics.grades[grade, default: 0] += 1 }
            metrics.reasons[reason, default: 0] += 1
        case .mismatch: count(.falseProof)
        case .tooFar: count(.tooFar)
        case .ended(_, _, _, let outcome):
            if outcome != .valid { count(.link(outcome)) }
        case .repeated, .membership, .declined, .commanded, .acted, .update, .updateDeclined, .ready, .lost: break
        }
    }
}

extension Report {
    /// The server whose message or membership it is about, where that may be a sign of what the server knows of us.
    fileprivate var aboutServer: Identifier? {
        switch self {
        case .refused(_, let sender, _): sender
        case .membership(let server, _), .declined(let server, _), .commanded(let server): server
        case .opened(let exchange, _), .repeated(let exchange, _), .acted(let exchange, _, _),
            .updateDeclined(let exchange, _):
            exchange.server
        case .answered, .mismatch, .tooFar, .update, .ended, .lost, .ready: nil
        }
    }
}
