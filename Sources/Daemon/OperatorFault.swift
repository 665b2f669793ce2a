/// An error that the operator can fix: a message that says what is wrong, and a hint that says what to do.
public struct OperatorFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong; lower case, no full stop.
    public let sentence: String
    /// What to do about it.
    public let hint: String
    /// What the command ends with: 1; or 78, after which the unit does not start it again by itself.
    public let status: Int32

    /// A fault with its message and hint.
    public init(_ sentence: String, hint: String, status: Int32 = 1) {
        (self.sentence, self.hint, self.status) = (sentence, hint, status)
    }

    /// Two lines, as the command prints them.
    public var description: String { "srup-beacon: \(sentence)\nhint: \(hint)" }
}
