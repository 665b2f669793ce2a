import Fetching

/// Options for requests to a registration service and for new keys. The options of the enrolment are stored in its record, because an
/// automatic renewal has no operator to give them again.
public struct RegistrationOptions: Codable, Equatable, Sendable {
    /// A proxy's URL; empty: none. It is stored unchanged, including a password.
    public var proxy: String?
    /// Seconds for each request; nil: 30.
    public var timeLimit: Int?
    /// Bits of new keys; nil: 3072.
    public var bits: Int?
    /// Whether plain HTTP to this machine itself is allowed; nil: no.
    public var allowsPlain: Bool?

    /// The defaults.
    public init() {}

    /// These options, completed by stored ones.
    public func over(_ kept: RegistrationOptions?) -> RegistrationOptions {
        var options = RegistrationOptions()
        options.proxy = proxy ?? kept?.proxy
        options.timeLimit = timeLimit ?? kept?.timeLimit
        options.bits = bits ?? kept?.bits
        options.allowsPlain = allowsPlain ?? kept?.allowsPlain
        return options
    }

    /// Bits of new keys.
    public var keyBits: Int { bits ?? 3_072 }

    /// A client with these options, for this address.
    /// - Parameter authorityFile: PEM, the CAs of the service's certificate; nil: the system's.
    /// - Throws: `HTTPFault`.
    public func client(for address: WebAddress, authorityFile: String?) throws(HTTPFault) -> HTTPClient {
        try client(for: address, authority: authorityFile.map(HTTPClient.Authority.file) ?? .system)
    }

    /// A client with these options, for this address.
    /// - Throws: `HTTPFault`.
    func client(for address: WebAddress, authority: HTTPClient.Authority) throws(HTTPFault) -> HTTPClient {
        var limits = HTTPClient.Limits()
        limits.total = .seconds(timeLimit ?? 30)
        let client = try HTTPClient(
            authority: authority, proxy: proxy, allowsPlainOnLoopback: allowsPlain ?? false, limits: limits)
        try client.check(address)
        return client
    }
}
