import SRUP

/// How long each server has kept the beacon at work. Messages come in the order in which the broker has them: one server's flood
/// would hold up the others' messages for as long as it takes to do all that it asks for.
struct WorkBudget {
    /// Work of one server at a stretch, in nanoseconds. More: the others wait longer.
    static let most: Int64 = 5_000_000_000
    /// How much of the time is forgiven: a quarter, so that a server that never stops leaves the others the rest.
    private static let forgivenShare: Int64 = 4

    private var servers: [Identifier: (worked: Int64, at: Int64)] = [:]

    private func worked(for server: Identifier, at nanoseconds: Int64) -> Int64 {
        guard let entry = servers[server] else { return 0 }
        return max(0, entry.worked - (nanoseconds - entry.at) / WorkBudget.forgivenShare)
    }

    /// Whether more may be done for a server at a moment.
    func hasRoom(for server: Identifier, at nanoseconds: Int64) -> Bool {
        worked(for: server, at: nanoseconds) < WorkBudget.most
    }

    /// Something has been done for a server from one moment to another.
    mutating func add(for server: Identifier, from begun: Int64, to ended: Int64) {
        servers[server] = (worked(for: server, at: ended) + max(0, ended - begun), ended)
    }
}

extension Body {
    /// What a server may always say: an answer to us, and what ends a membership.
    var isAlwaysHeard: Bool {
        switch self {
        case .response, .terminateCommand, .deregisterCommand: true
        default: false
        }
    }
}
