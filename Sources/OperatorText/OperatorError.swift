/// An error that the operator can fix: a message that says what is wrong, and a hint that says what to do.
public protocol OperatorError: Error, Sendable {
    /// What is wrong: one line, lower case, no full stop.
    var message: String { get }

    /// What to do about it: one line, in the imperative, lower case, no full stop.
    /// - Parameter names: how the program that prints the hint names its settings.
    func hint(for names: SettingNames) -> String

    /// What the command ends with.
    var exitStatus: Int32 { get }
}

extension OperatorError {
    /// 1, unless an error says otherwise.
    public var exitStatus: Int32 { 1 }

    /// Two lines, as every command prints them on standard error.
    package func report(by command: String, _ names: SettingNames) -> String {
        "\(command): \(message)\nhint: \(hint(for: names))"
    }
}

/// An error that occurs in one place only, or another error with a message that says more.
public struct OperatorFault: OperatorError {
    /// What is wrong: one line, lower case.
    public let message: String
    /// 1; or 78, after which the beacon's unit does not start it again by itself.
    public let exitStatus: Int32
    private let source: Hint

    private enum Hint {
        case text(String)
        case named(@Sendable (SettingNames) -> String)
        case of(any OperatorError)
    }

    /// An error whose hint names no setting that has another name elsewhere.
    public init(_ message: String, hint: String, exitStatus: Int32 = 1) {
        (self.message, source, self.exitStatus) = (message, .text(hint), exitStatus)
    }

    /// An error whose hint names settings or commands that the two programs call differently.
    public init(_ message: String, exitStatus: Int32 = 1, hint: @escaping @Sendable (SettingNames) -> String) {
        (self.message, source, self.exitStatus) = (message, .named(hint), exitStatus)
    }

    /// Another error's hint, under a message of its own.
    public init(_ message: String, hintOf cause: any OperatorError, exitStatus: Int32 = 1) {
        (self.message, source, self.exitStatus) = (message, .of(cause), exitStatus)
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch source {
        case .text(let text): text
        case .named(let hint): hint(names)
        case .of(let cause): cause.hint(for: names)
        }
    }
}
