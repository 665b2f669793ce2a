import Broker
import Keys
import SRUP

/// What every node on the bench needs: who it is, its key, its broker, its trace.
public struct BenchNode: Sendable {
    /// Who it is.
    public var id: Identifier
    /// What it signs with, and opens sealed values with.
    public var key: IdentityKey
    /// Its broker.
    public var broker: BrokerAddress
    /// TLS towards the broker.
    public var tls: TLSFiles
    /// Where each message is noted, if anywhere.
    public var trace: TraceFile?

    /// A node of these parts.
    public init(id: Identifier, key: IdentityKey, broker: BrokerAddress, tls: TLSFiles, trace: TraceFile?) {
        (self.id, self.key, self.broker, self.tls, self.trace) = (id, key, broker, tls, trace)
    }

    /// A node whose key is in a file.
    /// - Throws: `OperatorFault` where a file is not what it should be.
    public init(
        id: Identifier, keyFile: String, broker: String, tls: TLSFiles, traceFile: String?
    ) throws(OperatorFault) {
        try TrustedFiles.examine(tls.authority, as: "the broker's CA file")
        let key = try asOperatorFault { try IdentityKey(pemFile: keyFile) }
        do throws(BrokerFault) { try tls.check() } catch { throw OperatorFault(error) }
        var trace: TraceFile?
        if let traceFile { trace = try TraceFile(traceFile) }
        self.init(id: id, key: key, broker: try BrokerAddress(option: broker), tls: tls, trace: trace)
    }

    /// Settings of this node's way to its broker. A bench is run by hand: it tries again soon.
    package func linkSettings(subscriptions: [String]) -> BrokerLink.Settings {
        var settings = BrokerLink.Settings(
            brokers: [broker], clientID: id.topicForm, tls: tls, subscriptions: subscriptions,
            longestPayload: UnverifiedFrame.maximumLength)
        (settings.firstRetry, settings.longestRetry) = (.milliseconds(200), .seconds(2))
        return settings
    }

    /// This node's signature over anything.
    func signature(of message: [UInt8]) -> [UInt8] {
        guard let signature = try? key.signature(over: [message[...]]) else {
            preconditionFailure("our own key does not sign")
        }
        return signature
    }

    /// The frame of a message of this node.
    package func sign(_ message: Message) -> [UInt8] {
        guard let frame = try? message.signed(by: key) else { preconditionFailure("our own key does not sign") }
        return frame
    }
}
