import Bench
import FoundationEssentials
import Keys
import OperatorText
import SQLite
import SRUP

/// The registration service without its sockets: requests in, replies out (docs/registry.md). To be used on one thread.
public final class Registry {
    let folder: RegistryFolder
    let store: RegistryStore
    let policy: RegistryPolicy
    let clock: RegistryClock
    let own: RegistryIdentity
    let passphrase: Passphrase?
    /// The CAs as they were last read.
    var knownAuthorities: RegistryAuthorities?
    private let log: (String) -> Void
    private var limits: RateLimit

    /// Opens a registry that `RegistryPlan.make` has created.
    /// - Parameters:
    ///   - passphrase: of the CA's key, if it has one.
    ///   - log: takes one line for each change and each refusal.
    /// - Throws: `OperatorError`, also if a private key is accessible to others.
    public init(
        in folder: RegistryFolder, policy: RegistryPolicy, passphrase: Passphrase?, clock: RegistryClock = .system,
        log: @escaping (String) -> Void
    ) throws {
        (self.folder, self.policy, self.clock, self.log) = (folder, policy, clock, log)
        self.passphrase = passphrase
        store = try RegistryStore(path: folder.database)
        own = try RegistryIdentity(folder, store)
        limits = RateLimit(
            each: policy.requestsAMinute, all: policy.allRequestsAMinute, spread: RegistryPolicy.spread, at: clock.now()
        )
        // A registry that is new, or of an earlier version, has one CA.
        try store.transaction {
            guard try store.authorities().isEmpty else { return }
            try store.addAuthority(1, folder.certificate(folder.authority), .signing)
        }
        _ = try authorities()
    }

    /// The reply to one request. A refusal is logged in one line.
    public func answer(_ request: RegistryRequest) -> RegistryReply {
        let route = RegistryRoute(method: request.method, path: request.path)
        switch limits.take(request.address, at: clock.now()) {
        case .pass: break
        case .refuse(let seconds, let isFirst):
            if isFirst { log("registry: refused requests from \(request.address): too many (reported once)") }
            return RegistryReply(429, "too many requests", retryAfter: seconds)
        }
        do {
            let role = route.takesToken ? try role(request) : nil
            var reply = try reply(to: request, by: route, role)
            reply.isToKnown = role != nil || route.isSigned && reply.status == 200
            return reply
        } catch let refusal as RegistryRefusal {
            log("registry: refused \(route) from \(request.address): \(refusal.status), \(refusal.message)")
            return RegistryReply(refusal.status, refusal.message, retryAfter: refusal.retryAfter)
        } catch let fault as any OperatorError {
            log("registry: \(route) from \(request.address) failed: \(fault.message); \(fault.hint(for: .bench))")
            return RegistryReply(503, "the service cannot do this now", retryAfter: RegistryPolicy.pause)
        } catch {
            // The peer must not learn details of our disk.
            log("registry: \(route) from \(request.address) failed: \(error)")
            return RegistryReply(503, "the service cannot do this now", retryAfter: RegistryPolicy.pause)
        }
    }

    private func reply(to request: RegistryRequest, by route: RegistryRoute, _ role: RegistryRole?) throws
        -> RegistryReply
    {
        guard request.body.count <= RegistryPolicy.maximumBody else {
            throw RegistryRefusal(413, "the body has more than \(RegistryPolicy.maximumBody) bytes")
        }
        switch route {
        case .status: return status()
        case .authority: return .text(200, String(decoding: try authorities().pem, as: UTF8.self))
        case .register: return try register(RegistryBody.read(request.body, as: RegistryBody.Register.self))
        case .validate: return try validate(RegistryBody.read(request.body, as: RegistryBody.Validate.self))
        case .access: return try access(RegistryBody.read(request.body, as: RegistryBody.Access.self))
        case .rotate: return try rotate(RegistryBody.read(request.body, as: RegistryBody.Rotate.self))
        case .deregister:
            let body = try RegistryBody.read(request.body, as: RegistryBody.Deregister.self)
            return try deregister(body, role: role)
        case .getKey(let text): return try key(of: text, role: role)
        case .getType(let text): return try type(of: text, role: role)
        case .checkServer(let text): return try checkServer(text, role: role)
        case .addServer: return try addServer(RegistryBody.read(request.body, as: RegistryBody.Server.self))
        case .other(.method): throw RegistryRefusal(405, "method not allowed")
        case .other(.path): throw RegistryRefusal(404, "not found")
        }
    }

    /// The role of the request's token, if it has a valid one.
    private func role(_ request: RegistryRequest) throws -> RegistryRole? {
        guard let header = request.authorization, header.utf8.count <= 128 else { return nil }
        let words = header.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return try store.role(of: String(words[1]), at: clock.seconds())
    }

    func note(_ change: String) { log("registry: " + change) }
}

extension RegistryReply {
    init(_ status: Int, _ message: String, retryAfter: Int?) {
        self = .text(status, message)
        self.retryAfter = retryAfter
    }
}

/// What a request asks for. Its description never contains an unknown path, because that is untrusted text.
enum RegistryRoute: Equatable, CustomStringConvertible {
    case status, authority, register, validate, access, rotate, deregister
    case getKey(String), getType(String)
    case checkServer(String), addServer
    case other(Fault)

    enum Fault: Equatable { case method, path }

    init(method: String, path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard path.utf8.count <= 128, (4...5).contains(parts.count), parts[0].isEmpty, parts[1] == "KeyEx",
            parts[2] == "register"
        else {
            self = .other(.path)
            return
        }
        let isGet = method == "GET"
        let isPost = method == "POST"
        switch (parts[3], parts.count) {
        case ("status", 4): self = isGet ? .status : .other(.method)
        case ("ca", 4): self = isGet ? .authority : .other(.method)
        case ("register", 4): self = isPost ? .register : .other(.method)
        case ("validate", 4): self = isPost ? .validate : .other(.method)
        case ("access", 4): self = isPost ? .access : .other(.method)
        case ("rotate", 4): self = isPost ? .rotate : .other(.method)
        case ("deregister", 4): self = isPost ? .deregister : .other(.method)
        case ("get_key", 5): self = isGet ? .getKey(String(parts[4])) : .other(.method)
        case ("get_type", 5): self = isGet ? .getType(String(parts[4])) : .other(.method)
        case ("c2_check", 5): self = isGet ? .checkServer(String(parts[4])) : .other(.method)
        // The reference ends this path with a slash.
        case ("c2", 4),
            ("c2", 5) where parts.count == 4 || parts[4].isEmpty:
            self = isPost ? .addServer : .other(.method)
        default: self = .other(.path)
        }
    }

    /// Whether the reply depends on a token.
    var takesToken: Bool {
        switch self {
        case .deregister, .getKey, .getType, .checkServer: true
        case .status, .authority, .register, .validate, .access, .rotate, .addServer, .other: false
        }
    }

    /// Whether success needs the signature of a validated identity.
    var isSigned: Bool {
        switch self {
        case .access, .rotate: true
        case .status, .authority, .register, .validate, .deregister, .getKey, .getType, .checkServer, .addServer,
            .other:
            false
        }
    }

    var description: String {
        switch self {
        case .status: "status"
        case .authority: "ca"
        case .register: "register"
        case .validate: "validate"
        case .access: "access"
        case .rotate: "rotate"
        case .deregister: "deregister"
        case .getKey: "get_key"
        case .getType: "get_type"
        case .checkServer: "c2_check"
        case .addServer: "c2"
        case .other: "another request"
        }
    }
}
