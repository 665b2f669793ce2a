import SRUP

/// How a device proves that it holds the value (docs/proof-link.md, "Frames").
public enum Mode: UInt8, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// The device shows the value itself: the paper's own scheme, off by default at both ends.
    case value = 1
    /// The device answers a challenge, and the value is never shown.
    case challenge = 2
    /// The device answers a challenge and signs the answer with its identity key, for the server to check.
    case keyed = 3

    /// The mode's name in the configuration and in evidence.
    public var description: String {
        switch self {
        case .value: "value"
        case .challenge: "challenge"
        case .keyed: "keyed"
        }
    }
}

/// Which modes a beacon accepts: the bits of HELLO's second byte.
public struct Modes: OptionSet, Hashable, Sendable {
    /// The bits: 0 value, 1 challenge, 2 keyed. Others mean nothing to us and are kept.
    public let rawValue: UInt8

    /// Modes from their bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The value may be shown.
    public static let value = Modes(rawValue: 1)
    /// A challenge may be answered.
    public static let challenge = Modes(rawValue: 2)
    /// A challenge may be answered and signed.
    public static let keyed = Modes(rawValue: 4)

    /// Whether a mode is among these.
    public func contains(_ mode: Mode) -> Bool {
        switch mode {
        case .value: contains(Modes.value)
        case .challenge: contains(Modes.challenge)
        case .keyed: contains(Modes.keyed)
        }
    }
}

/// How a link ends (docs/proof-link.md, "Outcomes").
public enum Outcome: UInt8, CaseIterable, Hashable, Sendable, CustomStringConvertible {
    /// The proof matches.
    case valid = 0x60
    /// The proof does not match.
    case invalid = 0x6E
    /// The observation ended some other way.
    case fail = 0x6F
    /// No request for this device came in time.
    case unknown = 0x01
    /// Too many links, or this peer is held off.
    case busy = 0x02
    /// A frame that the protocol does not allow, or not now.
    case malformed = 0x03
    /// The round trip, or the signal, is outside the configured bound.
    case tooFar = 0x04

    /// The outcome in a word or two.
    public var description: String {
        switch self {
        case .valid: "valid"
        case .invalid: "invalid"
        case .fail: "fail"
        case .unknown: "unknown"
        case .busy: "busy"
        case .malformed: "malformed"
        case .tooFar: "too far"
        }
    }
}

/// One frame of the proof link, version 1. Each type has one length, SIGN a range of them; anything else is malformed.
public enum LinkFrame: Equatable, Sendable {
    /// Beacon, at once on connect: the version, the modes it accepts, who it is, and 16 bytes for this link alone.
    case hello(version: UInt8, modes: Modes, beacon: Identifier, nonce: [UInt8])
    /// Device: "I am device D and I am ready."
    case ready(mode: Mode, device: Identifier)
    /// Beacon: how many seconds it will go on holding the link for the server's request.
    case wait(seconds: UInt16)
    /// Beacon: 32 random bytes; in value mode the word "now".
    case challenge([UInt8])
    /// Device: its own 32 random bytes and the tag.
    case proof(nonce: [UInt8], tag: [UInt8])
    /// Device, in value mode: the value.
    case value(Secret)
    /// Beacon: the end; the tag is all zero unless the status is *valid* in challenge mode, or a claim has matched in keyed mode.
    case outcome(Outcome, tag: [UInt8])
    /// Device, in keyed mode: 16 bytes that match an open observation and name nobody; all zero while it has no value.
    case claim([UInt8])
    /// Device, in keyed mode: 1 to 128 bytes of its signature over the proof, and whether they are the last.
    case sign(last: Bool, [UInt8])

    /// The protocol's version.
    public static let version: UInt8 = 1
    /// Bytes of HELLO's link nonce.
    public static let linkNonceLength = 16
    /// Bytes of CHALLENGE.
    public static let challengeLength = 32
    /// Bytes of PROOF's device nonce.
    public static let deviceNonceLength = 32
    /// Bytes of a tag (HMAC-SHA256).
    public static let tagLength = 32
    /// Bytes before the payload: type 1, length 2.
    public static let headerLength = 3
    /// The longest payload that any version may have.
    public static let maximumPayloadLength = 512
    /// The tag of an OUTCOME that proves nothing.
    public static let noTag = [UInt8](repeating: 0, count: tagLength)
}

