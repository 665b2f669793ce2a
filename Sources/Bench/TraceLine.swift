import FoundationEssentials
import OperatorText
import SRUP

/// The sender or receiver of a message: the lifelines of the paper's Figures 1 and 2.
public enum Role: String, Codable, CaseIterable, Sendable {
    /// The node that asks to join.
    case device
    /// The node that observes it.
    case beacon
    /// The person who compares the values of a human-moderated join, and decides (§5.2.1).
    case human
    /// The server that both nodes belong to.
    case c2
}

/// One message, as a line of a trace file: one JSON object (docs/load.md, "Traces"). Times are CLOCK_BOOTTIME, so the traces of several
/// processes on one machine can be merged; with the wall clock's time, those of several machines can be as well.
public struct TraceLine: Codable, Equatable, Sendable {
    /// How a message was transmitted.
    public enum Via: String, Codable, Sendable {
        /// SRUP over the broker.
        case mqtt
        /// The proof link.
        case link
        /// Outside the protocol: a screen that a person looks at, or the person's decision.
        case sight
    }

    /// Microseconds since boot, counting sleep.
    public var atMicroseconds: Int64
    /// The sender, or the claimed sender.
    public var from: Role
    /// The receiver.
    public var to: Role
    /// How it was transmitted.
    public var via: Via
    /// The specification's name: `OBSERVE_REQ`, `HELLO`.
    public var name: String
    /// The sequence id in decimal; none on the proof link.
    public var sequence: String?
    /// Bytes of the frame.
    public var bytes: Int
    /// The token as text, if there is one; on the proof link, the one of the join for which the link was opened.
    public var token: String?
    /// The device that the message is about, with 16 digits, if the message or the link names one.
    public var device: String?
    /// A summary of its content.
    public var detail: String?
    /// Why it was refused, if it was.
    public var refused: String?
    /// The frame in hexadecimal. Not of VALUE, which shows the value; on `mqtt` values are sealed.
    public var frameHex: String?
    /// The node that has recorded it, with 16 digits.
    public var recorder: String?
    /// Whether the recorder has sent it; otherwise it has received it.
    public var isSent: Bool?
    /// The same moment as `atMicroseconds` by the recorder's wall clock: microseconds since 1970.
    public var wallMicroseconds: Int64?
    /// Which boot of which machine `atMicroseconds` belongs to: the first digits of the kernel's boot id.
    public var boot: String?

    enum CodingKeys: String, CodingKey {
        case from, to, via, name, sequence, bytes, token, device, detail, refused, boot
        case atMicroseconds = "at_us"
        case frameHex = "frame_hex"
        case recorder = "by"
        case isSent = "sent"
        case wallMicroseconds = "wall_us"
    }

    /// A line; optional parts are nil by default.
    public init(
        atMicroseconds: Int64, from: Role, to: Role, via: Via, name: String, sequence: String? = nil, bytes: Int,
        token: String? = nil, device: Identifier? = nil, detail: String? = nil, refused: String? = nil,
        frameHex: String? = nil
    ) {
        (self.atMicroseconds, self.from, self.to, self.via) = (atMicroseconds, from, to, via)
        (self.name, self.sequence, self.bytes, self.token) = (name, sequence, bytes, token)
        (self.detail, self.refused, self.frameHex) = (detail, refused, frameHex)
        self.device = device?.description
    }

    /// The line as JSON, without a line break.
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { preconditionFailure("strings and numbers are JSON") }
        return String(decoding: data, as: UTF8.self)
    }

    /// Parses a line as written by `json`; nil if it is not valid.
    package init?(json text: String) {
        guard let read = try? JSONDecoder().decode(TraceLine.self, from: Data(text.utf8)) else { return nil }
        self = read
    }

    /// The lines of a trace file; empty ones are left out.
    /// - Parameter name: of the file, for the fault.
    /// - Throws: `OperatorFault`, which names the invalid line.
    public static func read(_ text: String, from name: String) throws(OperatorFault) -> [TraceLine] {
        var lines: [TraceLine] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            guard let read = TraceLine(json: String(line)) else {
                throw OperatorFault(
                    "line \(index + 1) of \(name) is not a trace line",
                    hint: "give files that srup-bench c2 --trace and srup-bench device --trace wrote")
            }
            lines.append(read)
        }
        return lines
    }
}

extension TraceLine {
    /// A SRUP message that was sent, accepted or refused.
    /// - Parameter receiver: whose topic it was published on, where that is not a server's.
    package init(
        _ message: Message, frame: [UInt8], from: Role, to: Role, receiver: Identifier? = nil, at microseconds: Int64,
        refused: String? = nil
    ) {
        let end = from == .device ? message.sender : to == .device ? receiver : nil
        self.init(
            atMicroseconds: microseconds, from: from, to: to, via: .mqtt, name: message.body.type.name,
            sequence: message.sequence.description, bytes: frame.count, token: message.token.description,
            device: message.body.joining ?? end, detail: message.body.summary, refused: refused,
            frameHex: hexadecimal(frame))
    }

    /// A node shows a value to a person. The value is not recorded.
    /// - Parameters:
    ///   - device: the one that joins.
    ///   - view: the view in which it is shown.
    package init(shownBy node: Role, of device: Identifier, as view: String, at microseconds: Int64) {
        self.init(
            atMicroseconds: microseconds, from: node, to: .human, via: .sight, name: "shows the value", bytes: 0,
            device: device, detail: view)
    }

    /// A person has compared the values, and tells the server.
    /// - Parameter device: the one that joins.
    package init(decision: String, on device: Identifier, at microseconds: Int64) {
        self.init(
            atMicroseconds: microseconds, from: .human, to: .c2, via: .sight, name: decision, bytes: 0, device: device)
    }

    /// Bytes that are not a message. The trace shows them as sent by a device, because the sender is unknown.
    package init(shapeless payload: [UInt8], at microseconds: Int64, refused: String) {
        self.init(
            atMicroseconds: microseconds, from: .device, to: .c2, via: .mqtt, name: "(no frame)",
            bytes: payload.count,
            refused: refused, frameHex: hexadecimal(payload))
    }
}

extension Body {
    /// The device whose join the message is about, where it names one other than its sender or receiver.
    fileprivate var joining: Identifier? {
        if case .observationRequest(let joining, _) = self { joining } else { nil }
    }

    /// A summary of the content, if it is short.
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
