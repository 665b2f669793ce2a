import Fetching
import Files
import Glibc
import Keys
import OperatorText
import SRUP

/// What a person has written to enrol a node, still as text. Errors in it are found before anything is created,
/// here or at the service.
public struct EnrolmentRequest: Sendable {
    /// The service's address, or a registration code: a file with its text or its picture, or `-`: its text on standard input.
    public var address = ""
    /// The node's type, for the service.
    public var type = ""
    /// The identity; nil: a new one, or that of an interrupted enrolment.
    public var identity: String?
    /// `tpm`, or the operator's own key file; nil: a key is made.
    public var key: String?
    /// A file with the CAs of the service's certificate.
    public var authority: String?
    /// A file with a token; `-`: standard input.
    public var token: String?
    /// The environment variable that has the token if no file is given.
    public var tokenVariable = ""
    /// `host:port`, if the service does not send it, or sends another one.
    public var broker: String?
    /// The server's identity, if the service does not send it, or sends another one.
    public var server: String?
    /// The options for requests to the service, as far as they were given now.
    public var asking = RegistrationOptions()
    /// How a busy service is waited for; nil: it is not.
    public var busy: BusyWaiting?

    /// A request with nothing filled in.
    public init() {}

    /// The checked form of a request.
    public struct Checked: Sendable {
        /// What to enrol.
        public var wish: Enrolment.Wish
        /// The service, before any request.
        public var registry: Registry
        /// The CAs to store with the enrolment; nil: the stored ones, or the system's.
        public var authority: [UInt8]?
        /// What was read from a code, for the operator: anyone can make one. nil: the operator has given the address.
        public var note: String?
    }

    /// Checks what needs neither files nor the service: the syntax of each value.
    /// - Throws: `OperatorFault`.
    public func checkWords() throws(OperatorFault) {
        try checkAddress()
        _ = try checkedType()
        _ = try identity.map { text throws(OperatorFault) in try identifier(text, "--identity") }
        _ = try given()
    }

    /// Checks the whole request.
    /// - Parameter folder: with the data of an earlier run; nil if that will be set aside.
    /// - Throws: `OperatorError`.
    public func checked(goingOnIn folder: CredentialFolder?) throws -> Checked {
        let record = try folder.flatMap { folder throws(OperatorFault) in try EnrolmentRecord(in: folder) }
        let asking = asking.over(record?.asking)
        let code = try readCode()
        var wish = Enrolment.Wish(address: code.address)
        (wish.type, wish.bits, wish.asking) = (try checkedType(), asking.keyBits, asking)
        wish.origin = KeyOrigin(key)
        if case .given(let file) = wish.origin {
            _ = try IdentityKey(pemFile: file)
        }
        wish.identity = try identity.map { text throws(OperatorFault) in try identifier(text, "--identity") }
        wish.token = try readToken(besides: code)
        wish.given = try given()
        let kept = folder.flatMap { $0.exists($0.serviceAuthority) ? $0.serviceAuthority : nil }
        let authority = try authority(of: code, asking, kept: try kept.flatMap { try folder?.read($0) })
        // The operator's file, or what the code names: nothing of it is stored before the service has been reached with it.
        let named = authority.map(HTTPClient.Authority.pem) ?? kept.map(HTTPClient.Authority.file) ?? .system
        let trusted = code.authority == nil ? self.authority.map(HTTPClient.Authority.file) ?? named : named
        let client = try asking.client(for: wish.address, authority: trusted)
        let registry = Registry(client, at: wish.address)
        return Checked(
            wish: wish, registry: busy.map(registry.waiting) ?? registry, authority: authority,
            note: isAddress ? nil : "the code names \(code.address)" + (code.authority == nil ? "" : ", and its CA"))
    }

    private func given() throws(OperatorFault) -> (broker: BrokerPlace, server: Identifier)? {
        guard let broker, let server else {
            guard broker == nil, server == nil else {
                throw OperatorFault("--broker and --c2 go together", hint: "give both, or neither")
            }
            return nil
        }
        guard let place = BrokerPlace(broker) ?? BrokerPlace(hostAndPort: broker) else {
            throw OperatorFault("\"\(broker)\" is not a broker's address", hint: "write --broker host:port")
        }
        return (place, try identifier(server, "--c2"))
    }

    private func identifier(_ text: String, _ option: String) throws(OperatorFault) -> Identifier {
        guard let identifier = Identifier(hexadecimal: text), identifier.number >= 0x10 else {
            throw OperatorFault(
                "\(option): \"\(printable(text.utf8))\" is not a valid identity",
                hint: "give 1 to 16 hexadecimal digits, 10 or above")
        }
        return identifier
    }

    private func checkedType() throws(OperatorFault) -> String {
        guard type.isPrintable(1...64, spaces: true) else {
            throw OperatorFault("--type is not 1 to 64 printable characters", hint: "write a word, such as beacon")
        }
        return type
    }
}
