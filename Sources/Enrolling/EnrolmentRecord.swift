import Fetching
import FoundationEssentials
import Keys
import OperatorText
import SRUP

/// An enrolment's data and state: on disk before the next step. It holds nothing that was not checked, in our own
/// format, and is checked again when it is read.
struct EnrolmentRecord: Codable, Equatable {
    struct RegistrationReply: Codable, Equatable {
        var broker: String
        var server: String
        /// PEM.
        var serverKey: String
    }

    struct Service: Codable, Equatable {
        var name: String
        /// PEM; nil if the service does not publish its own key.
        var key: String?
        /// Whether it accepts statements that name it: once it does, nothing else is signed for it.
        var statements: Bool?

        var isNamed: Bool { statements == true }
    }

    /// Our identity: chosen before anything else, so that an interrupted enrolment continues with the same one.
    var identity: String
    /// The service's address.
    var address: String
    var type: String
    var service: Service?
    /// The service's reply to the registration, which the reference sends only once.
    var told: RegistrationReply?
    /// Whether the service has confirmed that the registered key is ours.
    var isValidated = false
    /// The options for requests to the service; nil: the defaults.
    var asking: RegistrationOptions?

    var identifier: Identifier? { Identifier(hexadecimal: identity).flatMap { $0.number >= 0x10 ? $0 : nil } }

    var registration: Registration? {
        guard let told, let broker = BrokerPlace(hostAndPort: told.broker),
            let server = Identifier(hexadecimal: told.server), server.number >= 0x10,
            let key = try? PublicKey(pem: Array(told.serverKey.utf8))
        else { return nil }
        return Registration(broker: broker, server: server, serverKey: key)
    }

    var serviceKey: PublicKey? { service?.key.flatMap { try? PublicKey(pem: Array($0.utf8)) } }

    init(identity: Identifier, address: WebAddress, type: String) {
        (self.identity, self.address, self.type) = (identity.topicForm, address.description, type)
    }

    /// - Throws: `OperatorFault` if the file exists and is not a valid record.
    init?(in folder: CredentialFolder) throws(OperatorFault) {
        guard folder.hasRecord else { return nil }
        guard let bytes = try folder.read(folder.record),
            let record = try? JSONDecoder().decode(EnrolmentRecord.self, from: Data(bytes)),
            record.identifier != nil, (try? WebAddress(record.address)) != nil,
            record.told == nil || record.registration != nil,
            record.service.map({ ServiceName($0.name) != nil }) ?? true
        else {
            throw OperatorFault(
                "\(folder.record) is not an enrolment record, or is damaged",
                hint: "restore it, or enrol again as another node: --replace")
        }
        self = record
    }

    func write(to folder: CredentialFolder) throws(OperatorFault) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let bytes = try? encoder.encode(self) else { preconditionFailure("a record could not be encoded") }
        try folder.write(Array(bytes) + [UInt8(ascii: "\n")], to: folder.record)
    }
}
