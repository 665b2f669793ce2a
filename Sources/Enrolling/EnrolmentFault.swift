import Fetching
import Keys

/// Why an enrolment cannot continue: a message that says what is wrong, lower case, and a hint in the imperative.
public struct EnrolmentFault: Error, Equatable, Sendable {
    /// What is wrong.
    public let message: String
    /// What to do about it.
    public let hint: String

    /// A fault with its message and hint.
    public init(_ message: String, hint: String) { (self.message, self.hint) = (message, hint) }

    init(_ fault: HTTPFault, asking what: String) {
        self.init("the registration service, asked for \(what): \(fault.message)", hint: fault.hint)
    }

    init(_ fault: any Error, file path: String) {
        if let fault = fault as? KeyError {
            self.init(fault.message, hint: fault.hint)
        } else if let fault = fault as? KeyMakingError {
            self.init(fault.message, hint: fault.hint)
        } else {
            self.init("\(path) cannot be used: \(fault)", hint: "see \(path)")
        }
    }

    /// The service's reply is not valid. Nothing in it is used.
    static func reply(_ what: String, _ fault: String) -> EnrolmentFault {
        EnrolmentFault(
            "the registration service's reply to \(what) is not taken: \(fault)",
            hint: "check that the address is a registration service's; ask who runs it")
    }

    /// The service answered with an unexpected status.
    static func answered(_ what: String, _ reply: HTTPReply) -> EnrolmentFault {
        let said = reply.body.isEmpty ? "" : ": \"\(printable(reply.body))\""
        return EnrolmentFault(
            "the registration service answers \(what) with \(reply.status)\(said)",
            hint: reply.status == 403
                ? "ask who runs it: it takes no registrations now, or not this one"
                : "check that the address is a registration service's; ask who runs it")
    }
}
