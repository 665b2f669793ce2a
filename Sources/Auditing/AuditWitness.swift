import FoundationEssentials
import SRUP

/// What a server's exported record says about other nodes: the heads that it has received from them, and the sealed values of its
/// requests, by which the requests in a beacon's record are whole again.
package struct AuditWitness: Sendable {
    private var received: [Identifier: [AuditHead]] = [:]
    private var seals: [[UInt8]: [UInt8]] = [:]

    /// A witness that knows nothing.
    package init() {}

    /// The heads of a node that a server has received.
    func heads(of node: Identifier) -> [AuditHead] { received[node] ?? [] }

    /// The sealed value with this digest.
    func seal(_ digest: [UInt8]) -> [UInt8]? { seals[digest] }

    /// Adds a head.
    package mutating func add(_ head: AuditHead) { received[head.identity, default: []].append(head) }

    /// Takes a line of the server's exported record; others than heads and requests are left alone.
    package mutating func take(_ bytes: [UInt8]) {
        guard let line = AuditLine(json: bytes) else { return }
        if line.kind == .received, let head = AuditHead(line) { add(head) }
        guard line.kind == .entry, let frame = line.line.flatMap(TracedFrame.init)?.frame,
            case .observationRequest(_, let sealed)? = (try? UnverifiedFrame(frame))?.unverifiedMessage.body,
            let request = AuditRequest(of: frame)
        else { return }
        seals[request.seal] = sealed.bytes
    }
}

/// The frame in a line of a trace, as a server's history has it (docs/load.md, "Traces").
struct TracedFrame: Decodable {
    private var via: String
    private var refused: String?
    private var frameHex: String?

    enum CodingKeys: String, CodingKey {
        case via, refused
        case frameHex = "frame_hex"
    }

    /// nil: it is not such a line.
    init?(_ json: String) {
        guard let line = try? JSONDecoder().decode(TracedFrame.self, from: Data(json.utf8)) else { return nil }
        self = line
    }

    /// The bytes of a SRUP message that was sent or accepted; nil: it is not one.
    var frame: [UInt8]? { via == "mqtt" && refused == nil ? frameHex.flatMap(bytes(ofHexadecimal:)) : nil }
}
