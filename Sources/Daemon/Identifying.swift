import Auditing
import BootTime
import EventLoop
import FoundationEssentials
import Observing
import OperatorText
import SRUP

/// The answer to ID_REQUEST, as JSON (docs/protocol.md, section 8). A server takes it as a claim.
struct Identification: Encodable {
    struct Adapter: Encodable {
        var name: String
        var state: String
    }

    /// Adapters that are told, and bytes of what one's state says: the whole has at most 4 KiB.
    static let (mostAdapters, longestState) = (8, 96)

    var product = "srup-beacon"
    var version = Shell.version
    var name, site, position: String?
    /// The hash of the settings in force.
    var configuration: String
    var transports: [String]
    var adapters: [Adapter]
    /// Whether it listens on a transport, and the server that asks has not paused it.
    var observing: Bool
    var paused: Bool
    /// The observations of that server that have no verdict yet; its verdicts since 00:00 UTC.
    var open, accepted, refused: Int
    /// When the client certificate ends; nil: its file holds none.
    var certificateExpires: String?
    var uptimeSeconds: Int64
    /// The signed end of the record of verdicts; nil: there is none.
    var audit: AuditLine?

    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }
}

// Who we are, to servers that ask.
extension Shell {
    /// The answer to ID_REQUEST. It is made while the observer handles the request, so it does not look at the observer.
    func identification(_ question: IdentityQuestion) -> String {
        let transports = configuration.listeners.map(\.address.transport.rawValue)
        let isListening = listeners.listeners.contains { $0.socket != nil }
        let counts = verdictsToday.counts(of: question.server, at: wallSeconds())
        return Identification(
            name: configuration.place.name, site: configuration.place.site, position: configuration.place.position,
            configuration: configuration.hash,
            transports: transports.reduce(into: []) { if !$0.contains($1) { $0.append($1) } },
            adapters: configuration.usesRadio ? identifiedAdapters : [],
            observing: isListening && !question.isPaused, paused: question.isPaused, open: question.open,
            accepted: counts.accepted, refused: counts.refused,
            certificateExpires: configuration.clientCertificate.map { Timestamp($0.notAfter).description },
            uptimeSeconds: (clock.now - startup.startedAt).components.seconds, audit: identifiedHead
        ).json
    }

    private var identifiedAdapters: [Identification.Adapter] {
        let isListening = listeners.listeners.contains { $0.isRadio && $0.socket != nil }
        return adapters.report { _ in 0 }.adapters.prefix(Identification.mostAdapters).map { adapter in
            let state = adapter.state.isReady && isListening ? "listening" : adapter.state.rawValue
            return Identification.Adapter(
                name: adapter.name,
                state: String(decoding: state.utf8.prefix(Identification.longestState), as: UTF8.self))
        }
    }
}
