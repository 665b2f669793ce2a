import FoundationEssentials
import SRUP

/// A request as received: bounded, and not verified.
public struct RegistryRequest: Sendable {
    let method: String
    let path: String
    let authorization: String?
    let body: [UInt8]
    let address: String

    /// - Parameters:
    ///   - method: `GET` or `POST`; others are refused.
    ///   - path: without a query.
    ///   - authorization: the header of that name.
    ///   - body: more than `RegistryPolicy.maximumBody` bytes are refused.
    ///   - address: of the client, for the rate limits and the log.
    public init(method: String, path: String, authorization: String? = nil, body: [UInt8] = [], address: String) {
        (self.method, self.path, self.authorization) = (method, path, authorization)
        (self.body, self.address) = (body, address)
    }
}

/// A reply of the service.
public struct RegistryReply: Equatable, Sendable {
    /// The HTTP status.
    public let status: Int
    /// JSON or text.
    public let body: [UInt8]
    /// `application/json` or `text/plain`.
    public let contentType: String
    /// Seconds after which the client may try again.
    public var retryAfter: Int?
    /// Whether the client has proved its identity: its connection is not closed in favour of unknown clients.
    public var isToKnown = false

    static func json(_ status: Int, _ value: some Encodable) -> RegistryReply {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { preconditionFailure("strings and numbers are JSON") }
        return RegistryReply(status: status, body: Array(data), contentType: "application/json")
    }

    static func text(_ status: Int, _ text: String) -> RegistryReply {
        RegistryReply(status: status, body: Array(text.utf8), contentType: "text/plain; charset=utf-8")
    }
}

/// Why a request is refused: an error of the peer, which is reported to it and in the log. It contains nothing that the peer has sent.
struct RegistryRefusal: Error, Equatable {
    let status: Int
    let message: String
    var retryAfter: Int?

    init(_ status: Int, _ message: String, retryAfter: Int? = nil) {
        (self.status, self.message, self.retryAfter) = (status, message, retryAfter)
    }
}

/// The bodies of requests; unknown members are ignored.
enum RegistryBody {
    struct Register: Decodable {
        let identity: String
        let key: String
        let type: String
        let token: String?
        let name: String?
        let site: String?
        let position: String?

        var place: NodePlace { NodePlace(name: name, site: site, position: position) }
    }

    struct Validate: Decodable {
        let identity: String
        let signature: String
        let registry: String?
    }

    struct Access: Decodable {
        let csr: String
        let identity: String
        let signature: String
    }

    struct Rotate: Decodable {
        let identity: String
        let key: String
        let signature: String
        let proof: String
    }

    struct Server: Decodable {
        let identity: String
        let key: String
    }

    struct Deregister: Decodable {
        let identity: String
        let signature: String?
    }

    static func read<Body: Decodable>(_ bytes: [UInt8], as type: Body.Type) throws(RegistryRefusal) -> Body {
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch let error as DecodingError {
            switch error {
            case .keyNotFound(let member, _): throw RegistryRefusal(400, "\"\(member.stringValue)\" is missing")
            case .typeMismatch(_, let context), .valueNotFound(_, let context):
                guard let member = context.codingPath.first else { break }
                throw RegistryRefusal(400, "\"\(member.stringValue)\" is not a string")
            default: break
            }
        } catch {}
        throw RegistryRefusal(400, "the body is not a JSON object")
    }

    /// An identity in the canonical form of topics, certificates and signatures. Other forms are refused, because another reader could
    /// take them for another identity.
    static func identity(_ text: String) throws(RegistryRefusal) -> Identifier {
        guard let identity = Identifier(hexadecimal: text), identity.topicForm == text else {
            throw RegistryRefusal(
                400, "the identity is not 1 to 16 lower-case hexadecimal digits without leading zeros")
        }
        guard identity.number >= 0x10 else {
            throw RegistryRefusal(400, "an identity below 10 (hexadecimal) does not work with the reference")
        }
        return identity
    }

    /// The bytes of base64, which may be broken into lines.
    static func bytes(_ text: String, _ name: String) throws(RegistryRefusal) -> [UInt8] {
        let oneLine = Data(text.utf8.lazy.filter { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") })
        guard let data = Data(base64Encoded: oneLine), !data.isEmpty else {
            throw RegistryRefusal(400, "the \(name) is not base64")
        }
        return Array(data)
    }
}

/// Base64 on one line.
func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
