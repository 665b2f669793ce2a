import OperatorText
import SRUP

// The end of an identity, as a C2 server tells a registration service of it (docs/registry.md, "deregister").
extension Registry {
    /// A service's answer to a C2 server that has deregistered a node.
    package enum Deregistration: Equatable, Sendable {
        /// The identity has ended there, now or before.
        case ended
        /// The service does not do it, and will not do it if it is asked in the same way: its words.
        case refused(status: Int, String)
    }

    /// Ends a node's identity at the service. The client's bearer token must be one of a C2 server (`registry reader --may-deregister`).
    /// - Throws: `OperatorFault` if the service cannot be reached, or is busy: ask again.
    package func deregister(_ node: Identifier) throws(OperatorFault) -> Deregistration {
        let reply = try post("deregister", ["identity": node.topicForm])
        if reply.status == 200 { return .ended }
        guard (400..<500).contains(reply.status), reply.status != 429 else { throw .answered("deregister", reply) }
        return .refused(status: reply.status, printable(reply.body))
    }
}
