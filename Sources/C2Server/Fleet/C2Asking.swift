import SRUP

// The server's own ID_REQUESTs: they ask beacons whether they are alive. The history does not have them: with many beacons they would
// displace the rest. The operator's are in C2Members.swift.
extension C2 {
    /// Requests to a node whose answers are still taken: a late answer shows as well that it is alive.
    private static let mostProbes = 8

    /// Asks a member.
    mutating func ask(_ node: Identifier) -> [Effect] {
        guard joined.contains(node) else { return [] }
        let token = dependencies.commandToken(node)
        probes[node] = (probes[node] ?? []).suffix(C2.mostProbes - 1) + [token]
        return [.ask(message(.identityRequest, token, to: node), to: node)]
    }

    /// Whether a message answers the server's own ID_REQUEST to its sender.
    func isOfProbe(_ message: Message, _ received: Received) -> Bool {
        guard let probes = probes[message.sender] else { return false }
        switch received {
        case .response: return probes.contains(message.token)
        case .data(let id, _):
            // A node of the reference answers under a token of its own.
            return DataID(id) == .identification && probes.contains(message.token)
                || DataID(id) == .identificationResponse && identityRequest(to: message.sender) == nil
        case .request, .betweenServers, .toDevices: return false
        }
    }

    /// The effects of an answer; nil if the message is not one.
    mutating func answerOfProbe(_ message: Message, _ received: Received, _ frame: [UInt8]) -> [Effect]? {
        guard isOfProbe(message, received) else { return nil }
        // The broker keeps the order: earlier requests have no answer any more.
        let place = probes[message.sender]?.firstIndex(of: message.token)
        let left = place.flatMap { probes[message.sender]?.dropFirst($0 + 1) } ?? []
        probes[message.sender] = left.isEmpty ? nil : Array(left)
        return [.answered(message, frame: frame)]
    }
}
