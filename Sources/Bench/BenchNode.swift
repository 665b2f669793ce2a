import Broker
import Files
import Keys
import SRUP

/// What every node of the bench needs: identity, key, broker and trace.
public struct BenchNode: Sendable {
    /// Its identity.
    public var id: Identifier
    /// Its identity key: signs messages, and unseals values.
    public var key: IdentityKey
    /// Its brokers: it uses one at a time, and the next one when that fails.
    public var brokers: [BrokerAddress]
    /// The TLS files for the broker.
    public var tls: TLSFiles
    /// Where each message is recorded; nil: nowhere.
    public var trace: TraceFile?
    /// Where the keys of its connections to the broker are written; nil: nowhere.
    public var keyLog: KeyLog?

    /// A node whose key is in memory.
    /// - Precondition: there is a broker.
    public init(id: Identifier, key: IdentityKey, brokers: [BrokerAddress], tls: TLSFiles, trace: TraceFile?) {
        precondition(!brokers.isEmpty, "a node without a broker")
        (self.id, self.key, self.brokers, self.tls, self.trace) = (id, key, brokers, tls, trace)
    }

    /// A node whose key is in a file.
    /// - Throws: `OperatorError` if a file is not valid.
    public init(
        id: Identifier, keyFile: String, brokers: [BrokerAddress], tls: TLSFiles, traceFile: String?
    ) throws {
        try FileTrust.check(tls.authority, as: "the broker's CA file")
        let key = try IdentityKey(pemFile: keyFile)
        try tls.check()
        var trace: TraceFile?
        if let traceFile { trace = try TraceFile(traceFile) }
        self.init(id: id, key: key, brokers: brokers, tls: tls, trace: trace)
    }

    /// The settings of this node's broker link. It retries soon, because a bench is run by hand.
    package func linkSettings(subscriptions: [String]) -> BrokerLink.Settings {
        var settings = BrokerLink.Settings(
            brokers: brokers, clientID: id.topicForm, tls: tls, subscriptions: subscriptions,
            maximumPayload: UnverifiedFrame.maximumLength)
        (settings.initialRetry, settings.maximumRetry) = (.milliseconds(200), .seconds(2))
        settings.keyLog = keyLog?.descriptor
        return settings
    }

    /// Records a message of this node in its trace, if it has one.
    /// - Parameter isSent: whether this node has sent it.
    package func record(_ line: @autoclosure () -> TraceLine, isSent: Bool) {
        guard let trace else { return }
        var line = line()
        (line.recorder, line.isSent) = (id.description, isSent)
        trace.append(line)
    }

    /// This node's signature over any bytes.
    func signature(of message: [UInt8]) -> [UInt8] {
        guard let signature = try? key.signature(over: [message[...]]) else {
            preconditionFailure("our own key cannot sign")
        }
        return signature
    }

    /// The frame of a message of this node.
    package func sign(_ message: Message) -> [UInt8] {
        guard let frame = try? message.signed(by: key) else { preconditionFailure("our own key cannot sign") }
        return frame
    }
}
