import Auditing
import EventLoop
import FoundationEssentials
import Observing
import SRUP

// Who we are, to servers that ask.
extension Shell {
    /// The answer to ID_REQUEST: product, version, and the transports that are listened on.
    /// - Parameter head: the signed end of the record of verdicts; nil: there is none.
    static func identification(_ configuration: Configuration, head: AuditLine?) -> String {
        struct Identification: Encodable {
            var product = "srup-beacon"
            var version = Shell.version
            var transports: [String]
            var audit: AuditLine?
        }
        let transports = configuration.listeners.map(\.address.transport.rawValue)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try? encoder.encode(
            Identification(
                transports: transports.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }, audit: head))
        return json.map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}
