import BootTime

/// The registration service's settings and bounds.
public struct RegistryPolicy: Sendable {
    /// Whether new identities are registered; certificates are renewed in either case.
    public var isActive = true
    /// Whether an enrolment token is needed to register.
    public var needsToken = false
    /// Whether a validation must sign a statement that names this registry; devices of the reference cannot.
    public var needsNamedStatements = false
    /// Whether everybody may read keys and types, as in the reference.
    public var hasOpenKeys = false
    /// Validity of a client certificate in days: as long, a key that was stolen unnoticed gives access to the broker.
    public var certificateDays: Int64 = 90
    /// Seconds that an identity may wait for its validation; then it is removed and available to others.
    public var validationTime: Int64 = 3_600
    /// Identities that wait for their validation; without this bound, anyone could fill the disk.
    public var mostWaiting: Int64 = 1_000
    /// Identities in total, including revoked ones.
    public var mostIdentities: Int64 = 100_000
    /// Certificates for one identity in an hour: each costs a signature and may need an entry in the revocation list.
    public var certificatesAnHour: Int64 = 10
    /// Validity of a revocation list in days: after it has expired, a broker refuses every client.
    public var revocationListDays: Int64 = 30
    /// After so many days a list is replaced: the others are left for a broker that is not told of it, or does not take it.
    public var revocationListAge: Int64 = 1
    /// Requests from one address (one /64 for IPv6) in a minute; also the size of a burst.
    public var requestsAMinute = 120
    /// Requests from all addresses in a minute; also the size of a burst.
    public var allRequestsAMinute = 6_000

    /// The defaults.
    public init() {}

    /// What the service accepts for a limit; the smallest values are for tests.
    public enum Bounds {
        /// Requests in a minute, of one address or of all.
        public static let requests = 1...1_000_000
        /// Identities that wait, or in total.
        public static let identities: ClosedRange<Int64> = 1...10_000_000
        /// Certificates for one identity in an hour.
        public static let certificates: ClosedRange<Int64> = 1...1_000
    }

    /// Seconds over which refused clients are told to come again: those of one address, and those that are refused because of all
    /// others. One address can only delay itself for long.
    static let spread = (each: 600, all: 60)
    /// Seconds after which a client may try again where nothing says when it will help: random, so that many do not come at once.
    static var pause: Int { .random(in: 30...90) }

    /// Bytes of a request's body.
    public static let maximumBody = 65_536
    /// Bytes of a public key in DER: up to RSA-8192. Checking larger keys would take too much time.
    static let maximumKey = 1_100
    /// Bytes of a certificate request in PEM, for the same reason.
    static let maximumRequest = 4_096
    /// Characters of a device's type.
    static let maximumType = 64
    /// Seconds by which a certificate's validity starts in the past, because clocks differ.
    static let clockDifference: Int64 = 300
    static let day: Int64 = 86_400
}

/// The service's clocks: the wall clock for stored times, a monotonic clock for the rate limits.
public struct RegistryClock: Sendable {
    let seconds: @Sendable () -> Int64
    let now: @Sendable () -> Instant

    /// - Parameters:
    ///   - seconds: since 1970.
    ///   - now: on a clock that does not go back.
    public init(seconds: @escaping @Sendable () -> Int64, now: @escaping @Sendable () -> Instant) {
        (self.seconds, self.now) = (seconds, now)
    }
}
