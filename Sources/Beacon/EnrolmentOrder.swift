import Enrolling
import Fetching
import FoundationEssentials
import Glibc
import Keys
import Links
import SRUP

extension OperatorFault {
    init(_ fault: EnrolmentFault) { self.init(fault.sentence, hint: fault.hint) }
    init(_ fault: HTTPFault) { self.init(fault.sentence, hint: fault.hint) }
}

/// `srup-beacon enrol`: from an address to a configuration with which the beacon runs.
public struct EnrolmentOrder {
    /// The service's address.
    public var address = ""
    /// Where the configuration goes.
    public var configuration = ""
    /// The journal's folder.
    public var state = ""
    /// The credentials' folder; nil: `keys` in the journal's.
    public var keys: String?
    /// What the service is told that we are.
    public var type = "beacon"
    /// Who to be.
    public var identity: String?
    /// A file with the CAs of the service's certificate.
    public var authority: String?
    /// A file with a token; `-`: standard input.
    public var token: String?
    /// Bits of new keys.
    public var bits = 3_072
    /// Seconds for each request.
    public var timeLimit = 30
    /// A proxy's URL.
    public var proxy: String?
    /// `host:port`, where the service does not tell it again.
    public var broker: String?
    /// The server's identity, where the service does not tell it again.
    public var server: String?
    /// Whether plain HTTP to this machine itself is allowed.
    public var allowsPlain = false
    /// Whether what is there is set aside.
    public var replaces = false

    /// An order to be filled in.
    public init() {}

    // MARK: - Doing it

    /// Enrols, or goes on with what was interrupted.
    /// - Throws: `OperatorFault`.
    public func perform(say: @escaping (String) -> Void) throws {
        let (wish, authorityFile, authority) = try checked()
        // Before anything else: a library that is missing would be found half-way.
        let registry = Registry(try client(authorityFile, wish.address), at: wish.address)
        if replaces { try setAside(say) }
        // One that is there must be ours before a service knows of us; one that is missing is made once it does.
        if access(state, F_OK) == 0 { _ = try StateFolder(path: state) }
        let outcome = try asOperatorFault {
            try Enrolment(folder: folder, registry: registry) { EnrolmentOrder.tell($0, say) }
                .run(wish, authority: authority, now: Int64(time(nil)))
        }
        if place.found(outcome.identity) == .nothing {
            try place.write(outcome)
            say("wrote the configuration \(configuration)")
        } else {
            say("the configuration \(configuration) is there already, and stays as it is")
        }
        Checkpoint.pass()
        _ = try StateFolder(path: state)
        try Daemon.check(configuration)
        tryBroker(say)
        say("enrolled as \(outcome.identity.topicForm); start it: srup-beacon run --config \(configuration)")
    }

    /// Checks all that can be checked without writing anything, here or at the service, and says what would be done.
    /// - Throws: `OperatorFault`.
    public func rehearse(say: (String) -> Void) throws {
        let (wish, authorityFile, _) = try checked()
        let registry = Registry(try client(authorityFile, wish.address), at: wish.address)
        if replaces {
            for path in replaced { say("would set \(path) aside") }
        } else {
            try refuseAnotherConfiguration()
        }
        try asOperatorFault {
            for line in try Enrolment.preview(replaces ? nil : folder, at: folder.path, registry, wish) { say(line) }
        }
        let found = place.found(try identityThere())
        if replaces || found == .nothing {
            say("would write the configuration \(configuration)")
        }
        say("nothing has been written, and nothing registered")
    }

    private static func tell(_ deed: Enrolment.Deed, _ say: (String) -> Void) {
        switch deed {
        case .step, .accessKey: break
        case .identity(let identity, let isNew):
            say(isNew ? "chose the identity \(identity.topicForm)" : "going on as \(identity.topicForm)")
        case .key(let path, isNew: true): say("made the identity key \(path)")
        case .key(_, isNew: false): break
        case .registered(let broker, let server):
            say("registered: broker \(broker), server \(server.topicForm)")
        case .validated(serviceProved: true):
            say("validated: the service has found that our key is ours, and has proved its own")
        case .validated(serviceProved: false):
            say(
                "validated: the service has found that our key is ours; it does not give its own away, so TLS alone says who it is"
            )
        case .certified(let end): say("the broker's client certificate lasts until \(wallTime(end))")
        case .clock(let begin, let end): say(clockRemark(begin, end))
        }
        Checkpoint.pass()
    }

    static func clockRemark(_ begin: Int64, _ end: Int64) -> String {
        "by this machine's clock the certificate is not valid: it lasts from \(wallTime(begin)) to \(wallTime(end)); see the clock: date"
    }

    /// Only a remark: the broker need not run yet.
    private func tryBroker(_ say: (String) -> Void) {
        guard let made = try? Configuration(file: configuration) else { return }
        do throws(BrokerFault) {
            try BrokerLink.tryOut(made.brokers, clientID: made.mqttClientID, tls: made.tls)
            say("the broker takes the certificate")
        } catch {
            say("the broker could not be tried: \(error.sentence); hint: \(error.hint)")
        }
    }

    // MARK: - Checking

    private var folder: CredentialFolder { CredentialFolder(path: keys ?? state + "/keys") }
    private var place: WrittenConfiguration {
        WrittenConfiguration(path: configuration, folder: folder, state: state)
    }

