// The sections of the paper's Figure 2: the join, and the withdrawals by either side (§6).

import SRUP

extension Diagram {
    /// For each line the title of the section that begins with it, if one does. A trace in which nobody leaves is one section, and has
    /// no titles.
    static func headings(of lines: [TraceLine]) -> [String?] {
        guard lines.contains(where: \.isWithdrawal) else { return lines.map { _ in nil } }
        var current: String?
        var headings = lines.map { line -> String? in
            // Repeated requests do not begin another section.
            guard let heading = line.heading, heading != current else { return nil }
            current = heading
            return heading
        }
        // A device opens its link while its request is on its way.
        if let first = headings.firstIndex(where: { $0 != nil }), lines[..<first].allSatisfy({ $0.via == .link }) {
            headings.swapAt(0, first)
        }
        return headings
    }
}

extension TraceLine {
    private static let joins: [String: String] = [
        MessageType.joinRequest.name: "join", MessageType.humanJoinRequest.name: "human-moderated join",
        MessageType.observedJoinRequest.name: "observed join",
    ]
    private static let withdrawals: [String: String] = [
        MessageType.resignRequest.name: "withdrawal", MessageType.terminateCommand.name: "withdrawal",
        MessageType.deregisterRequest.name: "deregistration", MessageType.deregisterCommand.name: "deregistration",
    ]

    fileprivate var isWithdrawal: Bool { refused == nil && TraceLine.withdrawals[name] != nil }

    fileprivate var heading: String? {
        guard refused == nil else { return nil }
        if let join = TraceLine.joins[name] { return "\(join) of the \(from.name)" }
        return TraceLine.withdrawals[name].map { what in
            let node = from == .c2 ? to : from
            return "\(what) of the \(node.name) by \(from == .c2 ? "the server" : "itself")"
        }
    }
}
