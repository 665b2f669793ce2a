import Bench
import OperatorText
import SQLite
import SRUP

/// What a node is called and where it is: in the operator's words, with the token, or in its own.
public struct NodePlace: Equatable, Sendable {
    /// What people call it: at most 64 bytes.
    public var name: String?
    /// The group of nodes that it belongs to: at most 64 bytes.
    public var site: String?
    /// Where it is: at most 128 bytes.
    public var position: String?

    /// Not checked yet: see `fault`.
    public init(name: String? = nil, site: String? = nil, position: String? = nil) {
        (self.name, self.site, self.position) = (name, site, position)
    }

    /// The most bytes of each, in UTF-8.
    static let bounds = (name: 64, site: 64, position: 128)

    /// What is wrong with it; nil: nothing. Printable text only: it goes to terminals.
    public var fault: String? {
        for (what, value, most) in [
            ("name", name, NodePlace.bounds.name), ("site", site, NodePlace.bounds.site),
            ("position", position, NodePlace.bounds.position),
        ] {
            guard let value else { continue }
            guard (1...most).contains(value.utf8.count), value.unicodeScalars.allSatisfy(NodePlace.isPrintable) else {
                return "the \(what) is not 1 to \(most) bytes of printable text"
            }
        }
        return nil
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        !unprintable.contains(scalar.properties.generalCategory)
    }

    private static let unprintable: Set<Unicode.GeneralCategory> = [
        .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
    ]

    /// The same, completed by another's.
    func over(_ other: NodePlace) -> NodePlace {
        NodePlace(name: name ?? other.name, site: site ?? other.site, position: position ?? other.position)
    }
}

extension Database.Value {
    /// A text, or NULL.
    static func optional(_ text: String?) -> Database.Value { text.map { .text($0) } ?? .null }
}

/// What is known of an identity's enrolment, beside its key.
struct RegistryOrigin {
    var place = NodePlace()
    /// The token that it was registered with.
    var token: RegistryToken?
}

extension RegistryStore {
    /// Records who enrolled an identity, and what it is called.
    func setOrigin(of identity: Identifier, _ origin: RegistryOrigin) throws(DatabaseError) {
        try database.run(
            "UPDATE identities SET name = ?, site = ?, position = ?, token = ?, token_label = ? WHERE id = ?",
            .optional(origin.place.name), .optional(origin.place.site), .optional(origin.place.position),
            origin.token.map { .blob($0.hashBytes) } ?? .null, .optional(origin.token?.label),
            .unsigned(identity.number))
    }
}
