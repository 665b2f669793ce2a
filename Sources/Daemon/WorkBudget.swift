import BootTime
import SRUP

/// How long each server has kept the beacon at work. Messages come in the order in which the broker has them: one server's flood
/// would hold up the others' messages for as long as it takes to do all that it asks for.
struct WorkBudget {
    /// Work of one server at a stretch. More: the others wait longer.
    static let most = Duration.seconds(5)
    /// How much of the time is forgiven: a quarter, so that a server that never stops leaves the others the rest.
    private static let forgivenShare = 4

    private var servers: [Identifier: (worked: Duration, at: Instant)] = [:]

    private func worked(for server: Identifier, at now: Instant) -> Duration {
        guard let entry = servers[server] else { return .zero }
        return max(.zero, entry.worked - (now - entry.at) / WorkBudget.forgivenShare)
    }

    /// Whether more may be done for a server at a moment.
    func hasRoom(for server: Identifier, at now: Instant) -> Bool {
        worked(for: server, at: now) < WorkBudget.most
    }

    /// Something has been done for a server from one moment to another.
    mutating func add(for server: Identifier, from begun: Instant, to ended: Instant) {
        servers[server] = (worked(for: server, at: ended) + max(.zero, ended - begun), ended)
    }
}

extension Body {
    /// What a server may always send: an answer to us, and what ends a membership.
    var isAlwaysHeard: Bool {
        switch self {
        case .response, .terminateCommand, .deregisterCommand: true
        default: false
        }
    }
}
