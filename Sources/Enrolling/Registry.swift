import Fetching
import FoundationEssentials
import Keys
import OperatorText
import SRUP

/// A registration service (the paper's §4; docs/registry.md), one request at a time. Its replies are checked
/// here, and leave this file only as checked values.
public struct Registry: Sendable {
    /// A request, with its path below the service's address.
    public enum Question: Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case get(String)
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case post(String, [UInt8])
    }

    let ask: @Sendable (Question) throws(HTTPFault) -> HTTPReply
    /// The host of its address.
    let host: String

    /// A service behind a client.
    public init(_ client: HTTPClient, at address: WebAddress) {
        host = address.host
        ask = { question throws(HTTPFault) in
            switch question {
            case .get(let path): try client.get(address.appending("KeyEx/register/" + path))
            case .post(let path, let body): try client.post(address.appending("KeyEx/register/" + path), json: body)
            }
        }
    }

    /// A service implemented by a function, for tests.
    public init(
        at host: String = "localhost", asking ask: @escaping @Sendable (Question) throws(HTTPFault) -> HTTPReply
    ) { (self.host, self.ask) = (host, ask) }

    func answer(_ question: Question, _ what: String) throws(OperatorFault) -> HTTPReply {
        do throws(HTTPFault) {
            return try ask(question)
        } catch {
            throw OperatorFault(error, asking: what)
        }
    }

    func post(_ what: String, _ body: some Encodable) throws(OperatorFault) -> HTTPReply {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(body) else { preconditionFailure("a question could not be encoded") }
        return try answer(.post(what, Array(bytes)), what)
    }

    // MARK: - Status

    /// The service's name, if it is active.
    /// - Throws: `OperatorFault`.
    public func activeName() throws(OperatorFault) -> String { try status().name.text }

    /// The service's name, also if it registers no new nodes.
    /// - Throws: `OperatorFault`.
    public func reachableName() throws(OperatorFault) -> String { try status(mayBeClosed: true).name.text }

    /// The service's identity, and whether it accepts statements that name it, which the reference does not.
    /// - Parameter mayBeClosed: whether a service that registers no new nodes will do: those that it knows still get certificates.
    func status(mayBeClosed: Bool = false) throws(OperatorFault) -> (name: ServiceName, isNamed: Bool) {
        struct Status: Decodable {
            var active: Bool
            var identity: String
            var statements: String?
        }
        let reply = try answer(.get("status"), "status")
        guard reply.status == 200 else { throw .answered("status", reply) }
        let status: Status = try decoded(reply, "status")
        guard status.active || mayBeClosed else {
            throw OperatorFault(
                "the registration service is not active", hint: "ask who runs it, and run this again when it is")
        }
        guard let name = ServiceName(status.identity) else { throw .reply("status", "its identity is not valid") }
        return (name, status.statements == "named")
    }

    // MARK: - Registration

    /// Registers a key; nil and the reply if the service refuses, which may mean that it has the identity already.
    /// - Parameter isTold: whether broker and server are known otherwise: then a reply need not give them. Older
    ///   services of the reference give no server, only its key.
    /// - Returns: also the server's key of a reply that gives no server.
    func register(
        _ identity: Identifier, _ key: PublicKey, type: String, token: String?, isTold: Bool
    ) throws(OperatorFault) -> (registration: Registration?, key: PublicKey?, reply: HTTPReply) {
        struct Request: Encodable {
            var identity, key, type: String
            var token: String?
        }
        let reply = try post(
            "register",
            Request(
                identity: identity.topicForm, key: Data(key.der).base64EncodedString(), type: type, token: token))
        if reply.status == 400 || reply.status == 409 { return (nil, nil, reply) }
        guard reply.status == 201 else { throw .answered("register", reply) }
        do throws(OperatorFault) { return (try registration(in: reply, of: identity, key), nil, reply) } catch {
            guard isTold else { throw error }
            return (nil, serverlessKey(in: reply), reply)
        }
    }

    private func serverlessKey(in reply: HTTPReply) -> PublicKey? {
        struct Reply: Decodable {
            var server: String?
            var key: String
            enum CodingKeys: String, CodingKey {
                case key
                case server = "default_c2"
            }
        }
        guard let members: Reply = try? decoded(reply, "register"), members.server == nil else { return nil }
        return try? publicKey(members.key, "register")
    }

    private func registration(
        in reply: HTTPReply, of identity: Identifier, _ key: PublicKey
    ) throws(OperatorFault) -> Registration {
        struct Reply: Decodable {
            var broker: String?
            var server: String?
            var key: String?
            enum CodingKeys: String, CodingKey {
                case broker, key
                case server = "default_c2"
            }
        }
        let members: Reply = try decoded(reply, "register")
        guard let brokerText = members.broker, let serverText = members.server, let keyText = members.key else {
            throw OperatorFault(
                "the registration service's reply to register does not give broker, server and the server's key",
                hint: "ask who runs the service, and give them: --broker HOST:PORT --c2 IDENTITY")
        }
        guard let broker = BrokerPlace(brokerText) else {
            throw .reply("register", "\"\(printable(brokerText.utf8))\" is not a broker's address (mqtt://host)")
        }
        guard let server = Identifier(hexadecimal: serverText), server.number >= 0x10 else {
            throw .reply("register", "\"\(printable(serverText.utf8))\" is not a server's identity")
        }
        guard server != identity else { throw .reply("register", "it names this node itself as its server") }
        let serverKey = try publicKey(keyText, "register")
        guard !serverKey.equals(key) else { throw .reply("register", "the server's key is this node's own") }
        return Registration(broker: broker, server: server, serverKey: serverKey)
    }

    // MARK: - Validation

    /// Proves that the registered key is ours; nil if the service does not confirm it.
    /// - Parameter service: named in what is signed, if it accepts that; the reference gets our identity as text.
    /// - Returns: the service's name and its signature over it.
    func validate(
        _ identity: Identifier, _ key: IdentityKey, at service: EnrolmentRecord.Service?
    ) throws(OperatorFault) -> (name: ServiceName, signature: [UInt8])? {
        struct Request: Encodable {
            var identity, signature: String
            var registry: String?
        }
        struct Message: Decodable { var identity, signature: String }
        let text = identity.topicForm
        let named = service?.isNamed == true ? service?.name : nil
        let statement = named.map { Statement.validate(identity).bytes(for: place($0)) } ?? Array(text.utf8)
        let signature = try signed(statement, key)
        let reply = try post("validate", Request(identity: text, signature: signature, registry: named))
        // The reference answers 400 for a wrong signature, and fails with 500 if it does not know the identity.
        if [400, 404, 500].contains(reply.status), !reply.isRevoked, !reply.waitsForNewKey { return nil }
        guard reply.status == 200 else { throw .answered("validate", reply) }
        let told: Message = try decoded(reply, "validate")
        guard let name = ServiceName(told.identity) else { throw .reply("validate", "its identity is not valid") }
        return (name, try base64(told.signature, "validate"))
    }

    // MARK: - The broker's client certificate

    /// Has a key certified, and checks the certificate: for this beacon, this key, by a CA in the reply, or by one below it that
    /// came with the certificate.
    func certificate(
        for accessKey: IdentityKey, _ identity: Identifier, _ key: IdentityKey
    ) throws(OperatorFault) -> Access {
        struct Request: Encodable { var csr, identity, signature: String }
        struct Reply: Decodable {
            var certificate: String
            var authority: String
            enum CodingKeys: String, CodingKey {
                case certificate
                case authority = "CA_certificate"
            }
        }
        let text = identity.topicForm
        guard let request = try? CertificateRequest(for: accessKey, commonName: text).pem else {
            preconditionFailure("OpenSSL made no request for a certificate")
        }
        let reply = try post(
            "access",
            Request(
                csr: Data(request).base64EncodedString(), identity: text, signature: try signed(request, key)))
        guard reply.status == 200 else { throw .answered("access", reply) }
        let told: Reply = try decoded(reply, "access")
        let chain = try certificates(told.certificate, "the certificate")
        let authorities = try certificates(told.authority, "the CA's certificate")
        guard let certificate = chain.first, certificate.commonName == text else {
            throw .reply("access", "the certificate is for \(shown(chain.first?.commonName)), not for \(text)")
        }
        guard (try? certificate.publicKey())?.equals(accessKey.publicKey) == true else {
            throw .reply("access", "the certificate is not for our access key")
        }
        guard (chain.dropFirst() + authorities).allSatisfy(\.isAuthority) else {
            throw .reply("access", "the CA's certificate is not a CA's")
        }
        guard certificate.leads(to: authorities, over: Array(chain.dropFirst())) else {
            throw .reply("access", "the certificate is not signed by the CA that came with it")
        }
        guard certificate.notBefore < certificate.notAfter else {
            throw .reply("access", "the certificate expires before it becomes valid")
        }
        return Access(chain: chain, authorities: authorities)
    }

    private func certificates(_ text: String, _ what: String) throws(OperatorFault) -> [Certificate] {
        let bytes = try base64(text, "access")
        do throws(EncodingError) {
            return try Certificate.all(pem: bytes)
        } catch {
            throw .reply("access", "\(what): \(error.message)")
        }
    }

    // MARK: - Keys

    /// The key that the service has of a node; nil if it has none.
    package func key(of node: String) throws(OperatorFault) -> PublicKey? {
        precondition(node.utf8.allSatisfy(WebAddress.isPlain), "a name that does not fit into a path")
        let reply = try answer(.get("get_key/" + node), "get_key")
        if reply.status == 404 { return nil }
        guard reply.status == 200 else { throw .answered("get_key", reply) }
        return try publicKey(String(decoding: reply.body, as: UTF8.self), "get_key")
    }

    /// The type that a node is registered with; nil if the service has no such node.
    package func type(of node: String) throws(OperatorFault) -> String? {
        precondition(node.utf8.allSatisfy(WebAddress.isPlain), "a name that does not fit into a path")
        let reply = try answer(.get("get_type/" + node), "get_type")
        if reply.status == 404 { return nil }
        guard reply.status == 200 else { throw .answered("get_type", reply) }
        return String(decoding: reply.body.prefix(256), as: UTF8.self)
    }

    /// The service as statements name it.
    func place(_ name: String) -> Statement.Service { Statement.Service(name: name, host: host) }

    // MARK: - Parts of a reply

    private func publicKey(_ text: String, _ what: String) throws(OperatorFault) -> PublicKey {
        let bytes = try base64(text, what)
        do throws(EncodingError) {
            return try PublicKey(pem: bytes)
        } catch {
            throw .reply(what, "the key: \(error.message)")
        }
    }

    /// Base64 with padding and nothing else, except for line breaks: the reference inserts line breaks.
    private func base64(_ text: String, _ what: String) throws(OperatorFault) -> [UInt8] {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !digits.isEmpty, let bytes = Data(base64Encoded: Data(digits)) else {
            throw .reply(what, "what should be base64 is not")
        }
        return Array(bytes)
    }

    private func decoded<Value: Decodable>(_ reply: HTTPReply, _ what: String) throws(OperatorFault) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(reply.body))
        } catch DecodingError.keyNotFound(let key, _) {
            throw .reply(what, "there is no \(key.stringValue) in it")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            let name = context.codingPath.last?.stringValue
            throw .reply(what, name.map { "\($0) is of another type" } ?? "it is not a JSON object")
        } catch {
            throw .reply(what, "it is not JSON")
        }
    }

    func signed(_ bytes: [UInt8], _ key: IdentityKey) throws(OperatorFault) -> String {
        do {
            return Data(try key.pssSignature(over: bytes)).base64EncodedString()
        } catch {
            throw OperatorFault("OpenSSL does not sign with the identity key", hint: "see the key: srup-beacon doctor")
        }
    }

    private func shown(_ name: String?) -> String { name.map { printable($0.utf8) } ?? "no single name" }
}
