import FoundationEssentials
import OperatorText

extension RegistryEntry {
    /// How far an identity is. The raw values are those of `registry list --json`.
    public enum State: String, Sendable {
        /// It has not proven its key yet.
        case waiting
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case validated
        /// It waits for a new key.
        case rekeyed
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case revoked
    }

    /// How far it is.
    public var state: State {
        revoked != nil ? .revoked : rekeyed != nil ? .rekeyed : validated != nil ? .validated : .waiting
    }

    /// `registry list --json`: one array, in the order of the entries. The keys never change (docs/registry.md).
    public static func json(_ entries: [RegistryEntry]) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        guard let data = try? encoder.encode(entries.map(Row.init)) else {
            preconditionFailure("strings are JSON")
        }
        return String(decoding: data, as: UTF8.self)
    }

    private struct Row: Encodable {
        let identity, state, type, registered: String
        let validated, revoked, rekeyed, certificateUntil: String?
        let token, tokenLabel, name, site, position: String?

        init(_ entry: RegistryEntry) {
            func text(_ seconds: Int64?) -> String? { seconds.map { Timestamp($0).description } }
            (identity, state, type) = (entry.identity.topicForm, entry.state.rawValue, entry.type)
            registered = Timestamp(entry.registered).description
            (validated, revoked, rekeyed) = (text(entry.validated), text(entry.revoked), text(entry.rekeyed))
            certificateUntil = text(entry.certifiedUntil)
            (token, tokenLabel) = (entry.token?.number, entry.token?.label)
            (name, site, position) = (entry.place.name, entry.place.site, entry.place.position)
        }
    }
}
