import OperatorText
import SRUP

// What is checked, and settled, once all lines have been read.
extension Configuration {
    func checkNothingMissing(_ path: String) throws {
        for name in missingKeys {
            throw OperatorFault("\(name) is missing in \(path)", hint: "add it; docs/srup-beacon.conf shows how")
        }
        for (server, entry) in servers {
            for name in Configuration.missingKeys(of: entry) {
                throw OperatorFault(
                    "[server \(server.topicForm)] \(name) is missing in \(path)",
                    hint: "name the file of the server's public key")
            }
        }
        guard !servers.isEmpty else {
            throw OperatorFault(
                "\(path) names no server", hint: "add a section [server ID] with the key of the C2 server")
        }
        guard servers[identity] == nil else {
            throw OperatorFault("\(path) names this beacon's own identity as a server", hint: "correct one of them")
        }
        guard !radio.neighbours.contains(identity) else {
            throw OperatorFault(
                "[radio] neighbours in \(path) names this beacon itself", hint: "name the other beacons in range")
        }
        guard !policy.modes.isEmpty else {
            throw OperatorFault(
                "every mode in [link] is off in \(path)", hint: "turn keyed-mode or challenge-mode on")
        }
        guard !listeners.isEmpty else {
            throw OperatorFault("every transport in [link] is off in \(path)", hint: "turn one on")
        }
    }

    /// `join` and `observer` together say how a server is joined.
    mutating func settleJoinModes(_ path: String) throws {
        for (server, entry) in servers {
            switch (entry.join, entry.observer) {
            case (.observed, let observer?) where observer != identity && observer != server:
                servers[server]?.terms.joinMode = .observed(by: observer)
            case (.human, nil): servers[server]?.terms.joinMode = .human
            case (.simple, nil), (.no, nil): break
            case (.observed, _):
                throw OperatorFault(
                    "[server \(server.topicForm)] in \(path) names no other beacon that observes our join",
                    hint: "set observer to that beacon's identity, or join to simple or human")
            case (.simple, _?), (.human, _?), (.no, _?):
                throw OperatorFault(
                    "[server \(server.topicForm)] in \(path) has an observer, and join is \(entry.join.rawValue)",
                    hint: "set join = observed, or take observer out")
            }
        }
    }

    /// A server whose commands do not name their recipient works like the reference: it cannot take proofs, and takes every
    /// answer on our topic for one to itself. Next to another server that costs verdicts, and can make another's *valid* its own.
    mutating func settleTerms(_ path: String) throws {
        for (server, entry) in servers {
            var settled = entry
            settled.terms.deregisters = entry.obeysDeregistration ?? entry.terms.isAddressedToUs
            settled.terms.takesData = entry.takesData ?? entry.terms.isAddressedToUs
            settled.terms.takesProofs = entry.takesProofs ?? settled.terms.takesData
            // Writing a default explicitly does not change the configuration.
            (settled.obeysDeregistration, settled.takesProofs) = (settled.terms.deregisters, settled.terms.takesProofs)
            settled.takesData = settled.terms.takesData
            servers[server] = settled
        }
        let careless = servers.filter { !$0.value.terms.isAddressedToUs && !$0.value.isShared }.keys
        guard servers.count > 1, let server = careless.min(by: { $0.number < $1.number }) else { return }
        throw OperatorFault(
            "[server \(server.topicForm)] in \(path) has recipient = broker, and there are \(servers.count) servers: "
                + "it would take the verdicts for the others as its own",
            hint: "give it a beacon of its own, or write shared = yes in its section to accept that")
    }
}
