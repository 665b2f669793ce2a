extension BrokerLink {
    /// How to reach the brokers, and as whom.
    public struct Settings: Sendable {
        /// Tried in turn.
        public var brokers: [BrokerAddress]
        /// Never changes: the broker keeps the session under this client id.
        public var clientID: String
        /// Our CA file, certificate and key.
        public var tls: TLSFiles
        /// Topic filters, QoS 1.
        public var subscriptions: [String]
        /// The MQTT keep-alive, in seconds.
        public var keepAlive = 60
        /// Bytes of the longest payload that is looked at.
        public var maximumPayload: Int
        /// The first wait after a lost connection; doubled each time, with full jitter.
        public var initialRetry = Duration.seconds(1)
        /// The longest wait.
        public var maximumRetry = Duration.seconds(60)
        /// Whether the broker should keep our session when we disconnect; not if a certificate is only tested.
        public var keepsSession = true
        /// How long a connection may take until the broker's CONNACK, over each address.
        public var connectLimit = Duration.seconds(10)
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
