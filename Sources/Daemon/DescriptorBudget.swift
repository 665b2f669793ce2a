import EventLoop
import Nearby
import Observing
import OperatorText

/// What the limit on open files (RLIMIT_NOFILE) leaves for links. A beacon that has no descriptor left can neither write its journal nor
/// reach its broker, so links never take the last ones.
enum DescriptorBudget {
    /// For everything but links: the loop, the journal, the control socket with 16 clients, the listening sockets of some adapters, the
    /// kernel's management and bluetoothd, the broker with the attempts at its addresses, and a child's input and output.
    static let others = 42
    /// With fewer than this many links at a time the beacon is of no use.
    static let fewestLinks = 4

    static let hint = LinkSocketError.shortageHint

    /// How many links at a time a limit allows, at most as many as are wanted.
    static func links(_ wanted: Int, limit: Int) -> Int { min(wanted, max(1, limit - others)) }

    /// Checks that a limit is enough for a beacon.
    /// - Throws: `OperatorFault`.
    static func check(limit: Int) throws(OperatorFault) {
        guard limit < others + fewestLinks else { return }
        throw OperatorFault(
            "this process may open \(limit) files, and needs \(others + fewestLinks) or more", hint: hint)
    }

    /// What the limit keeps from the configuration; nil: nothing.
    static func finding(links wanted: Int, limit: Int) -> OperatorFault? {
        let allowed = links(wanted, limit: limit)
        guard allowed < wanted else { return nil }
        return OperatorFault(
            "this process may open \(limit) files: that is enough for \(allowed) links at a time, and [link] links is \(wanted)",
            hint: hint + "; or lower [link] links")
    }
}

extension Configuration {
    /// What a process that may open so many files can do of this configuration; nil: all of it.
    package func descriptorFinding(limit: Int) -> OperatorFault? {
        DescriptorBudget.finding(links: policy.linkLimit, limit: limit)
    }

    /// The policy, with no more links than this process has descriptors for.
    var allowedPolicy: Policy {
        var allowed = policy
        allowed.linkLimit = DescriptorBudget.links(policy.linkLimit, limit: Descriptors.limit)
        return allowed
    }
}
