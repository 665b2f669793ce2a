import OperatorText

/// Why a request has no usable reply.
public enum HTTPFault: OperatorError, Equatable {
    /// libcurl is not installed.
    case noLibrary
    /// The address is plain HTTP, which is allowed for this machine itself only, and only on request.
    case notSecure(String)
    /// A redirect; to which address, if that can be shown.
    case redirected(to: String)
    /// The reply is longer than the limit, or says so; the limit in bytes.
    case tooLong(limit: Int)
    /// The header of the reply is longer than the limit.
    case headTooLong
    /// Timeout; libcurl's error text.
    case tooSlow(String)
    /// The name has no address.
    case unknownHost(String)
    /// No connection; libcurl's error text.
    case unreachable(String)
    /// The certificate is not accepted; OpenSSL's error text.
    case untrusted(String)
    /// The CA file cannot be used.
    case badAuthorityFile(String)
    /// The reply could not be written; the system's error text.
    case notWritten(String)
    /// The reply does not continue from the offset: the file has changed on the server.
    case cannotResume
    /// The connection has ended before the reply; libcurl's error text. A server that has too many connections does that.
    case interrupted(String)
    /// Any other failure; libcurl's error text.
    case failed(String)

    /// What is wrong: one line, lower case.
    public var message: String {
        switch self {
        case .noLibrary: "libcurl.so.4 is not on this machine"
        case .notSecure(let address): "\(address) is not protected by TLS"
        case .redirected(let place): "the server redirects to another address: \(place)"
        case .tooLong(let limit): "the reply is longer than \(limit) bytes"
        case .headTooLong: "the reply's header is too long"
        case .tooSlow(let why): "the reply did not come in time: \(why)"
        case .unknownHost(let host): "the name \(host) has no address"
        case .unreachable(let why): "no connection: \(why)"
        case .untrusted(let why): "the server's certificate is not accepted: \(why)"
        case .badAuthorityFile(let path): "\(path) is not a file of CA certificates"
        case .notWritten(let why): "the reply could not be written: \(why)"
        case .cannotResume: "the server does not resume the transfer where it stopped"
        case .interrupted(let why): "the connection ended before the reply: \(why)"
        case .failed(let why): "the request failed: \(why)"
        }
    }

    /// What to do about it, as an imperative.
    public func hint(for names: SettingNames) -> String {
        switch self {
        case .noLibrary: "install it; on Debian: apt install libcurl4"
        case .notSecure: "give an address that begins with https://"
        case .redirected: "check whether that address is right; if so, give its https:// address yourself"
        case .tooLong, .headTooLong: "check that the address is right; ask who runs the server"
        case .tooSlow, .unreachable: "check that the server runs, and that host and port are its own; then run it again"
        case .unknownHost: "correct the address, or fix name resolution on this machine"
        case .untrusted:
            "give the CA that signed it with \(names.registryAuthority) FILE; see this machine's clock, too: date"
        case .badAuthorityFile: "give a PEM file with one or more CA certificates"
        case .notWritten: "free disk space, or check that we may write there"
        case .cannotResume: "start again"
        case .interrupted: "run it again; if it ends again, check that the address is right"
        case .failed: "check that the address is right; ask who runs the server"
        }
    }
}
