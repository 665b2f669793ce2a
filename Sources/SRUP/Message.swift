/// A header and a body: what one node says to another. A value; it becomes bytes only by being signed.
public struct Message: Hashable, Sendable {
    /// The version that this code speaks.
    public static let version: UInt8 = 5

    /// Must be greater than the last one that the receiver accepted from this sender (§3.1.2).
    public var sequence: SequenceID
    /// Who signs (§3.3).
    public var sender: Identifier
    /// The exchange that this message belongs to.
    public var token: Token
    /// What the message says.
    public var body: Body

    /// A message of these parts.
    public init(sequence: SequenceID, sender: Identifier, token: Token, body: Body) {
        (self.sequence, self.sender, self.token, self.body) = (sequence, sender, token, body)
    }

    /// The bytes of the message, signed (docs/protocol.md, section 1): header, token, signature, body.
    /// - Throws: what the signer throws.
    public func signed(by signer: some Signer) throws -> [UInt8] {
        var head: [UInt8] = [Message.version, body.type.rawValue]
        sequence.write(to: &head)
        sender.write(to: &head)
        token.write(to: &head)
        var tail: [UInt8] = []
        body.write(to: &tail)
        let signature = try signer.signature(over: [head[...], tail[...]])
        head.appendLengthPrefixed(signature)
        return head + tail
    }

    /// Where a device publishes this for a server: join requests on the server's topic, everything else on its own.
    public func topic(to server: Identifier) -> String {
        body.type.isRequestToJoin
            ? Topic.servers + "/\(server.topicForm)/\(sender.topicForm)" : Topic.of(device: sender)
    }
}

/// The topics of docs/protocol.md, section 3.
public enum Topic {
    /// What a device subscribes to, and where both sides publish once they talk.
    public static func of(device: Identifier) -> String { "SRUP/\(device.topicForm)" }

    /// The filter of a server's join requests.
    public static func joinRequests(to server: Identifier) -> String { "\(servers)/\(server.topicForm)/#" }

    static let servers = "SRUP/servers"
}

/// Makes signatures: the holder of a private key.
public protocol Signer {
    /// RSASSA-PKCS1-v1_5 with SHA-256 over the parts one after the other; as long as the key's modulus.
    func signature(over parts: [ArraySlice<UInt8>]) throws -> [UInt8]
}
