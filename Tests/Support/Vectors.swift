import Foundation
import SRUP

/// The frames that the reference implementation made, in Tests/Vectors; its README says what each file holds.
package enum Vectors {
    /// Tests/Vectors, wherever this package has been checked out.
    package static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Vectors")

    /// The good frames of one file: `messages_2048`, `messages_3072` or `edge_2048`.
    package static func frames(in file: String) throws -> [GoodFrame] { try decode(file) }

    /// The good frames of all three files.
    package static func allFrames() throws -> [GoodFrame] { try all.get() }

    /// Read once: the tests ask for them often, and they are two megabytes.
    private static let all = Result {
        try ["messages_2048", "messages_3072", "edge_2048"].flatMap { try frames(in: $0) }
    }

    /// The payloads that must be refused, and one that must not.
    package static func hostilePayloads() throws -> [HostilePayload] { try decode("negative_2048") }

    /// Sealed values taken apart, in the order of their names.
    package static func envelopes() throws -> [SealedVector] {
        let byName: [String: SealedVector] = try decode("envelopes")
        return byName.values.sorted { ($0.name ?? "") < ($1.name ?? "") }
    }

    /// How the reference writes identifiers in topics.
    package static func topics() throws -> TopicVectors { try decode("topics") }

    private static func decode<Content: Decodable>(_ file: String) throws -> Content {
        try JSONDecoder().decode(Content.self, from: Data(contentsOf: folder.appending(path: "\(file).json")))
    }
}

/// A valid frame, and what it was made from.
package struct GoodFrame: Decodable, Sendable, CustomStringConvertible {
    package let name: String
    package let type: UInt8
    package let fields: Fields
    /// The key that signed it; nil for the generic message.
    package let key: String?
    package let length: Int
    package let serializedHex: Hex
    package let signedHex: Hex?
    package let signatureHex: Hex?
    package let encrypted: SealedVector?

    private enum CodingKeys: String, CodingKey {
        case name, type, fields, key, length, encrypted
        case serializedHex = "serialized_hex"
        case signedHex = "signed_hex"
        case signatureHex = "signature_hex"
    }

    package var description: String { name }
}

/// A payload and the layer that must refuse it.
package struct HostilePayload: Decodable, Sendable, CustomStringConvertible {
    package let name: String
    /// The layer: version, truncation, length_lie, trailing, type, bitflip, signature or envelope.
    package let group: String
    package let verifyKey: String
    package let decryptKey: String
    package let payloadHex: Hex
    package let reason: String
    package let must: String

    private enum CodingKeys: String, CodingKey {
        case name, group, reason, must
        case verifyKey = "verify_key"
        case decryptKey = "decrypt_key"
        case payloadHex = "payload_hex"
    }

    package var description: String { "\(name): \(reason)" }
}

/// A sealed value taken apart.
package struct SealedVector: Decodable, Sendable, CustomStringConvertible {
    package let name: String?
    /// The key that it was sealed to.
    package let to: String
    package let plaintextHex: Hex
    package let envelopeHex: Hex

    private enum CodingKeys: String, CodingKey {
        case name, to
        case plaintextHex = "plaintext_hex"
        case envelopeHex = "envelope_hex"
    }

    package var description: String { name ?? "sealed to \(to)" }

    /// The value inside by the rule of docs/protocol.md: 16 raw bytes or 32 hexadecimal digits, else nil. Worked out
    /// here without `Secret(plainText:)`, which is what the tests look at.
    package var value: Secret? {
        let plain = plaintextHex.bytes
        switch plain.count {
        case 16: return Secret(plain)
        case 32: return (try? Hex(String(decoding: plain, as: UTF8.self))).flatMap { Secret($0.bytes) }
        default: return nil
        }
    }
}

/// How the reference writes identifiers in topics.
package struct TopicVectors: Decodable, Sendable {
    package let byID: [ByID]
    package let byConfiguredIdentity: [ByConfiguredIdentity]

    private enum CodingKeys: String, CodingKey {
        case byID = "by_id"
        case byConfiguredIdentity = "by_configured_identity"
    }

    /// One identifier in the four forms that the reference's code has for it.
    package struct ByID: Decodable, Sendable {
        package let id: String
        package let deviceTopic: String
        package let joinTopicSuffix: String
        package let serverReplyTopicFromJoin: String
        /// Whether its four forms agree, so that both of its ends meet on one topic.
        package let consistent: Bool

        private enum CodingKeys: String, CodingKey {
            case id, consistent
            case deviceTopic = "device_topic"
            case joinTopicSuffix = "join_topic_suffix"
            case serverReplyTopicFromJoin = "server_reply_topic_from_join"
        }
    }

    /// One identity as an operator wrote it, and where the server's replies to it go.
    package struct ByConfiguredIdentity: Decodable, Sendable {
        package let configuredIdentity: String
        package let senderID: String
        package let serverRepliesOn: String

        private enum CodingKeys: String, CodingKey {
            case configuredIdentity = "configured_identity"
            case senderID = "sender_id_int"
            case serverRepliesOn = "server_replies_on"
        }
    }
}
