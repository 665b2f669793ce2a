import Bench
import FoundationEssentials
import Glibc
import SRUP

/// One entry of a C2 server's history. No value is in it, and no secret: what is sealed stays sealed.
public struct C2Entry: Codable, Equatable, Sendable {
    /// What an entry tells of.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// A message that was sent, accepted or refused.
        case message
        /// What became of a join.
        case decision
        /// What an observer has seen of a proof (the message that says it).
        case evidence
        /// What the operator has ordered.
        case order
        /// Anything else that the operator was told.
        case remark
    }

    /// Counts up from 1; the ids of dropped entries are not used again.
    public var id: Int64
    /// Milliseconds since 1970, for people only: nothing is decided by it.
    public var wallMilliseconds: Int64
    /// What it tells of.
    public var kind: Kind
    /// Whom it concerns, other than the server; of a refused message, who claims to have sent it.
    public var node: Identifier?
    /// The message, where it is one; refused ones too.
    public var line: TraceLine?
    /// What the operator is told.
    public var message: String
    /// Of a decision: how much the evidence shows, where an observer has said *valid*.
    public var grade: C2.Grade?
    /// Of a decision: why.
    public var reason: String?

    enum CodingKeys: String, CodingKey {
        case id, kind, node, line, grade, reason
        case message = "words"
        case wallMilliseconds = "wall_ms"
    }

    /// An entry of these parts; one that is not in a store yet has the id 0.
    public init(
        id: Int64 = 0, wallMilliseconds: Int64, kind: Kind, node: Identifier?, line: TraceLine? = nil,
        message: String
    ) {
        (self.id, self.wallMilliseconds, self.kind, self.node) = (id, wallMilliseconds, kind, node)
        (self.line, self.message) = (line, message)
    }

    /// What is said of it beside its words: of a decision, on what it rests.
    var grounds: String {
        (grade.map { " (\($0.rawValue))" } ?? "") + (reason.map { "; \($0)" } ?? "")
    }

    /// One line for people: id, time in UTC, kind, node, words; of a decision, what the evidence shows and why.
    public var text: String {
        let (seconds, milliseconds) = wallMilliseconds.quotientAndRemainder(dividingBy: 1_000)
        var (time, parts) = (time_t(seconds), tm())
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        let day = "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        let fraction = String(String(1_000 + abs(milliseconds)).dropFirst())
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)"
        return "\(id)  \(day) \(clock)  \(kind.rawValue)  \(node.map { "\($0)" } ?? "-")  \(message)\(grounds)"
    }

    /// One JSON object without a line break.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("strings and numbers are JSON") }
        return String(decoding: data, as: UTF8.self)
    }
}

extension Diagram {
    /// The messages of a history, in its order. Times are the wall clock's, since the entries may be of several boots; where
    /// it was set back, they stand still.
    public init(_ entries: [C2Entry], title: String?) {
        var latest = Int64.min
        let lines = entries.compactMap { entry in
            entry.line.map { line in
                var line = line
                latest = max(latest, entry.wallMilliseconds.multipliedReportingOverflow(by: 1_000).partialValue)
                line.atMicroseconds = latest
                return line
            }
        }
        self.init(lines, title: title)
    }
}

/// In JSON an identifier is its sixteen hexadecimal digits.
extension Identifier: Codable {
    /// From 1 to 16 hexadecimal digits.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let made = Identifier(hexadecimal: text) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "not an identifier"))
        }
        self = made
    }

    /// As its sixteen digits.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
