import Broker

/// How the brokers of the list are used.
public struct BrokerPolicy: Equatable, Sendable {
    /// What each broker of the list keeps for this beacon.
    public enum Sessions: String, CaseIterable, Sendable {
        /// A session of its own: each is visited, so that it keeps requests from the start.
        case each
        /// They are nodes of one cluster: the session is at all of them, and a second connection would end the first.
        case shared
    }

    /// In which order they are tried.
    public internal(set) var order = BrokerLink.Settings.Order.random
    /// The MQTT keep-alive, in seconds. Shorter: a broker that hangs is found sooner, and both ends send more often.
    public internal(set) var keepAlive = 20
    /// How long a broker may take until it has granted the subscription, at first; doubled after each attempt that took longer.
    public internal(set) var connectLimit = Duration.seconds(10)
    /// How long a broker may leave a message unacknowledged. Longer: a verdict waits longer at a broker that hangs.
    public internal(set) var acknowledgementLimit = Duration.seconds(10)
    /// How long what one broker has acknowledged is published again to another one; zero: never.
    public internal(set) var republish = Duration.seconds(600)
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public internal(set) var sessions = Sessions.each
    /// How often each broker that is not in use is visited. Longer: its session may expire, and the queue that it keeps may be full.
    public internal(set) var visit = Duration.seconds(3_600)
}

extension Configuration {
    static let brokerKeys: [Key] = [
        Key("address", \.brokers, .restart("[broker]"), isRequired: true) { s throws(BadSetting) in try s.brokers() },
        Key("ca", \.tls.authority, .restart("[broker]"), isRequired: true) { s throws(BadSetting) in try s.path() },
        Key("certificate", \.tls.certificate, .restart("[broker]"), isRequired: true) { s throws(BadSetting) in
            try s.path()
        },
        Key("key", \.tls.key, .restart("[broker]"), isRequired: true) { s throws(BadSetting) in try s.path() },
        Key("client-id", \.clientID, .restart("[broker]"), text: { $0.mqttClientID }) { s throws(BadSetting) in
            try s.clientID()
        },
        Key("reconnect-first", \.reconnect.first, .restart("[broker]")) { s throws(BadSetting) in
            try s.seconds(0.01...3_600)
        },
        Key("reconnect-longest", \.reconnect.longest, .restart("[broker]")) { s throws(BadSetting) in
            try s.seconds(0.01...3_600)
        },
        Key("order", \.brokerPolicy.order, .restart("[broker]")) { s throws(BadSetting) in try s.word() },
        Key("keep-alive", \.brokerPolicy.keepAlive, .restart("[broker]")) { s throws(BadSetting) in
            try s.number(5...3_600)
        },
        Key("connect-limit", \.brokerPolicy.connectLimit, .restart("[broker]")) { s throws(BadSetting) in
            try s.seconds(1...600)
        },
        Key("acknowledge-limit", \.brokerPolicy.acknowledgementLimit, .restart("[broker]")) { s throws(BadSetting) in
            try s.seconds(1...600)
        },
        Key("republish", \.brokerPolicy.republish, .restart("[broker]")) { s throws(BadSetting) in
            try s.seconds(0...86_400)
        },
        Key("sessions", \.brokerPolicy.sessions, .restart("[broker]")) { s throws(BadSetting) in try s.word() },
        Key("visit", \.brokerPolicy.visit, .restart("[broker]")) { s throws(BadSetting) in
            try s.seconds(10...604_800)
        },
    ]
}

extension BrokerLink.Settings {
    /// Takes over what the configuration says about the brokers.
    mutating func use(_ policy: BrokerPolicy) {
        (order, keepAlive) = (policy.order, policy.keepAlive)
        (connectLimit, acknowledgementLimit) = (policy.connectLimit, policy.acknowledgementLimit)
    }
}
