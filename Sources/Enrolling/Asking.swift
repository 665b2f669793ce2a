import Fetching

/// How a registration service is asked, and keys are made, where that is not the usual way. What was said at the enrolment
/// is kept with its record: a renewal that comes by itself has nobody to say it again.
public struct Asking: Codable, Equatable, Sendable {
    /// A proxy's URL; empty: none. It is kept as it is, and a password in it with it.
    public var proxy: String?
    /// Seconds for each request; nil: 30.
    public var timeLimit: Int?
    /// Bits of new keys; nil: 3072.
    public var bits: Int?
    /// Whether plain HTTP to this machine itself is allowed; nil: no.
    public var allowsPlain: Bool?

    /// The usual way.
    public init() {}

    /// What is said now, and for the rest what was said before.
    public func over(_ kept: Asking?) -> Asking {
        var asking = Asking()
        asking.proxy = proxy ?? kept?.proxy
        asking.timeLimit = timeLimit ?? kept?.timeLimit
        asking.bits = bits ?? kept?.bits
        asking.allowsPlain = allowsPlain ?? kept?.allowsPlain
        return asking
    }

    /// Bits of new keys.
    public var keyBits: Int { bits ?? 3_072 }

    /// A client that asks this way, and may ask this address.
    /// - Parameter authorityFile: PEM, the CAs of the service's certificate; nil: the system's.
    /// - Throws: `EnrolmentFault`.
    public func client(for address: WebAddress, authorityFile: String?) throws(EnrolmentFault) -> HTTPClient {
        var limits = HTTPClient.Limits()
        limits.total = .seconds(timeLimit ?? 30)
        do throws(HTTPFault) {
            let client = try HTTPClient(
                authorityFile: authorityFile, proxy: proxy, allowsPlainOnLoopback: allowsPlain ?? false, limits: limits)
            try client.check(address)
            return client
        } catch {
            throw EnrolmentFault(error.sentence, hint: error.hint)
        }
    }
}