/// Why bytes are not a frame of the proof link. The peer's fault: OUTCOME *malformed*, and the link closes.
public enum LinkFrameError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No such type.
    case type(UInt8)
    /// A type that only the other end sends.
    case sender(UInt8)
    /// Not the length that the type has.
    case length(type: UInt8, length: Int)
    /// A field holds a number that has no meaning there.
    case field(type: UInt8)
    /// On a packet transport: less or more than one frame.
    case packet(Int)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .type(let type): "link frame type 0x\(hexadecimal([type])) does not exist"
        case .sender(let type): "link frame type 0x\(hexadecimal([type])) is one that only the other end sends"
        case .length(let type, let length): "link frame 0x\(hexadecimal([type])) with a payload of \(length) bytes"
        case .field(let type): "link frame 0x\(hexadecimal([type])) has an invalid number in a field"
        case .packet(let count): "a packet of \(count) bytes is not one link frame"
        }
    }
}

/// An end of a link.
public enum LinkEnd: Sendable {
    /// Sends HELLO, WAIT, CHALLENGE and OUTCOME.
    case beacon
    /// Sends READY, PROOF, VALUE, CLAIM and SIGN.
    case device
}

extension LinkFrame {
    /// Who sends a type that exists.
    static func sender(ofType type: UInt8) -> LinkEnd { [0x01, 0x03, 0x04, 0x07].contains(type) ? .beacon : .device }

    /// The payload lengths of a type, or nil for an unknown type. All but SIGN have one.
    static func payloadLengths(ofType type: UInt8) -> ClosedRange<Int>? {
        func one(_ length: Int) -> ClosedRange<Int> { length...length }
        return switch type {
        case 0x01: one(1 + 1 + 8 + linkNonceLength)
        case 0x02: one(1 + 8)
        case 0x03: one(2)
        case 0x04: one(challengeLength)
        case 0x05: one(deviceNonceLength + tagLength)
        case 0x06: one(Secret.length)
        case 0x07: one(1 + tagLength)
        case 0x08: one(1 + KeyedContext.claimLength)
        case 0x09: 2...(1 + KeyedProof.maximumPiece)
        default: nil
        }
    }

    /// The bytes of the frame: type, length, payload; integers big-endian.
    public var encoded: [UInt8] {
        var payload: [UInt8] = []
        let type: UInt8
        switch self {
        case .hello(let version, let modes, let beacon, let nonce):
            type = 0x01
            payload = [version, modes.rawValue]
            payload.appendBigEndian(beacon.number)
            payload += nonce
        case .ready(let mode, let device):
            type = 0x02
            payload = [mode.rawValue]
            payload.appendBigEndian(device.number)
        case .wait(let seconds):
            type = 0x03
            payload.appendBigEndian(seconds)
        case .challenge(let challenge): (type, payload) = (0x04, challenge)
        case .proof(let nonce, let tag): (type, payload) = (0x05, nonce + tag)
        case .value(let secret): (type, payload) = (0x06, secret.withBytes(Array.init))
        case .outcome(let outcome, let tag): (type, payload) = (0x07, [outcome.rawValue] + tag)
        case .claim(let claim): (type, payload) = (0x08, [Mode.keyed.rawValue] + claim)
        case .sign(let isLast, let piece): (type, payload) = (0x09, [isLast ? 1 : 0] + piece)
        }
        precondition(
            LinkFrame.payloadLengths(ofType: type)?.contains(payload.count) == true,
            "link frame 0x\(hexadecimal([type])) of \(payload.count) bytes")
        var bytes = [type]
        bytes.appendBigEndian(UInt16(payload.count))
        return bytes + payload
    }

    /// A frame from one whole packet.
    /// - Parameter sender: as for `FrameAssembler`.
    /// - Throws: `LinkFrameError`, also if bytes follow the frame.
    public init(packet: [UInt8], from sender: LinkEnd? = nil) throws(LinkFrameError) {
        var assembler = FrameAssembler(from: sender)
        assembler.append(packet)
        guard let frame = try assembler.next(), assembler.isEmpty else { throw .packet(packet.count) }
        self = frame
    }