    private func checked() throws -> (Enrolment.Wish, authorityFile: String?, authority: [UInt8]?) {
        try place.checkPlace()
        var wish = Enrolment.Wish(address: try address(address))
        (wish.type, wish.bits) = (try checkedType(), bits)
        wish.identity = try identity.map { try identifier($0, "--identity") }
        wish.token = try readToken()
        if let broker, let server {
            guard let place = BrokerPlace(broker) ?? BrokerPlace(hostAndPort: broker[...]) else {
                throw OperatorFault("\"\(broker)\" is no broker's address", hint: "write --broker host:port")
            }
            wish.fallback = (place, try identifier(server, "--c2"))
        } else if broker != nil || server != nil {
            throw OperatorFault("--broker and --c2 go together", hint: "give both, or neither")
        }
        if !replaces { try refuseAnotherConfiguration() }
        guard let authority else {
            let kept = folder.serviceAuthority
            return (wish, access(kept, R_OK) == 0 && !replaces ? kept : nil, nil)
        }
        guard let bytes = readSmallFile(authority), bytes.count < 65_536, (try? Certificate(pem: bytes)) != nil else {
            throw OperatorFault(
                "\(authority) holds no CA certificate in PEM, or more than 64 KiB",
                hint: "give --ca the certificate of the CA that signed the service's, or the whole chain")
        }
        return (wish, authority, bytes)
    }

    private func address(_ text: String) throws(OperatorFault) -> WebAddress {
        do throws(WebAddress.Fault) {
            return try WebAddress(text)
        } catch {
            throw OperatorFault(
                "\(printable(text.utf8)): \(error.sentence)", hint: "write it as https://host or https://host:port/path"
            )
        }
    }

    private func identifier(_ text: String, _ option: String) throws(OperatorFault) -> Identifier {
        guard let identifier = Identifier(hexadecimal: text), identifier.number >= 0x10 else {
            throw OperatorFault(
                "\(option): \"\(printable(text.utf8))\" is no identity",
                hint: "give 1 to 16 hexadecimal digits, 10 or above")
        }
        return identifier
    }

    private func checkedType() throws(OperatorFault) -> String {
        guard (1...64).contains(type.utf8.count), type.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw OperatorFault("--type is not 1 to 64 printable characters", hint: "write a word, such as beacon")
        }
        return type
    }

    /// From a file, standard input, or SRUP_BEACON_TOKEN: never from the command line, which others on this machine see.
    private func readToken() throws(OperatorFault) -> String? {
        let bytes: [UInt8]?
        if let token {
            bytes = readSmallFile(token == "-" ? "/dev/stdin" : token)
        } else {
            guard let given = getenv("SRUP_BEACON_TOKEN") else { return nil }
            bytes = Array(String(cString: given).utf8)
        }
        guard var text = bytes else {
            throw OperatorFault(
                "the token in \(token ?? "") cannot be read", hint: "give --token a file, or - for standard input")
        }
        while let last = text.last, last == 0x0A || last == 0x0D || last == 0x20 { text.removeLast() }
        guard (1...4_096).contains(text.count), text.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw OperatorFault(
                "the token is not one line of 1 to 4096 printable characters",
                hint: "copy it again from whoever runs the service")
        }
        return String(decoding: text, as: UTF8.self)
    }

    private func client(_ authorityFile: String?, _ address: WebAddress) throws -> HTTPClient {
        var limits = HTTPClient.Limits()
        limits.total = .seconds(timeLimit)
        do throws(HTTPFault) {
            let client = try HTTPClient(
                authorityFile: authorityFile, proxy: proxy, allowsPlainOnLoopback: allowsPlain, limits: limits)
            try client.check(address)
            return client
        } catch {
            throw OperatorFault(error)
        }
    }

    private func identityThere() throws -> Identifier? { try asOperatorFault { try Enrolment.identity(in: folder) } }

    private func refuseAnotherConfiguration() throws {
        guard place.found(try identityThere()) == .another else { return }
        throw OperatorFault(
            "the configuration \(configuration) is there already, and is not this enrolment's",
            hint: "give another path with --config; or set it aside, with the beacon that it is of: --replace")
    }

    // MARK: - Becoming another beacon

    /// What --replace sets aside: everything that belongs to the old identity. The journal's sequence ids and its unsent
    /// answers are the old one's too.
    private var replaced: [String] {
        let journal = state + "/journal.sqlite"
        return [
            configuration, journal + "-wal", journal + "-shm", journal, state + "/sequences", state + "/deregistered",
            folder.path,
        ].filter {
            var status = stat()
            return lstat($0, &status) == 0
        }
    }

    private func setAside(_ say: (String) -> Void) throws {
        guard (try? Control.ask(state + "/control", "status")) == nil else {
            throw OperatorFault("the beacon is running", hint: "stop it, then run this again")
        }
        for path in replaced {
            let aside = try asOperatorFault { try CredentialFolder.setAside(path) }
            say("set aside: \(aside)")
            Checkpoint.pass()
        }
    }
}

/// What the enrolment's own room throws, as every verb prints it.
func asOperatorFault<Value>(_ body: () throws -> Value) throws -> Value {
    do {
        return try body()
    } catch let fault as EnrolmentFault {
        throw OperatorFault(fault)
    }
}

extension Configuration {
    /// As which client the broker knows us.
    var mqttClientID: String { clientID ?? identity.topicForm }
}
