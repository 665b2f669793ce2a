import BootTime
import OperatorText
import SRUP

/// Which deregistrations the registry must still be told of, and when: as a value, without the requests themselves.
///
/// The registry revokes the node's certificates. A broker that reads its list does not let the node in again then, so it is told only
/// after the broker has the server's answer to the node.
struct C2Deregistrations {
    /// The registry's answer.
    enum Answer: Sendable {
        /// The identity has ended there.
        case ended
        /// It is not registered there, as a node of the keyring need not be; the registry's words.
        case unknown(String)
        /// Not now, or not with this token: it is told again.
        case failed(OperatorFault)
    }

    /// After a failure: at first, and at most, since each failure doubles it.
    static let initialPause = Duration.seconds(10)
    static let maximumPause = Duration.seconds(600)

    private var told: Set<Identifier>
    private var waiting: Set<Identifier> = []
    private var pause = C2Deregistrations.initialPause
    private var asking: Identifier?
    /// When the next attempt is due; nil: at once.
    private(set) var due: Instant?

    /// - Parameter told: the nodes of which the registry knows.
    init(told: Set<Identifier> = []) { self.told = told }

    /// These nodes are deregistered, now or since an earlier run.
    mutating func note(_ nodes: Set<Identifier>) {
        guard nodes.count != told.count + waiting.count else { return }
        waiting = nodes.subtracting(told)
        told.formIntersection(nodes)
    }

    /// The node of which the registry is told now; nil: of none. One at a time.
    /// - Parameter isReady: whether the broker has all messages to that node.
    mutating func next(at now: Instant, isReady: (Identifier) -> Bool) -> Identifier? {
        guard asking == nil, due.map({ $0 <= now }) ?? true else { return nil }
        due = nil
        asking = waiting.filter(isReady).min { $0.number < $1.number }
        return asking
    }

    /// Takes the registry's answer about the node of `next`.
    mutating func answered(_ node: Identifier, _ answer: Answer, at now: Instant) {
        asking = nil
        switch answer {
        case .ended, .unknown:
            waiting.remove(node)
            told.insert(node)
            pause = C2Deregistrations.initialPause
        case .failed:
            due = now + pause
            pause = min(pause * 2, C2Deregistrations.maximumPause)
        }
    }
}
