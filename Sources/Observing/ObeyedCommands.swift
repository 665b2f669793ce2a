import SRUP

extension ServerPermissions {
    /// Whether this command of a server's is obeyed.
    func allow(_ body: Body) -> Bool {
        switch Received(body) {
        case .command(.initiate), .command(.activate): updates
        case .deregister: deregisters
        case .command(.action), .command(.data), .command(.identityRequest), .observation, .answer, .value,
            .joinCommand,
            .terminate, .toServers, .betweenServers:
            true
        }
    }
}
