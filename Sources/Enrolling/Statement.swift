import Keys
import SRUP

/// What a node signs for a registration service (docs/registry.md, "Statements"). It names the service, so that one
/// service cannot use it at another.
public enum Statement: Sendable {
    /// The identity's registered key is ours.
    case validate(Identifier)
    /// The identity ends.
    case deregister(Identifier)
    /// The identity's new key is this one. Both keys sign it.
    case rotate(Identifier, newKey: PublicKey)

    /// A registration service, as a statement names it.
    public struct Service: Equatable, Sendable {
        /// The name that it gives itself: any service can use any name.
        public let name: String
        /// The host of its address, without a port: TLS has verified it, and no other service can pose as it.
        public let host: String

        /// A service.
        /// - Parameter host: a name in any case, or an address without brackets.
        public init(name: String, host: String) { (self.name, self.host) = (name, host.lowercased()) }
    }

    /// The bytes that are signed.
    public func bytes(for service: Service) -> [UInt8] {
        let words =
            switch self {
            case .validate(let identity): "validate \(identity.topicForm)"
            case .deregister(let identity): "deregister \(identity.topicForm)"
            case .rotate(let identity, let key): "rotate \(identity.topicForm) \(hexadecimal(sha256(key.der)))"
            }
        return Array("\(words) at \(service.name) on \(service.host)".utf8)
    }
}
