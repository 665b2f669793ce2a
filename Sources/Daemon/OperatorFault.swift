/// An error that the operator can fix: a message that says what is wrong, and a hint that says what to do.
public struct OperatorFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong; lower case, no full stop.
    public let message: String
    /// What to do about it.
    public let hint: String
    /// What the command ends with: 1; or 78, after which the unit does not start it again by itself.
    public let status: Int32

    /// A fault with its message and hint.
    public init(_ message: String, hint: String, status: Int32 = 1) {
        (self.message, self.hint, self.status) = (message, hint, status)
    }

    /// Two lines, as the command prints them.
    public var description: String { "srup-beacon: \(message)\nhint: \(hint)" }
}