    fileprivate init(type: UInt8, payload: [UInt8]) throws(LinkFrameError) {
        do {
            var reader = Reader(payload)
            guard let frame = try LinkFrame.read(type, &reader) else { throw LinkFrameError.field(type: type) }
            try reader.finish()
            self = frame
        } catch let error as LinkFrameError {
            throw error
        } catch {
            throw .length(type: type, length: payload.count)
        }
    }

    /// The frame of a known type; nil if one of its numbers has no meaning.
    private static func read(_ type: UInt8, _ r: inout Reader) throws(FrameError) -> LinkFrame? {
        switch type {
        case 0x01:
            let (version, modes) = (try r.byte(), Modes(rawValue: try r.byte()))
            let beacon = Identifier(try r.bigEndian(UInt64.self))
            return .hello(version: version, modes: modes, beacon: beacon, nonce: Array(try r.take(linkNonceLength)))
        case 0x02:
            let (mode, device) = (Mode(rawValue: try r.byte()), Identifier(try r.bigEndian(UInt64.self)))
            return mode.flatMap { $0 == .keyed ? nil : .ready(mode: $0, device: device) }
        case 0x03: return .wait(seconds: try r.bigEndian(UInt16.self))
        case 0x04: return .challenge(Array(try r.take(challengeLength)))
        case 0x05: return .proof(nonce: Array(try r.take(deviceNonceLength)), tag: Array(try r.take(tagLength)))
        case 0x06: return Secret(try r.take(Secret.length)).map { .value($0) }
        case 0x07:
            let (outcome, tag) = (Outcome(rawValue: try r.byte()), Array(try r.take(tagLength)))
            return outcome.map { .outcome($0, tag: tag) }
        case 0x08:
            let (mode, claim) = (Mode(rawValue: try r.byte()), Array(try r.take(KeyedContext.claimLength)))
            return mode == .keyed ? .claim(claim) : nil
        case 0x09:
            let (last, piece) = (try r.byte(), Array(try r.take(r.left)))
            return last <= 1 ? .sign(last: last == 1, piece) : nil
        default: return nil
        }
    }
}

/// Turns the bytes of a stream into frames, whatever pieces they come in. Holds at most one incomplete frame, since a
/// header that does not fit its type is refused as soon as it is there.
public struct FrameAssembler: Sendable {
    private let sender: LinkEnd?
    private var bytes: [UInt8] = []

    /// An assembler with nothing in it.
    /// - Parameter sender: the end that the bytes come from. A type that it does not send is refused at its first byte: a device must do so
    ///   (docs/proof-link.md). nil: either end, and its session refuses what it may not send.
    public init(from sender: LinkEnd? = nil) { self.sender = sender }

    /// Whether no byte waits for the rest of its frame.
    public var isEmpty: Bool { bytes.isEmpty }

    /// Takes received bytes. Call `next()` until it gives nil before the next piece.
    public mutating func append(_ received: some Sequence<UInt8>) { bytes += received }

    /// The next whole frame, or nil if more bytes are needed.
    /// - Throws: `LinkFrameError`; the stream is then out of step and must be closed.
    public mutating func next() throws(LinkFrameError) -> LinkFrame? {
        guard let type = bytes.first else { return nil }
        guard let allowed = LinkFrame.payloadLengths(ofType: type) else { throw .type(type) }
        guard sender == nil || sender == LinkFrame.sender(ofType: type) else { throw .sender(type) }
        guard bytes.count >= LinkFrame.headerLength else { return nil }
        let length = Int(bytes[1]) << 8 | Int(bytes[2])
        guard allowed.contains(length) else { throw .length(type: type, length: length) }
        let end = LinkFrame.headerLength + length
        guard bytes.count >= end else { return nil }
        let payload = Array(bytes[LinkFrame.headerLength..<end])
        bytes.removeSubrange(..<end)
        return try LinkFrame(type: type, payload: payload)
    }
}
