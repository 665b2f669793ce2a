import BootTime
import Observing
import SRUP

// What is asked of the servers at a start: of all of them together, since each transaction and each block of sequence ids waits for the
// disk.
extension Shell {
    /// Asks every configured server that we are not joined to, and goes on with what waits for an answer.
    func joinServers() {
        let (servers, memberships) = (configuration.servers.keys, observer.memberships)
        serversToAsk = servers.filter { beginning(with: $0, memberships) != nil }.sorted { $0.number < $1.number }[...]
        askServers(isFirst: true)
    }

    /// Asks as many of them as one turn has time for, in one transaction; the rest have their turn after what has come meanwhile.
    private func askServers(isFirst: Bool) {
        guard let journal, !serversToAsk.isEmpty else { return }
        let memberships = observer.memberships
        let end = clock.now + MessageIntake.turnLength
        let isWritten = transact { transaction in
            if isFirst { try journal.reserveSequences(Set(serversToAsk)) }
            repeat {
                guard let server = serversToAsk.popFirst() else { return }
                if let event = beginning(with: server, memberships) { try feed(event, &transaction) }
            } while clock.now < end
        }
        guard isWritten, !serversToAsk.isEmpty else { return }
        loop.perform { [self] in assumeIsolated { $0.askServers(isFirst: false) } }
    }

    /// What is asked of a server by ourselves; nil: nothing.
    private func beginning(with server: Identifier, _ memberships: [Identifier: Membership]) -> Event? {
        let mayJoin = configuration.servers[server]?.joinsByItself ?? false
        return switch memberships[server] ?? .stranger {
        case .stranger where mayJoin, .refused where mayJoin: joinEvent(server)
        case .presenting where observer.presented(to: server) != nil: nil  // somebody may be comparing it
        case .joining(_, let joinMode), .presenting(_, let joinMode): joinEvent(server, joinMode)
        case .resigning, .deregistering: againEvent(server)
        case .stranger, .refused, .member, .terminated, .resigned, .deregistered: nil
        }
    }
}
