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
        return OperatorFault("the registration service answers \(what) with \(reply.status)\(said)") {
            hint(for: reply, $0)
        }
    }

    private static func hint(for reply: HTTPReply, _ names: SettingNames) -> String {
        if reply.isRevoked {
            return "a revoked identity cannot be used again; become another node: \(names.newIdentity)"
        }
        if reply.waitsForNewKey {
            return "enrol with the token that registry rekey has written: docs/operations.md, \"Replacing a machine\""
        }
        if [429, 503].contains(reply.status) {
            let time = reply.retryAfter.map { "\($0) seconds" } ?? "some minutes"
            return
                "wait \(time), then run the same command again, which continues; for many nodes at a time, raise the limits of the "
                + "service: srup-bench registry run --help"
        }
        if reply.status == 403 { return "ask who runs it: it takes no registrations now, or not this one" }
        return reply.status >= 500
            ? "run the same command again later; ask who runs the service if that does not help"
            : "check that the address is a registration service's; ask who runs it"
    }
}

extension HTTPReply {
    // Our own service gives its reasons in these words (`RegistryRefusal`), the reference's gives none.

    /// Whether the service says that the identity has been revoked.
    var isRevoked: Bool { says("has been revoked") }

    /// Whether the service says that a new key is expected for the identity.
    var waitsForNewKey: Bool { says("waits for a new key") }

    private func says(_ words: String) -> Bool {
        status == 400 && String(decoding: body.prefix(200), as: UTF8.self).contains(words)
    }
}
