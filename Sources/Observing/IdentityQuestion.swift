import SRUP

/// What only the observer knows of the answer to a server's ID_REQUEST.
public struct IdentityQuestion: Equatable, Sendable {
    /// Who asks.
    public let server: Identifier
    /// Its observations that have no verdict yet.
    public let open: Int
    /// Whether it has paused us.
    public let isPaused: Bool
}

extension Observer {
    func identityQuestion(of server: Identifier) -> IdentityQuestion {
        IdentityQuestion(
            server: server, open: observations.keys.count { $0.server == server }, isPaused: isPaused(by: server))
    }
}
