import Bench
import FoundationEssentials
import OperatorText
import SRUP

/// One entry of a C2 server's history. It contains no secret: sealed values stay sealed.
public struct C2Entry: Codable, Equatable, Sendable {
    /// The kind of an entry.
    public enum Kind: String, CaseIterable, Codable, Sendable {
        /// A message that was sent, accepted or refused.
        case message
        /// The result of a join.
        case decision
        /// An observer's report of the evidence.
        case evidence
        /// An order of the operator.
        case order
        /// Any other text for the operator.
        case remark
    }

    /// Counts up from 1; the ids of dropped entries are not used again.
    public var id: Int64
    /// Milliseconds since 1970, for people only: no decision uses it.
    public var wallMilliseconds: Int64
    /// Its kind.
    public var kind: Kind
    /// The node that it concerns; for a refused message, the claimed sender.
    public var node: Identifier?
    /// The message, if it is about one; also refused ones.
    public var line: TraceLine?
    /// The text for the operator.
    public var message: String
    /// For a decision: the grade of the evidence, if an observer said *valid*.
    public var grade: C2.Grade?
    /// For a decision: which one.
    public var verdict: C2.Decision?
    /// For a decision: the reason.
    public var reason: String?

    enum CodingKeys: String, CodingKey {
        case id, kind, node, line, verdict, grade, reason
        case message = "words"
        case wallMilliseconds = "wall_ms"
    }

    /// An entry; one that is not stored yet has the id 0.
    public init(
        id: Int64 = 0, wallMilliseconds: Int64, kind: Kind, node: Identifier?, line: TraceLine? = nil,
        message: String
    ) {
        (self.id, self.wallMilliseconds, self.kind, self.node) = (id, wallMilliseconds, kind, node)
        (self.line, self.message) = (line, message)
    }

    /// For a decision: its grade and reason, as text.
    var grounds: String {
        (grade.map { " (\($0.rawValue))" } ?? "") + (reason.map { "; \($0)" } ?? "")
    }

    /// One line for people: id, time in UTC, kind, node, text; for a decision, the grade of the evidence and the reason.
    public var text: String {
        let milliseconds = (wallMilliseconds % 1_000 + 1_000) % 1_000
        let moment = Timestamp((wallMilliseconds - milliseconds) / 1_000, milliseconds: Int(milliseconds))
        return
            "\(id)  \(moment.date) \(moment.time)  \(kind.rawValue)  \(node.map { "\($0)" } ?? "-")  \(message)\(grounds)"
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
    /// The messages of a history, in its order. Times are the wall clock's, because the entries may be of several boots; if the clock
    /// was set back, the time does not advance.
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
