import Enrolling
import Keys
import OperatorText

extension RegistryFolder {
    /// The port of `registry run`, unless it is told another one.
    public static let usualPort: UInt16 = 8_443

    /// The code with which nodes find and trust this registry (the paper's §4.5; docs/registry.md, "The registration code"). It names the CA
    /// that signs at present.
    /// - Parameters:
    ///   - text: how nodes reach the registry; nil: by the name of `init --host`, at the usual port.
    ///   - token: an enrolment token, which makes the code a secret.
    /// - Throws: `OperatorError` if the address or the token cannot be in a code.
    public func code(at text: String?, token: String?) throws -> RegistrationCode {
        let text = try text ?? "https://\(HostAndPort.bracketed(try host())):\(RegistryFolder.usualPort)"
        // The file has the signing CA's certificate first.
        return try RegistrationCode(at: text, authority: try certificate(authority).fingerprint, token: token)
    }
}
