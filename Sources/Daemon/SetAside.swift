import OperatorText
import SRUP

/// A server whose messages the broker closes the connection for: the others are served without it.
struct SetAside: OperatorError, Equatable {
    let server: Identifier
    let topic: String

    var message: String {
        "server \(server) is set aside: the broker closes the connection whenever this beacon publishes to \(topic)"
    }

    func hint(for names: SettingNames) -> String {
        "let this client publish to \(topic) in the broker's access list, then: systemctl reload srup-beacon"
    }
}

/// The same in `status`.
public struct SetAsideReport: Codable, Equatable, Sendable {
    package var topic: String
    package var fault: String
    package var hint: String
    /// Until the server is tried again, over a connection that works.
    package var secondsLeft: Int64

    var text: String { "  \(fault); tried again in \(secondsLeft) s\n  hint: \(hint)" }
}

extension Publishing {
    /// What `status` tells of a server that is set aside; nil: it is not.
    func report(on server: Identifier) -> SetAsideReport? {
        guard let fault = setAside[server], let pause = pause(of: server) else { return nil }
        return SetAsideReport(
            topic: fault.topic, fault: fault.message, hint: fault.hint(for: .beacon), secondsLeft: pause.wholeSeconds)
    }
}

extension Explanation {
    /// The step of an answer that has not left.
    static let waits = "the answer waits for the broker"
    /// The step of an answer that the broker has acknowledged. With MQTT 3.1.1 nobody can tell more.
    static let acknowledged =
        "the broker had the answer; it cannot be known whether its access list let it pass the answer on"

    /// The same, where it is about a join or a message that waits, of a server that is set aside.
    func waiting(because setAside: SetAside) -> Explanation {
        guard of == .join || steps.contains(where: { $0.what == Explanation.waits }) else { return self }
        var explanation = self
        if of == .join { explanation.cause = setAside.message }
        explanation.steps.append(Step(at: nil, what: setAside.message))
        explanation.next = setAside.hint(for: .beacon)
        return explanation
    }
}
