/// Something that the operator can mend: a sentence that says what is wrong, and a hint that is an order.
public struct OperatorFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong; lower case, no full stop.
    public let sentence: String
    /// What to do about it.
    public let hint: String

    /// A fault in words.
    public init(_ sentence: String, hint: String) { (self.sentence, self.hint) = (sentence, hint) }

    /// Two lines, as the command prints them.
    public var description: String { "srup-beacon: \(sentence)\nhint: \(hint)" }
}
