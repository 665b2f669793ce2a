import Bench
import SRUP

/// A sequence diagram of messages, and where to download it.
struct ConsoleFigure: Sendable {
    let diagram: Diagram
    let isEmpty: Bool
    /// Letters, digits and hyphens only, so that it is valid in a header.
    let fileName: String
    /// The query that downloads the same diagram.
    let query: String
}

extension Console {
    /// The diagram that a query asks for: one join, by the history id of its request; otherwise the messages of one node, or of all.
    func figure(_ query: ConsoleForm) -> ConsoleFigure {
        if let start = query["join"].flatMap({ Int64($0) }), start > 0, let join = join(from: start) { return join }
        return figure(of: query.node("node"), atMost: ConsolePolicy.arrowsInFile)
    }

    /// The newest messages of one node, or of all.
    func figure(of node: Identifier?, atMost most: Int = ConsolePolicy.arrowsOnPage) -> ConsoleFigure {
        // Not every entry is a message.
        let entries = dependencies.entriesBefore(.max, 3 * most, node).filter { $0.line != nil }.suffix(most)
        let of = node.map { "\($0)" } ?? "all nodes"
        return ConsoleFigure(
            entries, title: "Messages of \(of)", fileName: node.map { "messages-\($0).svg" } ?? "messages.svg",
            query: node.map { "node=\($0)" } ?? "", naming: node == nil)
    }

    /// The messages of a device's last join, if its request is among its newest entries.
    func lastJoin(of device: Identifier) -> ConsoleFigure? {
        dependencies.entriesBefore(.max, 100, device).last(where: \.isJoinRequest).flatMap {
            join(from: $0.id, atMost: ConsolePolicy.arrowsOnPage)
        }
    }

    /// The messages of one join: the device's from its request to the decision, and those about it between the server and the
    /// observer.
    private func join(from start: Int64, atMost most: Int = ConsolePolicy.arrowsInFile) -> ConsoleFigure? {
        let entries = dependencies.entriesAfter(start - 1, ConsolePolicy.arrowsInFile, nil)
        guard let first = entries.first, first.id == start, first.isJoinRequest, let device = first.node else {
            return nil
        }
        // Up to the decision, or to the device's next request.
        var theirs = [first] + entries.dropFirst().prefix { !($0.node == device && $0.isJoinRequest) }
        if let end = theirs.firstIndex(where: { $0.node == device && $0.kind == .decision }) {
            theirs.removeSubrange((end + 1)...)
        }
        var tokens: Set<String> = []
        let chosen = theirs.filter { entry in
            guard let line = entry.line else { return false }
            if entry.node == device { return true }
            if line.detail == "joining \(device)", let token = line.token { tokens.insert(token) }
            return line.token.map { tokens.contains($0) } ?? false
        }
        return ConsoleFigure(
            chosen.suffix(most), title: "Join of \(device)", fileName: "join-\(device)-\(start).svg",
            query: "join=\(start)",
            naming: false)
    }
}

extension ConsoleFigure {
    /// - Parameter naming: whether each message names its node, because one lifeline stands for several nodes.
    fileprivate init(
        _ entries: ArraySlice<C2Entry>, title: String, fileName: String, query: String, naming: Bool
    ) {
        let chosen = entries.filter { $0.line != nil }.map { entry in
            guard naming, let node = entry.node else { return entry }
            var entry = entry
            let detail = entry.line?.detail.map { ": \($0)" } ?? ""
            entry.line?.detail = "\(node)\(detail)"
            return entry
        }
        self.init(
            diagram: Diagram(chosen, title: title), isEmpty: chosen.isEmpty, fileName: fileName, query: query)
    }
}

extension C2Entry {
    /// Whether a join begins with it.
    var isJoinRequest: Bool {
        guard let line, line.refused == nil else { return false }
        return [MessageType.joinRequest, .humanJoinRequest, .observedJoinRequest].map(\.name).contains(line.name)
    }
}
