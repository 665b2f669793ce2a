import Glibc
import OperatorText

extension BrokerFault {
    /// Whether a connection that was there may have ended because the broker closed it, for a reason that it does not tell: it may not
    /// like a message of ours. Other ends have a reason that we know.
    package var isClosing: Bool {
        if case .closedAgainAndAgain = self { return true }
        if case .unreachable(let why) = self {
            return [ECONNRESET, EPIPE].contains { why == String(cString: strerror($0)) }
        }
        return self == .closed
    }

    /// Whether the broker does not let us subscribe to a topic.
    package var deniesSubscription: Bool {
        if case .subscriptionRefused = self { return true }
        if case .closedAtSubscribing = self { return true }
        return false
    }
}

/// The broker closes the connection whenever we publish to a topic, as some do in place of a refusal, for which MQTT 3.1.1 has no answer.
package struct PublishDenied: OperatorError, Equatable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package let topic: String

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package init(topic: String) { self.topic = topic }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var message: String { "the broker closes the connection whenever this client publishes to \(topic)" }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package func hint(for names: SettingNames) -> String {
        "let this client publish to \(topic) in the broker's access list"
    }
}

/// A broker that had a session of ours has none any more.
package struct SessionLost: OperatorError, Equatable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package let broker: BrokerAddress
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package let clientID: String

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package init(broker: BrokerAddress, clientID: String) { (self.broker, self.clientID) = (broker, clientID) }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var message: String {
        "the broker \(broker) has lost the session of client \(clientID): what was published for this client while it was away is lost, and its senders must ask again"
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package func hint(for names: SettingNames) -> String {
        "let the broker keep sessions (with mosquitto: persistence true, and a longer persistent_client_expiration), and check that no other client connects as \(clientID)"
    }
}
