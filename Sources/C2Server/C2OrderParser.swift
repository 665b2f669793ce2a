import Bench
import SRUP

/// A parsed line of the operator's.
public enum C2OrderLine: Equatable, Sendable {
    /// An empty line.
    case empty
    /// Defines or replaces the group of this name.
    case group(String, [Identifier])
    /// One order for each node that the line names.
    case orders([C2Order])
}

/// Parses the operator's lines of text, which `srup-bench c2 --orders` reads from standard input.
///
///     require reachable|challenged|keyed
///     accept NODE MARK · refuse NODE · observer NODE yes|no · join NODE · terminate NODE · deregister NODE · identity NODE
///     action NODE pause|resume|identify|restart-radio|0..255 · data NODE ID HEX
///     update NODE URL FILE|SHA256 · activate NODE
///     group NAME NODE... · and @NAME for every NODE
public struct C2OrderParser: Sendable {
    /// Bounds on the number of groups and on the bytes of a name.
    private static let (mostGroups, maximumName) = (1_000, 64)

    private let groups: [String: [Identifier]]
    private let digestOfFile: @Sendable (String) -> [UInt8]?

    /// - Parameters:
    ///   - groups: the groups that a line may name with @.
    ///   - digestOfFile: SHA-256 of a file; nil if it cannot be read.
    public init(
        groups: [String: [Identifier]] = [:], digestOfFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
    ) {
        (self.groups, self.digestOfFile) = (groups, digestOfFile)
    }

    /// 64 hexadecimal digits, which may deliberately be wrong, or a file to compute the digest of.
    private func digest(of text: String) throws(OperatorFault) -> [UInt8] {
        if text.utf8.count == 64, let digest = bytes(hexadecimal: text.utf8) { return digest }
        guard let digest = digestOfFile(text) else {
            throw OperatorFault(
                "\(text) cannot be read, or is not a regular file", hint: "give the update's file, or its SHA-256")
        }
        return digest
    }

    /// Parses a line.
    /// - Throws: `OperatorFault`.
    public func parse(_ line: String) throws(OperatorFault) -> C2OrderLine {
        let words = line.split(separator: " ").map(String.init)
        guard let verb = words.first else { return .empty }
        if verb == "group" {
            guard words.count >= 3, words[1].utf8.count <= C2OrderParser.maximumName else {
                throw C2OrderParser.fault(line)
            }
            guard groups.count < C2OrderParser.mostGroups || groups[words[1]] != nil else {
                throw OperatorFault(
                    "there are \(C2OrderParser.mostGroups) groups already", hint: "replace one of them")
            }
            return .group(words[1], try nodes(words.dropFirst(2), line))
        }
        if verb == "require" {
            guard words.count == 2, let grade = C2.Grade(rawValue: words[1]) else { throw C2OrderParser.fault(line) }
            return .orders([.require(grade)])
        }
        guard words.count >= 2 else { throw C2OrderParser.fault(line) }
        let nodes = try nodes(words[1...1], line)
        let make = try maker(verb, Array(words.dropFirst(2)), line)
        return .orders(nodes.map(make))
    }

    private func nodes(_ words: ArraySlice<String>, _ line: String) throws(OperatorFault) -> [Identifier] {
        var nodes: [Identifier] = []
        for word in words {
            if word.hasPrefix("@") {
                guard let members = groups[String(word.dropFirst())] else {
                    throw OperatorFault("unknown group \(word)", hint: "define it: group NAME NODE...")
                }
                nodes += members
            } else {
                guard let node = Identifier(hexadecimal: word) else { throw C2OrderParser.fault(line) }
                nodes.append(node)
            }
        }
        return nodes
    }

    private func maker(
        _ verb: String, _ rest: [String], _ line: String
    ) throws(OperatorFault) -> (Identifier) -> C2Order {
        switch (verb, rest.count) {
        case ("accept", 0):
            throw OperatorFault(
                "\"\(line)\" does not name the join's mark",
                hint: "compare the value that is shown here, and give the mark below it: accept NODE MARK")
        case ("accept", 1): return { .accept($0, mark: rest[0]) }
        case ("observer", 1):
            guard let may = ["yes": true, "no": false][rest[0]] else { throw C2OrderParser.fault(line) }
            return { .observer($0, may) }
        case ("refuse", 0): return { .refuse($0) }
        case ("join", 0): return { .join($0) }
        case ("terminate", 0): return { .terminate($0) }
        case ("deregister", 0): return { .deregister($0) }
        case ("identity", 0): return { .identity($0) }
        case ("action", 1):
            guard let code = Action(word: rest[0])?.rawValue ?? UInt8(rest[0]) else { throw C2OrderParser.fault(line) }
            return { .action($0, code) }
        case ("data", 1), ("data", 2):
            guard let bytes = bytes(hexadecimal: (rest.count == 2 ? rest[1] : "").utf8), bytes.count <= 65_535,
                rest[0].utf8.count <= 65_535
            else { throw C2OrderParser.fault(line) }
            return { .data($0, id: Octets(rest[0].utf8), Octets(bytes)) }
        case ("update", 2):
            guard (1...65_000).contains(rest[0].utf8.count) else { throw C2OrderParser.fault(line) }
            let digest = try digest(of: rest[1])
            return { .update($0, url: rest[0], digest: digest) }
        case ("activate", 0): return { .activate($0) }
        default: throw C2OrderParser.fault(line)
        }
    }

    private static func fault(_ line: String) -> OperatorFault {
        OperatorFault(
            "unknown command \"\(readable(Array(line.utf8.prefix(200))))\"",
            hint:
                "write refuse, join, terminate, deregister, identity or activate and a node; accept NODE MARK; "
                + "observer NODE yes|no; require reachable|challenged|keyed; action NODE NAME; "
                + "data NODE ID HEX; update NODE URL FILE; or group NAME NODE..."
        )
    }
}

extension Action {
    /// The word for it in a line of orders.
    var word: String {
        switch self {
        case .pause: "pause"
        case .resume: "resume"
        case .identify: "identify"
        case .restartRadio: "restart-radio"
        }
    }

    fileprivate init?(word: String) {
        guard let action = Action.allCases.first(where: { $0.word == word }) else { return nil }
        self = action
    }
}
