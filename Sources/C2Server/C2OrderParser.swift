import Bench
import OperatorText
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
///     update NODE URL FILE|SHA256 · activate NODE · forget NODE
///     stage SHARE% URL FILE|SHA256 NODE... · stage show|continue|cancel
///     name NODE TEXT · site NODE TEXT · without a text: no name, no site
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

    /// The first word of a line.
    private enum Verb: String {
        case accept, refuse, observer, join, terminate, deregister, identity, action, data, update, activate, forget
        case require, group, stage, name, site
    }

    /// Parses a line.
    /// - Throws: `OperatorFault`.
    public func parse(_ line: String) throws(OperatorFault) -> C2OrderLine {
        let words = line.split(separator: " ").map(String.init)
        guard let first = words.first else { return .empty }
        guard let verb = Verb(rawValue: first) else { throw C2OrderParser.fault("unknown command", in: first) }
        switch verb {
        case .group: return try group(words, line)
        case .stage: return .orders([try stage(words, line)])
        case .require:
            guard words.count == 2, let grade = C2.Grade(rawValue: words[1]) else { throw C2OrderParser.invalid(line) }
            return .orders([.require(grade)])
        case .accept, .refuse, .observer, .join, .terminate, .deregister, .identity, .action, .data, .update, .activate,
            .forget, .name, .site:
            guard words.count >= 2 else { throw C2OrderParser.invalid(line) }
            let nodes = try nodes(words[1...1], line)
            let make = try maker(verb, Array(words.dropFirst(2)), line)
            return .orders(nodes.map(make))
        }
    }

    private func group(_ words: [String], _ line: String) throws(OperatorFault) -> C2OrderLine {
        guard words.count >= 3, words[1].utf8.count <= C2OrderParser.maximumName else {
            throw C2OrderParser.invalid(line)
        }
        guard groups.count < C2OrderParser.mostGroups || groups[words[1]] != nil else {
            throw OperatorFault("there are \(C2OrderParser.mostGroups) groups already", hint: "replace one of them")
        }
        return .group(words[1], try nodes(words.dropFirst(2), line))
    }

    private func stage(_ words: [String], _ line: String) throws(OperatorFault) -> C2Order {
        if words.count == 2, let order = StagedOrder(rawValue: words[1]) { return .staged(order) }
        guard words.count >= 5, words[1].hasSuffix("%"), let percent = Int(words[1].dropLast()),
            (1...100).contains(percent), (1...65_000).contains(words[2].utf8.count)
        else { throw C2OrderParser.invalid(line) }
        let nodes = try nodes(words.dropFirst(4), line)
        return .stage(nodes, url: words[2], digest: try digest(of: words[3]), percent: percent)
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
                guard let node = Identifier(hexadecimal: word) else { throw C2OrderParser.invalid(line) }
                nodes.append(node)
            }
        }
        return nodes
    }

    /// What makes the order for a node, of the words after the node.
    private func maker(
        _ verb: Verb, _ rest: [String], _ line: String
    ) throws(OperatorFault) -> (Identifier) -> C2Order {
        let order: ((Identifier) -> C2Order)? =
            switch verb {
            case .accept: try accept(rest, line)
            case .observer:
                C2OrderParser.only(rest).flatMap { ["yes": true, "no": false][$0] }.map { may in { .observer($0, may) }
                }
            case .refuse: rest.isEmpty ? { .refuse($0) } : nil
            case .join: rest.isEmpty ? { .join($0) } : nil
            case .terminate: rest.isEmpty ? { .terminate($0) } : nil
            case .deregister: rest.isEmpty ? { .deregister($0) } : nil
            case .identity: rest.isEmpty ? { .identity($0) } : nil
            case .activate: rest.isEmpty ? { .activate($0) } : nil
            case .forget: rest.isEmpty ? { .forget($0) } : nil
            case .action:
                C2OrderParser.only(rest).flatMap { Action(word: $0)?.rawValue ?? UInt8($0) }.map { code in
                    { .action($0, code) }
                }
            case .data: C2OrderParser.data(rest)
            case .update: try update(rest)
            case .name, .site:
                C2OrderParser.text(rest).map { text in { verb == .name ? .name($0, text) : .site($0, text) } }
            case .require, .group, .stage: nil
            }
        guard let order else { throw C2OrderParser.invalid(line) }
        return order
    }

    /// A name or a site: empty, or printable text of at most 64 bytes.
    static func text(_ words: [String]) -> String? {
        let text = words.joined(separator: " ")
        return text.isEmpty || printable(text, maximumName) == text ? text : nil
    }

    private static func only(_ words: [String]) -> String? { words.count == 1 ? words[0] : nil }

    private func accept(_ rest: [String], _ line: String) throws(OperatorFault) -> ((Identifier) -> C2Order)? {
        guard !rest.isEmpty else {
            throw OperatorFault(
                "\"\(line)\" does not name the join's mark",
                hint: "compare the value that is shown here, and give the mark below it: accept NODE MARK")
        }
        return C2OrderParser.only(rest).map { mark in { .accept($0, mark: mark) } }
    }

    private static func data(_ rest: [String]) -> ((Identifier) -> C2Order)? {
        guard (1...2).contains(rest.count), let bytes = bytes(hexadecimal: (rest.count == 2 ? rest[1] : "").utf8),
            max(bytes.count, rest[0].utf8.count) <= 65_535
        else { return nil }
        return { .data($0, id: Octets(rest[0].utf8), Octets(bytes)) }
    }

    private func update(_ rest: [String]) throws(OperatorFault) -> ((Identifier) -> C2Order)? {
        guard rest.count == 2, (1...65_000).contains(rest[0].utf8.count) else { return nil }
        let digest = try digest(of: rest[1])
        return { .update($0, url: rest[0], digest: digest) }
    }

    private static func invalid(_ line: String) -> OperatorFault { fault("invalid arguments in", in: line) }

    private static func fault(_ what: String, in text: String) -> OperatorFault {
        OperatorFault(
            "\(what) \"\(readable(Array(text.utf8.prefix(200))))\"",
            hint:
                "write refuse, join, terminate, deregister, identity, activate or forget and a node; accept NODE MARK; "
                + "observer NODE yes|no; require reachable|challenged|keyed; action NODE NAME; "
                + "data NODE ID HEX; update NODE URL FILE; stage SHARE% URL FILE NODE...; stage show|continue|cancel; "
                + "name NODE TEXT; site NODE TEXT; or group NAME NODE..."
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
