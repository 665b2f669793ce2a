import BootTime
import ProofLink
import SRUP

@testable import Observing

// How tests read effects: what was recorded, answered and reported.
extension [Effect] {
    /// What is to be recorded.
    var recorded: [Change] { compactMap { if case .record(let change) = $0 { change } else { nil } } }

    /// The messages to servers.
    var sent: [Message] { compactMap { if case .send(let message, _) = $0 { message } else { nil } } }

    /// The statuses of the RESPONSEs to servers.
    var responses: [Status] { sent.compactMap { if case .response(let status) = $0.body { status } else { nil } } }

    /// The verdicts that are recorded.
    var verdicts: [Verdict] {
        recorded.compactMap { if case .answered(_, _, let verdict, _, _) = $0 { verdict } else { nil } }
    }

    /// Their reasons.
    var reasons: [Reason] {
        recorded.compactMap { if case .answered(_, _, _, let reason, _) = $0 { reason } else { nil } }
    }

    /// The evidence of their proofs.
    var evidence: [Evidence?] {
        recorded.compactMap { if case .answered(_, _, _, _, let evidence) = $0 { evidence } else { nil } }
    }

    /// Why messages were refused.
    var refusals: [Refusal] {
        compactMap { if case .report(.refused(let refusal, _, _)) = $0 { refusal } else { nil } }
    }

    /// The frames to a link.
    func told(_ link: LinkID) -> [LinkFrame] {
        compactMap { if case .tell(link, let frame) = $0 { frame } else { nil } }
    }

    /// How links end.
    var outcomes: [LinkID: Outcome] {
        reduce(into: [:]) { if case .tell(let link, .outcome(let outcome, _)) = $1 { $0[link] = outcome } }
    }

    /// The servers that the beacon wants to join again.
    var wanted: [Identifier] { compactMap { if case .wantToken(let server) = $0 { server } else { nil } } }

    /// One letter per effect, to show an order: r(ecord) s(end) t(ell) c(lose) w(ant) a(ct) p(resent) d(estroy) f(etch) x (discard)
    /// i(nstall) v(erify what came up) and a dot for a report.
    var order: String {
        String(
            map { effect -> Character in
                switch effect {
                case .record: "r"
                case .send: "s"
                case .tell: "t"
                case .close: "c"
                case .wantToken: "w"
                case .act: "a"
                case .present: "p"
                case .destroy: "d"
                case .fetch: "f"
                case .discardUpdate: "x"
                case .install: "i"
                case .confirm: "v"
                case .report: "."
                }
            })
    }
}

/// Everything an observer remembers that can be compared, to check that nothing has changed.
struct Snapshot: Equatable {
    struct Link: Equatable {
        var state: BeaconSession.State
        var deadline: Instant
        var challengeLeft: Instant?
    }

    struct Observation: Equatable {
        var device: Identifier
        var value: Secret
        var deadline: Instant
        var mismatches: Int
        var falseValues: Int
        var unmet: [UnmetBound]
        var wasUnsigned: Bool
        var heldOff: [String]
        var lastEvidence: Evidence?
    }

    var servers: [Identifier: Observer.ServerState]
    var observations: [RequestID: Observation]
    var exchanges: [Identifier: [RequestID]]
    var links: [LinkID: Link]
    var linksOfPeer: [String: Int]
    var nextDeadline: Instant?
    var update: Update?
    var activations: [Activation]

    init(_ observer: Observer) {
        servers = observer.servers
        observations = observer.observations.mapValues {
            Observation(
                device: $0.device, value: $0.value, deadline: $0.deadline, mismatches: $0.mismatches,
                falseValues: $0.falseValues, unmet: $0.unmet, wasUnsigned: $0.wasUnsigned,
                heldOff: $0.heldOff, lastEvidence: $0.lastEvidence)
        }
        exchanges = observer.exchanges
        links = observer.links.mapValues {
            Link(state: $0.session.state, deadline: $0.deadline, challengeLeft: $0.challengeLeft)
        }
        linksOfPeer = observer.linksOfPeer
        (nextDeadline, update) = (observer.nextDeadline, observer.update)
        activations = observer.activations
    }
}

extension Policy {
    /// The defaults, with some numbers changed.
    init(_ change: (inout Policy) -> Void) {
        self.init()
        change(&self)
    }
}
