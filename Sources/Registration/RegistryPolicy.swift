/// The registration service's numbers: each with what it bounds.
public struct RegistryPolicy: Sendable {
    /// Whether anybody new is registered; certificates are renewed either way.
    public var isActive = true
    /// Whether an enrolment token is needed to register.
    public var needsToken = false
    /// Whether a validation must be signed over a statement that names this registry: devices of the reference's have none.
    public var needsNamedStatements = false
    /// Whether everybody may read keys and types, as the reference lets them.
    public var hasOpenKeys = false
    /// How long a client's certificate holds, in days: as long does the broker let in a device whose key was stolen unnoticed.
    public var certificateDays: Int64 = 90
    /// How long an identity may wait for its validation, in seconds; then it is forgotten, and free for others.
    public var validationTime: Int64 = 3_600
    /// Identities that wait for their validation: more would fill the disk without proving anything.
    public var mostWaiting: Int64 = 1_000
    /// Identities in all, revoked ones too.
    public var mostIdentities: Int64 = 100_000
    /// Certificates for one identity in an hour: each is a signature of the CA's, and may stand in a revocation list.
    public var certificatesAnHour: Int64 = 10
    /// How long a revocation list is good, in days: when it is over, a broker refuses everybody.
    public var revocationListDays: Int64 = 30
    /// Requests from one address (one /64 for IPv6) in a minute, and as many at once.
    public var requestsAMinute = 120
    /// Requests from all addresses in a minute, and as many at once.
    public var allRequestsAMinute = 6_000

    /// The defaults.
    public init() {}

    /// Bytes of a request's body.
    public static let maximumBody = 65_536
    /// Bytes of a public key in DER: up to RSA-8192. Checking larger ones would take the whole service's time.
    static let maximumKey = 1_100
    /// Bytes of a certificate request in PEM, for the same reason.
    static let maximumRequest = 4_096
    /// Characters of a device's type.
    static let maximumType = 64
    /// Seconds by which a certificate starts earlier than it is made: clocks differ.
    static let clockDifference: Int64 = 300
    static let day: Int64 = 86_400
}

/// Where the service takes its time from: the wall clock for what is written down, a steady one for the rate limits.
public struct RegistryClock: Sendable {
    let seconds: @Sendable () -> Int64
    let milliseconds: @Sendable () -> Int64

    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - milliseconds: of a clock that never goes back.
    public init(seconds: @escaping @Sendable () -> Int64, milliseconds: @escaping @Sendable () -> Int64) {
        (self.seconds, self.milliseconds) = (seconds, milliseconds)
    }
}
