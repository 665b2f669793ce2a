import Fetching
import Files
import Glibc
import Keys
import OperatorText
import SRUP

/// What a person has written to enrol a node, still as text. Errors in it are found before anything is created,
/// here or at the service.
public struct EnrolmentRequest: Sendable {
    /// The service's address.
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
    }

    /// Checks what needs neither files nor the service: the syntax of each value.
    /// - Throws: `OperatorFault`.
    public func checkWords() throws(OperatorFault) {
        _ = try address(address)
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
        var wish = Enrolment.Wish(address: try address(address))
        (wish.type, wish.bits, wish.asking) = (try checkedType(), asking.keyBits, asking)
        wish.origin = KeyOrigin(key)
        if case .given(let file) = wish.origin {
            _ = try IdentityKey(pemFile: file)
        }
        wish.identity = try identity.map { text throws(OperatorFault) in try identifier(text, "--identity") }
        wish.token = try readToken()
        wish.given = try given()
        let authority = try readAuthority()
        let kept = folder.flatMap { $0.exists($0.serviceAuthority) ? $0.serviceAuthority : nil }
        // The operator's file, if one is given: nothing of it is stored before the service has been reached with it.
        let client = try asking.client(for: wish.address, authorityFile: self.authority ?? kept)
        return Checked(wish: wish, registry: Registry(client, at: wish.address), authority: authority)
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

    private func readAuthority() throws(OperatorFault) -> [UInt8]? {
        guard let authority else { return nil }
        if let open = OpenPlace.first(onTheWayTo: authority) {
            throw OperatorFault(
                "the CA file \(authority) can be changed by others: \(open.path) \(open.fault)", hint: open.remedy)
        }
        let bytes: [UInt8]
        do throws(FileError) { bytes = try File.read(authority, isFollowing: true) } catch {
            throw OperatorFault(
                "the CA file \(authority) cannot be read: \(error)",
                hint: error == .tooLong(limit: File.smallLength)
                    ? "give --ca the certificate of the CA that signed the service's alone, not all CAs of a system"
                    : "let this user read it, and enter the folders above it: ls -ld \(authority)")
        }
        guard (try? Certificate(pem: bytes)) != nil else {
            throw OperatorFault(
                "\(authority) holds no CA certificate in PEM",
                hint: "give --ca the certificate of the CA that signed the service's, or the whole chain")
        }
        return bytes
    }

    private func address(_ text: String) throws(OperatorFault) -> WebAddress {
        do throws(WebAddress.Fault) {
            return try WebAddress(text)
        } catch {
            throw OperatorFault(
                "\(printable(text.utf8)): \(error.message)", hintOf: error)
        }
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

    /// From a file, standard input, or the environment: never from the command line, which others on this machine see.
    private func readToken() throws(OperatorFault) -> String? {
        var text: [UInt8]
        if let token {
            do throws(FileError) { text = try File.readInput(token, atMost: File.smallLength) } catch {
                throw OperatorFault(
                    "the token in \(token == "-" ? "standard input" : token) cannot be read: \(error)",
                    hint: "give --token a file that this user can read, or - for standard input")
            }
        } else {
            guard let given = getenv(tokenVariable) else { return nil }
            text = Array(String(cString: given).utf8)
        }
        while let last = text.last, last == 0x0A || last == 0x0D || last == 0x20 { text.removeLast() }
        guard (1...4_096).contains(text.count), text.isVisibleASCII else {
            throw OperatorFault(
                "the token is not one line of 1 to 4096 printable characters",
                hint: "get it again from the operator of the service")
        }
        return String(decoding: text, as: UTF8.self)
    }
}
