extension BrokerLink {
    /// How to reach the brokers, and as whom.
    public struct Settings: Sendable {
        /// In which order several brokers are tried.
        public enum Order: String, CaseIterable, Sendable {
            /// In an order of each process's own, so that many clients are spread over the brokers.
            case random
            /// As they are listed.
            case listed
        }

        /// Tried in turn.
        public var brokers: [BrokerAddress]
        /// Never changes: the broker keeps the session under this client id.
        public var clientID: String
        /// Our CA file, certificate and key.
        public var tls: TLSFiles
        /// Topic filters, QoS 1.
        public var subscriptions: [String]
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        public var order = Order.random
        /// The MQTT keep-alive, in seconds: a broker from which nothing comes is given up after two of them.
        public var keepAlive = 20
        /// Bytes of the longest payload that is looked at.
        public var maximumPayload: Int
        /// The bound of the first wait after a lost connection: any time up to it. It is doubled after each round of the brokers.
        public var initialRetry = Duration.seconds(1)
        /// The longest wait.
        public var maximumRetry = Duration.seconds(60)
        /// Whether the broker should keep our session when we disconnect; not if a certificate is only tested.
        public var keepsSession = true
        /// How long a connection may take until the broker's CONNACK, over each address, and then until its SUBACK; doubled after
        /// each attempt that took longer, up to eight times.
        public var connectLimit = Duration.seconds(10)
        /// How long the broker may acknowledge nothing while a message of ours waits for that: then it is left for the next one;
        /// doubled after each time, up to eight times, until a connection has lasted.
        public var acknowledgementLimit = Duration.seconds(10)
        /// A descriptor to which the keys of each TLS connection are written, in the format that Wireshark reads. Anyone who has them can
        /// decrypt the connections: for the bench kit, which opens it with `KeyLog`; the beacon never sets it.
        package var keyLog: Int32?
        /// The numeric addresses of a broker's name.
        var lookUp: @Sendable (String) throws(BrokerFault) -> [String] = HostAddresses.lookUp

        /// Settings with the default times.
        public init(
            brokers: [BrokerAddress], clientID: String, tls: TLSFiles, subscriptions: [String], maximumPayload: Int
        ) {
            (self.brokers, self.clientID, self.tls) = (brokers, clientID, tls)
            (self.subscriptions, self.maximumPayload) = (subscriptions, maximumPayload)
        }
    }
}
