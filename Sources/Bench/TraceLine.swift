import FoundationEssentials
import SRUP

/// Who took part in a message: the three lifelines of the paper's Figure 2.
public enum Role: String, Codable, CaseIterable, Sendable {
    /// The node that asks to join.
    case device
    /// The node that observes it.
    case beacon
    /// The server that both belong to.
    case c2
}

/// One message, as a line of a trace file: one JSON object. Times are CLOCK_BOOTTIME, so the traces of several
/// processes on one machine can be merged.
public struct TraceLine: Codable, Equatable, Sendable {
    /// The way that a message took.
    public enum Via: String, Codable, Sendable {
        /// SRUP over the broker.
        case mqtt
        /// The proof link.
        case link
    }

    /// Microseconds since boot, counting sleep.
    public var atMicroseconds: Int64
    /// Who sent it, or claims to have.
    public var from: Role
    /// Who it is for.
    public var to: Role
    /// The way it took.
    public var via: Via
    /// The specification's name: `OBSERVE_REQ`, `HELLO`.
    public var name: String
    /// The sequence id in decimal; none on the proof link.
    public var sequence: String?
    /// Bytes of the frame.
    public var bytes: Int
    /// The token as text, where there is one.
    public var token: String?
    /// What it says, in a few words.
    public var detail: String?
    /// Why it was refused, where it was.
    public var refused: String?
    /// The frame in hexadecimal; only for `mqtt`, where a value is sealed.
    public var frameHex: String?

    enum CodingKeys: String, CodingKey {
        case from, to, via, name, sequence, bytes, token, detail, refused
        case atMicroseconds = "at_us"
        case frameHex = "frame_hex"
    }

    /// A line of these parts.
    public init(
        atMicroseconds: Int64, from: Role, to: Role, via: Via, name: String, sequence: String? = nil, bytes: Int,
        token: String? = nil, detail: String? = nil, refused: String? = nil, frameHex: String? = nil
    ) {
        (self.atMicroseconds, self.from, self.to, self.via) = (atMicroseconds, from, to, via)
        (self.name, self.sequence, self.bytes, self.token) = (name, sequence, bytes, token)
        (self.detail, self.refused, self.frameHex) = (detail, refused, frameHex)
    }

    /// The line in its file: JSON, no line break.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("strings and numbers are JSON") }
        return String(decoding: data, as: UTF8.self)
    }

    /// A line as `json` gives it; nil where the text is none.
    package init?(json text: String) {
        guard let read = try? JSONDecoder().decode(TraceLine.self, from: Data(text.utf8)) else { return nil }
        self = read
    }

    /// The lines of a trace file; empty ones are left out.
    /// - Parameter name: of the file, for the fault.
    /// - Throws: `OperatorFault`, which names the line that is none.
    public static func read(_ text: String, from name: String) throws(OperatorFault) -> [TraceLine] {
        var lines: [TraceLine] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            guard let read = TraceLine(json: String(line)) else {
                throw OperatorFault(
                    "line \(index + 1) of \(name) is no line of a trace",
                    hint: "give files that srup-bench c2 --trace and srup-bench device --trace wrote")
            }
            lines.append(read)
        }
        return lines
    }
}

extension TraceLine {
    /// A SRUP message that was sent or accepted, or was refused although it has the shape of one.
    package init(
        _ message: Message, frame: [UInt8], from: Role, to: Role, at microseconds: Int64, refused: String? = nil
    ) {
        self.init(
            atMicroseconds: microseconds, from: from, to: to, via: .mqtt, name: message.body.type.name,
            sequence: message.sequence.description, bytes: frame.count, token: message.token.description,
            detail: message.body.summary, refused: refused, frameHex: hexadecimal(frame))
    }

    /// Bytes that are no message. Whoever sent them, the trace puts them where strangers stand.
    package init(shapeless payload: [UInt8], at microseconds: Int64, refused: String) {
        self.init(
            atMicroseconds: microseconds, from: .device, to: .c2, via: .mqtt, name: "(no frame)", bytes: payload.count,
            refused: refused, frameHex: hexadecimal(payload))
    }
}

extension Body {
    /// What the message says beyond its name, where that fits into a few words.
    var summary: String? {
        switch self {
        case .response(let status): status.description
        case .observedJoinRequest(let observer): "observer \(observer)"
        case .observationRequest(let joining, _): "joining \(joining)"
        case .joinCommand(let device): "device \(device)"
        case .action(let action): "action 0x\(hexadecimal([action]))"
        case .data(let id, _), .syndicatedData(let id, _, _): readable(id.bytes)
        case .initiate(let url, _): readable(Array(url.bytes.prefix(100)).filter { $0 != 0 })
        case .syndicationInitiate(let url, _): readable(Array(url.bytes.prefix(100)).filter { $0 != 0 })
        case .syndicatedAction(let action, let target): "action 0x\(hexadecimal([action])) for \(target)"
        case .syndicatedIdentityRequest(let target): "of \(target)"
        case .syndicatedDeviceCount(let count): "\(count) devices"
        case .syndicatedDeviceList(let place, let device): "number \(place): \(device)"
        case .syndicatedC2Request(_, let request): "request 0x\(hexadecimal([request]))"
        case .activate, .identityRequest, .joinRequest, .humanJoinRequest, .humanJoinResponse, .observedJoinResponse,
            .resignRequest, .terminateCommand, .deregisterRequest, .deregisterCommand, .syndicationRequest,
            .syndicationEnd, .syndicationTerminate:
            nil
        }
    }
}

/// Received bytes for a line of text: as they are where they are printable ASCII, else as `0x…`.
package func readable(_ bytes: [UInt8]) -> String {
    bytes.allSatisfy { (0x20...0x7E).contains($0) }
        ? String(decoding: bytes, as: UTF8.self) : "0x" + hexadecimal(bytes)
}
