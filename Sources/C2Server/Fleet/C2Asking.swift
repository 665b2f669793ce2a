import SRUP

// The server's own ID_REQUESTs: they ask beacons whether they are alive. The history does not have them: with many beacons they would
// displace the rest. The operator's are in C2Members.swift.
extension C2 {
    /// Asks a member. A newer request replaces the older one.
    mutating func ask(_ node: Identifier) -> [Effect] {
        guard joined.contains(node) else { return [] }
        let token = dependencies.commandToken(node)
        probes[node] = token
        return [.ask(message(.identityRequest, token, to: node), to: node)]
    }

    /// Whether a message answers the server's own ID_REQUEST to its sender.
    func isOfProbe(_ message: Message, _ received: Received) -> Bool {
        guard let probe = probes[message.sender] else { return false }
        switch received {
        case .response: return message.token == probe
        case .data(let id, _):
            // A node of the reference answers under a token of its own.
            return DataID(id) == .identification && message.token == probe
                || DataID(id) == .identificationResponse && identityRequest(to: message.sender) == nil
        case .request, .betweenServers, .toDevices: return false
        }
    }

    /// The effects of an answer; nil if the message is not one.
    mutating func answerOfProbe(_ message: Message, _ received: Received, _ frame: [UInt8]) -> [Effect]? {
        guard isOfProbe(message, received) else { return nil }
        probes[message.sender] = nil
        return [.answered(message, frame: frame)]
    }
}
