import Bench
import Broker
import Glibc
import SRUP

/// Effects, and their cause.
struct C2Step {
    var effects: [C2.Effect]
    /// The node that they concern, if any.
    var node: Identifier?
    /// The operator's order that caused them, as text.
    var order: String?
}

/// What the server carries out after its state was stored: messages are signed and texts are complete.
enum C2Output {
    /// - `isNewJoin`: it brings a device the value of a new join.
    case publish(Outgoing, isNewJoin: Bool)
    case trace(TraceLine)
    case say(String)
    /// A join is decided.
    case decided
    /// Shown to the operator, and not stored.
    case show(device: Identifier, Secret)
}

extension C2Entry {
    /// Bytes of a refused frame that are stored.
    private static let refusedBytes = 64

    /// A received message, or bytes that are not a message.
    static func received(_ message: Message?, _ line: TraceLine, _ refused: String?) -> C2Entry {
        var text = line.name
        if let message { text += " of \(message.sender)" }
        if let detail = line.detail { text += ": \(detail)" }
        var kind = Kind.message
        if case .data(let id, let data)? = message?.body, refused == nil, DataID(id) == .observationEvidence {
            (kind, text) = (.evidence, "evidence from \(message?.sender ?? Identifier(0)): \(readable(data.bytes))")
        }
        let proof = message?.body.observationProof
        if proof != nil, refused == nil {
            (kind, text) = (.evidence, "proof from \(message?.sender ?? Identifier(0))")
        }
        if let proof { text += ": \(proof)" }
        // An accepted proof was checked: C2.take(proof:).
        if proof != nil, refused == nil { text += "; the device holds the value and signed with its key" }
        var line = line
        if let refused {
            text = "refused \(text): \(refused)"
            // Otherwise anyone who may publish to us could displace the rest of the history with long frames.
            line.frameHex = line.frameHex.map { String($0.prefix(2 * refusedBytes)) }
        }
        return C2Entry(wallMilliseconds: now, kind: kind, node: message?.sender, line: line, message: text)
    }

    /// A message to a node.
    static func sent(_ line: TraceLine, to node: Identifier) -> C2Entry {
        let text = "\(line.name) to \(node)" + (line.detail.map { ": \($0)" } ?? "")
        return C2Entry(wallMilliseconds: now, kind: .message, node: node, line: line, message: text)
    }

    /// A text for the operator, or an order.
    static func told(_ kind: Kind, _ node: Identifier?, _ text: String) -> C2Entry {
        C2Entry(wallMilliseconds: now, kind: kind, node: node, message: text)
    }

    /// The result of a join.
    static func decided(
        _ decision: C2.Decision, _ device: Identifier, _ text: String, _ grounds: C2.Grounds
    ) -> C2Entry {
        var entry = told(.decision, device, text)
        (entry.verdict, entry.grade, entry.reason) = (decision, grounds.grade, grounds.reason)
        return entry
    }

    /// Milliseconds since 1970.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
