import SRUP

/// The operator's lines, one order each: what `srup-bench c2 --orders` reads.
///
///     accept NODE · refuse NODE · join NODE · terminate NODE · deregister NODE · identity NODE
///     action NODE pause|resume|identify|restart-radio|0..255 · data NODE ID HEX
///     group NAME NODE... · and @NAME for every NODE
public struct C2Orders: Sendable {
    /// The groups by their names.
    private(set) var groups: [String: [Identifier]]

    static let actions = ["pause": UInt8(1), "resume": 2, "identify": 3, "restart-radio": 4]

    /// With the groups that there are already.
    public init(groups: [String: [Identifier]] = [:]) { self.groups = groups }

    /// What a line orders; nothing for an empty one, and for `group`.
    /// - Throws: `OperatorFault`.
    public mutating func read(_ line: String) throws(OperatorFault) -> [C2.Command] {
        let words = line.split(separator: " ").map(String.init)
        guard let verb = words.first else { return [] }
        if verb == "group" {
            guard words.count >= 3, words[1].utf8.count <= 64 else { throw C2Orders.fault(line) }
            guard groups.count < 1_000 || groups[words[1]] != nil else {
                throw OperatorFault("there are 1000 groups already", hint: "use one of them")
            }
            groups[words[1]] = try nodes(words.dropFirst(2), line)
            return []
        }
        guard words.count >= 2 else { throw C2Orders.fault(line) }
        let nodes = try nodes(words[1...1], line)
        let make = try C2Orders.maker(verb, Array(words.dropFirst(2)), line)
        return nodes.map(make)
    }

    private func nodes(_ words: ArraySlice<String>, _ line: String) throws(OperatorFault) -> [Identifier] {
        var nodes: [Identifier] = []
        for word in words {
            if word.hasPrefix("@") {
                guard let members = groups[String(word.dropFirst())] else {
                    throw OperatorFault("there is no group \(word)", hint: "make it: group NAME NODE...")
                }
                nodes += members
            } else {
                guard let node = Identifier(hexadecimal: word) else { throw C2Orders.fault(line) }
                nodes.append(node)
            }
        }
        return nodes
    }

    private static func maker(
        _ verb: String, _ rest: [String], _ line: String
    ) throws(OperatorFault) -> (Identifier) -> C2.Command {
        switch (verb, rest.count) {
        case ("accept", 0): return { .accept($0) }
        case ("refuse", 0): return { .refuse($0) }
        case ("join", 0): return { .join($0) }
        case ("terminate", 0): return { .terminate($0) }
        case ("deregister", 0): return { .deregister($0) }
        case ("identity", 0): return { .identity($0) }
        case ("action", 1):
            guard let code = actions[rest[0]] ?? UInt8(rest[0]) else { throw fault(line) }
            return { .action($0, code) }
        case ("data", 1), ("data", 2):
            guard let bytes = bytes(rest.count == 2 ? rest[1] : ""), bytes.count <= 65_535, rest[0].utf8.count <= 65_535
            else { throw fault(line) }
            return { .data($0, id: Octets(rest[0].utf8), Octets(bytes)) }
        default: throw fault(line)
        }
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text)
        guard digits.count.isMultiple(of: 2), digits.allSatisfy(\.isHexDigit) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
    }

    private static func fault(_ line: String) -> OperatorFault {
        OperatorFault(
            "«\(line)» is no order",
            hint: "write accept, refuse, join, terminate, deregister or identity and a node; action NODE NAME; "
                + "data NODE ID HEX; or group NAME NODE...")
    }
}
