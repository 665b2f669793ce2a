/// Bytes that have the shape of a message; nothing that they say has been verified.
///
/// Making one checks everything that can be checked without a key: size, version, type, every length, nothing left
/// over. The body is accessible only after `verified(by:)` has succeeded; decisions/0002 explains why the shape of the body
/// is checked first.
public struct UnverifiedFrame: Sendable {
    /// The longest frame there can be: header 18, token, a signature of 2,048 bytes (RSA-16384), and the longest
    /// body (SYNDICATED_DATA: two length-prefixed fields and an identifier).
    public static let maximumLength = 18 + (2 + 65_535) + (2 + 2_048) + 2 * (2 + 65_535) + 8

    private static let signatureLengths = 256...2_048

    /// The frame as it was received.
    public let bytes: [UInt8]
    private let message: Message
    private let signed: [Range<Int>]
    private let signature: Range<Int>

    /// Checks the shape of received bytes.
    /// - Throws: what is wrong with them; any byte string either is a frame or throws.
    public init(_ bytes: [UInt8]) throws(FrameError) {
        guard bytes.count <= UnverifiedFrame.maximumLength else { throw .oversize(bytes.count) }
        var reader = Reader(bytes)
        let version = try reader.byte()
        guard version == Message.version else { throw .version(version) }
        let code = try reader.byte()
        guard let type = MessageType(rawValue: code) else { throw .type(code) }
        let (sequence, sender, token) = (
            try reader.read() as SequenceID, try reader.read() as Identifier, try reader.read() as Token
        )
        let head = 0..<reader.cursor
        let signature = try reader.lengthPrefixed()
        guard UnverifiedFrame.signatureLengths.contains(signature.count) else {
            throw .signatureLength(signature.count)
        }
        let tail = reader.cursor..<bytes.count
        let body = try Body(type, from: &reader)
        try reader.finish()
        self.bytes = bytes
        message = Message(sequence: sequence, sender: sender, token: token, body: body)
        signed = [head, tail]
        self.signature = signature.indices
    }

    /// The sender that it claims: to look up a key, and to drop our own messages; for nothing else.
    public var claimedSender: Identifier { message.sender }

    /// What it claims to be: for the log line of a refusal.
    public var claimedType: MessageType { message.body.type }

    /// What it claims to say, unproven. For showing to a person who asked for just that (`srup-bench decode`).
    public var unverifiedMessage: Message { message }

    /// The only way to a verified message: checks the signature over the bytes received, with the signature field cut out.
    /// - Throws: `VerificationError`; nothing in the frame may then be used.
    public func verified(by keyring: some Keyring) throws(VerificationError) -> Verified<Message> {
        try keyring.check(bytes[signature], over: signed.map { bytes[$0] }, of: message.sender)
        return Verified(content: message, frame: bytes)
    }
}

/// A value whose sender's signature held. Only `UnverifiedFrame.verified(by:)` makes one, so a forgotten check does
/// not compile.
public struct Verified<Content: Sendable>: Sendable {
    /// What was signed.
    public let content: Content
    /// The frame as it came, signature and all.
    public let frame: [UInt8]

    fileprivate init(content: Content, frame: [UInt8]) { (self.content, self.frame) = (content, frame) }
}

extension Verified: Equatable where Content: Equatable {}

/// Other nodes' public keys.
public protocol Keyring {
    /// Returns if the signature is the sender's over the concatenated parts; otherwise throws.
    func check(_ signature: ArraySlice<UInt8>, over parts: [ArraySlice<UInt8>], of sender: Identifier)
        throws(VerificationError)
}

/// Why a frame is not trusted.
public enum VerificationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// We hold no key of this sender.
    case unknownSender(Identifier)
    /// The signature is not this sender's over these bytes.
    case badSignature(Identifier)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .unknownSender(let sender): "no key is known for sender \(sender)"
        case .badSignature(let sender): "the signature is not \(sender)'s"
        }
    }
}
