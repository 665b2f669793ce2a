import Enrolling
import Fetching
import Foundation
import Glibc
import Keys
import OperatorText
import SRUP
import Synchronization
import TestVectors

/// A registration service without a network, which answers like the reference or as the test says.
final class FakeService: Sendable {
    /// Changes or replaces the right reply to a request.
    typealias Fault = @Sendable (HTTPReply) throws(HTTPFault) -> HTTPReply

    static let name = "5e41ce0000000001"
    static let server = Identifier(0xc2)
    private struct State {
        var registered: [String: PublicKey] = [:]
        var faults: [String: Fault] = [:]
        var serverKey: PublicKey
        /// The service's own key, if it returns that.
        var ownKey: IdentityKey?
        /// The name in a certificate, if it is not the request's.
        var subject: String?
        /// Added to each certificate, PEM.
        var chain: [UInt8] = []
        /// The CA certificates in its reply, PEM, if they are not those of ca.pem.
        var authorities: [UInt8]?
        var requests: [String] = []
    }
    private let state: Mutex<State>
    let folder: TemporaryFolder

    /// - Parameter folder: holds its CA.
    init(_ folder: TemporaryFolder) throws {
        self.folder = folder
        state = Mutex(State(serverKey: try TestKeys.publicKey("c2_2048")))
        try folder.openssl(
            "req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 10 -keyout ca.key -out ca.pem")
    }

    func set(_ path: String, _ fault: Fault?) { state.withLock { $0.faults[path] = fault } }
    func set(serverKey: PublicKey) { state.withLock { $0.serverKey = serverKey } }
    func set(ownKey: IdentityKey?) { state.withLock { $0.ownKey = ownKey } }
    /// Forgets all registrations.
    func forget() { state.withLock { $0.registered = [:] } }
    func set(subject: String?) { state.withLock { $0.subject = subject } }
    func set(chain: [UInt8], authorities: [UInt8]?) {
        state.withLock { ($0.chain, $0.authorities) = (chain, authorities) }
    }

    /// The paths that were asked for, in order.
    var requests: [String] { state.withLock { $0.requests } }

    var registry: Registry {
        Registry { question throws(HTTPFault) in
            let path: String
            var fields: [String: String] = [:]
            switch question {
            case .get(let asked): path = asked
            case .post(let asked, let body):
                path = asked
                fields = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: String] ?? [:]
            }
            let kind = String(path.prefix { $0 != "/" })
            let fault = self.state.withLock { state in
                state.requests.append(path)
                return state.faults[kind]
            }
            let reply = self.answer(kind, String(path.dropFirst(kind.count + 1)), fields)
            return try fault?(reply) ?? reply
        }
    }

    private func answer(_ kind: String, _ name: String, _ fields: [String: String]) -> HTTPReply {
        switch kind {
        case "status": .json(["active": true, "identity": FakeService.name])
        case "register": register(fields)
        case "validate": validate(fields)
        case "access": access(fields)
        case "get_key": key(of: name)
        default: .text(404, "not found")
        }
    }

    private func register(_ fields: [String: String]) -> HTTPReply {
        guard let identity = fields["identity"], let der = fields["key"].flatMap({ Data(base64Encoded: $0) }),
            let key = try? PublicKey(der: Array(der))
        else { return .text(400, "Missing data") }
        return state.withLock { state in
            guard state.registered[identity] == nil else { return .text(400, "Device ID \(identity) already exists") }
            state.registered[identity] = key
            return .json(
                [
                    "broker": "mqtt://localhost:8883", "default_c2": FakeService.server.topicForm,
                    "key": lines(state.serverKey.pem),
                ], 201)
        }
    }

    private func validate(_ fields: [String: String]) -> HTTPReply {
        let (identity, signature) = (fields["identity"] ?? "", fields["signature"] ?? "")
        guard let key = state.withLock({ $0.registered[identity] }) else { return .text(500, "Internal Server Error") }
        guard key.verifiesPSS(Array(Data(base64Encoded: signature) ?? Data()), over: Array(identity.utf8)) else {
            return .text(400, "Signature verification error")
        }
        let own = state.withLock { $0.ownKey }
        let proof = (try? own?.pssSignature(over: Array(FakeService.name.utf8))) ?? [1]
        return .json(["identity": FakeService.name, "signature": lines(proof)])
    }

    private func access(_ fields: [String: String]) -> HTTPReply {
        let request = fields["csr"].flatMap { Data(base64Encoded: $0) } ?? Data()
        let (subject, chain, authorities) = state.withLock { ($0.subject, $0.chain, $0.authorities) }
        guard let made = try? certificate(for: request, subject: subject), let authority = content("ca.pem")
        else { return .text(400, "CSR verification error") }
        return .json(["certificate": lines(made + chain), "CA_certificate": lines(authorities ?? authority)])
    }

    func content(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: folder.path(name)).map { Array($0) }
    }

    /// Another CA signs from now on: a new root, or one below the present one.
    /// - Returns: the certificates of the CA before and of the new one.
    @discardableResult
    func changeAuthority(to name: String, isSubordinate: Bool = false) throws -> (old: [UInt8], new: [UInt8]) {
        let old = content("ca.pem") ?? []
        let signer = isSubordinate ? " -CA ca.pem -CAkey ca.key" : ""
        try folder.openssl(
            "req -x509 -newkey rsa:2048 -nodes -subj /CN=\(name) -days 10 -keyout new.key -out new.pem" + signer)
        for end in ["key", "pem"] { try folder.write(Data(content("new." + end) ?? []), to: "ca." + end) }
        return (old, content("ca.pem") ?? [])
    }

    /// A certificate from this service's CA.
    func certificate(for request: Data, subject: String? = nil) throws -> [UInt8] {
        try folder.write(request, to: "request.pem")
        let name = subject.map { " -subj /CN=\($0)" } ?? ""
        return try folder.openssl("x509 -req -in request.pem -CA ca.pem -CAkey ca.key -sha256 -days 9" + name)
    }

    private func key(of name: String) -> HTTPReply {
        let keys = state.withLock {
            [FakeService.server.topicForm: $0.serverKey, FakeService.name: $0.ownKey?.publicKey].compactMapValues { $0 }
        }
        return keys[name].map { .text(200, lines($0.pem)) } ?? .text(404, "Not found")
    }

    /// Base64 in lines, as in the reference.
    private func lines(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString(options: [.lineLength76Characters, .endLineWithLineFeed])
    }
}

