import Fetching
import OperatorText
import SRUP

/// What a node needs to know of a registration service, in one line of text: in a QR code, or typed (the paper's §4.5; docs/registry.md, "The
/// registration code"):
///
///     https://host[:port][/path]#ca=SHA256&token=TOKEN
///
/// What follows `#` is ours, and may be missing. No browser sends it to a server.
public struct RegistrationCode: Equatable, Sendable {
    /// The service.
    public let address: WebAddress
    /// The fingerprint of the CA whose certificate the service must have, 32 bytes; nil: the system's CAs, or the operator's.
    public let authority: [UInt8]?
    /// An enrolment token: a code that has one is a secret.
    public let token: String?

    /// In bytes: longer texts are not looked at.
    public static let maximumLength = 1_024
    private static let maximumToken = 128

    /// A code of these parts.
    /// - Throws: `OperatorFault` if the token has characters that a code cannot hold.
    public init(address: WebAddress, authority: [UInt8]?, token: String?) throws(OperatorFault) {
        precondition(authority.map { $0.count == 32 } ?? true, "a fingerprint of \(authority?.count ?? 0) bytes")
        if let token, !RegistrationCode.isToken(token) {
            throw OperatorFault(
                "a code holds tokens of at most \(RegistrationCode.maximumToken) letters, digits and -._~, and this one is not such a token",
                hint: "make one: srup-bench registry token")
        }
        (self.address, self.authority, self.token) = (address, authority, token)
    }

    /// A code with an address as text.
    /// - Throws: `OperatorError` if the text is not an address, or the token has characters that a code cannot hold.
    public init(at address: String, authority: [UInt8]?, token: String?) throws {
        try self.init(address: try WebAddress(address), authority: authority, token: token)
    }

    /// Reads a code. Its text may hold a token, so no error repeats it.
    /// - Throws: `OperatorFault`.
    public init(_ text: String) throws(OperatorFault) {
        guard (1...RegistrationCode.maximumLength).contains(text.utf8.count), Array(text.utf8).isVisibleASCII else {
            throw RegistrationCode.bad(
                "it is not one line of 1 to \(RegistrationCode.maximumLength) printable characters")
        }
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        do throws(WebAddress.Fault) { address = try WebAddress(String(parts[0])) } catch {
            throw RegistrationCode.bad(error.message)
        }
        var (authority, token): ([UInt8]?, String?) = (nil, nil)
        for member in parts.count == 1 ? [] : parts[1].split(separator: "&", omittingEmptySubsequences: false) {
            let (name, value) = (member.prefix { $0 != "=" }, String(member.drop { $0 != "=" }.dropFirst()))
            switch name {
            case "ca" where authority == nil:
                guard let hash = bytes(hexadecimal: value.utf8), hash.count == 32 else {
                    throw RegistrationCode.bad("its \"ca\" is not 64 hexadecimal digits")
                }
                authority = hash
            case "token" where token == nil:
                guard RegistrationCode.isToken(value) else { throw RegistrationCode.bad("its token is malformed") }
                token = value
            case "ca", "token": throw RegistrationCode.bad("it says \"\(name)\" twice")
            default: throw RegistrationCode.bad("it has a part after # that is neither \"ca\" nor \"token\"")
            }
        }
        (self.authority, self.token) = (authority, token)
    }

    /// The text, which `init(_:)` reads.
    public var text: String {
        let members = [authority.map { "ca=\(hexadecimal($0))" }, token.map { "token=\($0)" }].compactMap { $0 }
        return address.description + (members.isEmpty ? "" : "#" + members.joined(separator: "&"))
    }

    private static func isToken(_ text: String) -> Bool {
        (1...maximumToken).contains(text.utf8.count) && text.utf8.allSatisfy(WebAddress.isPlain)
    }

    private static func bad(_ fault: String) -> OperatorFault {
        OperatorFault(
            "this is not a registration code: \(fault)",
            hint:
                "get it again from the operator of the service, who makes it with srup-bench registry code; or give the address"
        )
    }
}
