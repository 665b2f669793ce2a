import Fetching
import OperatorText

// What is wrong with a registration service's replies.
extension OperatorFault {
    /// The service does not answer.
    init(_ fault: HTTPFault, asking what: String) {
        self.init("the registration service, asked for \(what): \(fault.message)", hintOf: fault)
    }

    /// The service's reply is not valid. Nothing in it is used.
    static func reply(_ what: String, _ fault: String) -> OperatorFault {
        OperatorFault(
            "the registration service's reply to \(what) was not accepted: \(fault)",
            hint: "check that the address is a registration service's; ask who runs it")
    }

    /// The service answered with an unexpected status.
    static func answered(_ what: String, _ reply: HTTPReply) -> OperatorFault {
        let said = reply.body.isEmpty ? "" : ": \"\(printable(reply.body))\""
        return OperatorFault(
            "the registration service answers \(what) with \(reply.status)\(said)",
            hint: reply.status == 403
                ? "ask who runs it: it takes no registrations now, or not this one"
                : "check that the address is a registration service's; ask who runs it")
    }
}