extension HTTPReply {
    static func text(_ status: Int, _ text: String) -> HTTPReply { HTTPReply(status: status, body: Array(text.utf8)) }

    static func json(_ object: [String: any Sendable], _ status: Int = 200) -> HTTPReply {
        let bytes = try? JSONSerialization.data(withJSONObject: object)
        return HTTPReply(status: status, body: Array(bytes ?? Data()))
    }

    /// The same object with some members changed.
    func merging(_ members: [String: any Sendable]) -> HTTPReply {
        let object = (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:]
        let bytes = try? JSONSerialization.data(withJSONObject: object.merging(members) { $1 })
        return HTTPReply(status: status, body: Array(bytes ?? Data()))
    }
}

/// A node that enrols with a fake service.
struct FakeEnrollee {
    static let identity = Identifier(0xbea1)
    let service: FakeService
    let path: String
    /// Whether the test holds the lock of the folder.
    var isLocked = false
    var folder: CredentialFolder { CredentialFolder(path: path) }

    /// Passes on a service and a node that the service does not know yet.
    static func with(_ body: (FakeService, FakeEnrollee) throws -> Void) throws {
        try TemporaryFolder.with { files in
            let service = try FakeService(files)
            try body(service, FakeEnrollee(service: service, path: files.path("keys")))
        }
    }

    /// A child that another test is starting has our open files until it executes its program, and so the lock of the last run.
    private func waitForLock() {
        let lock = open(path + "/lock", O_RDWR | O_CLOEXEC)
        guard lock >= 0, !isLocked else { return }
        for _ in 0..<6_000 where flock(lock, LOCK_EX | LOCK_NB) != 0 { usleep(10_000) }
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// - Parameters:
    ///   - change: changes the request.
    ///   - did: called with each step.
    @discardableResult
    func enrol(
        as identity: Identifier? = identity, at address: String = "https://register.example",
        trusting authority: [UInt8]? = nil,
        _ change: (inout Enrolment.Wish) -> Void = { _ in }, did: @escaping (Enrolment.Step) -> Void = { _ in }
    ) throws -> Enrolment.Outcome {
        var wish = Enrolment.Wish(address: try WebAddress(address))
        (wish.identity, wish.bits) = (identity, 2_048)
        change(&wish)
        waitForLock()
        let now = Int64(Date().timeIntervalSince1970)
        return try Enrolment(folder: folder, registry: service.registry, did: did)
            .run(wish, authority: authority, now: now)
    }

    /// - Parameter reach: reaches the service with other CAs.
    func renew(
        did: @escaping (Enrolment.Step) -> Void = { _ in }, reach: (String) throws -> Void = { _ in },
        _ tryOut: (CredentialFolder.AccessFiles) throws(OperatorFault) -> Void = { _ in }
    ) throws {
        let now = Int64(Date().timeIntervalSince1970)
        waitForLock()
        try Renewal(folder: folder, registry: service.registry, did: did)
            .run(bits: 2_048, now: now, tryOut: tryOut, reach: reach)
    }

    func rotate(from origin: KeyOrigin? = nil) throws {
        waitForLock()
        _ = try Rotation(folder: folder, registry: service.registry) {}.run(from: origin, bits: 2_048) {}
    }

    func content(_ name: String) -> Data? { FileManager.default.contents(atPath: path + "/" + name) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

    /// Every name under the folder.
    var names: Set<String> { Set(FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []) }
}
