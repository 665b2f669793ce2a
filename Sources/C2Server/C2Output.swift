import Bench
import Broker
import Glibc
import SRUP

/// What is to be done, and on whose account.
struct C2Step {
    var effects: [C2.Effect]
    /// The node that it is about, where there is one.
    var node: Identifier?
    /// The operator's line that caused it.
    var order: String?
}

/// What the server does to the world when it has kept that it will: signed, put into words, and with nothing left to decide.
enum C2Output {
    case publish(Outgoing)
    case trace(TraceLine)
    case say(String)
    /// A join is decided.
    case decided
    /// Shown to the operator, and nowhere kept.
    case show(device: Identifier, Secret)
}

extension C2Entry {
    /// Bytes of a refused frame that are kept.
    private static let refusedBytes = 64

    /// A message that came, or bytes that are none.
    static func received(_ message: Message?, _ line: TraceLine, _ refused: String?) -> C2Entry {
        var text = line.name
        if let message { text += " of \(message.sender)" }
        if let detail = line.detail { text += ": \(detail)" }
        var kind = Kind.message
        if case .data(let id, let data)? = message?.body, refused == nil, id == Octets("OBSERVATION_EVIDENCE".utf8) {
            (kind, text) = (.evidence, "evidence from \(message?.sender ?? Identifier(0)): \(readable(data.bytes))")
        }
        let proof = message?.body.observationProof
        if proof != nil, refused == nil {
            (kind, text) = (.evidence, "proof from \(message?.sender ?? Identifier(0))")
        }
        if let proof { text += ": \(proof)" }
        // An accepted one was checked: C2.take(proof:).
        if proof != nil, refused == nil { text += "; it holds the value, and the signature is the device's" }
        var line = line
        if let refused {
            text = "refused \(text): \(refused)"
            // Whoever may publish to us could push out everything else with long frames.
            line.frameHex = line.frameHex.map { String($0.prefix(2 * refusedBytes)) }
        }
        return C2Entry(wallMilliseconds: now, kind: kind, node: message?.sender, line: line, message: text)
    }

    /// A message to a node.
    static func sent(_ line: TraceLine, to node: Identifier) -> C2Entry {
        let text = "\(line.name) to \(node)" + (line.detail.map { ": \($0)" } ?? "")
        return C2Entry(wallMilliseconds: now, kind: .message, node: node, line: line, message: text)
    }

    /// Words for the operator, or of the operator.
    static func told(_ kind: Kind, _ node: Identifier?, _ text: String) -> C2Entry {
        C2Entry(wallMilliseconds: now, kind: kind, node: node, message: text)
    }

    /// What became of a join.
    static func decided(_ device: Identifier, _ text: String, _ grounds: C2.Grounds) -> C2Entry {
        var entry = told(.decision, device, text)
        (entry.grade, entry.reason) = (grounds.grade, grounds.reason)
        return entry
    }

    /// Milliseconds since 1970.
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
