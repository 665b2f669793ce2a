import Broker
import Enrolling
import Keys
import Glibc
import OperatorText
import SRUP

/// A node of the bench that is registered with a registration service (the paper's §4.4): its keys and certificates are in one folder,
/// as `srup-bench enrol` creates it.
public struct EnrolledNode: Sendable {
    /// Its identity.
    public let id: Identifier
    /// Its private key, a file.
    public let keyFile: String
    /// `host:port`, from the service's reply.
    public let broker: String
    /// Its certificate for the broker.
    public let tls: TLSFiles
    /// The server of the network.
    public let server: Identifier
    /// Its public key, a file.
    public let serverKeyFile: String

    /// The node in a folder.
    /// - Throws: `OperatorFault` if there is no completed enrolment.
    public init(folder path: String) throws(OperatorFault) {
        let folder = CredentialFolder(path: path)
        let outcome = try Enrolment.outcome(in: folder)
        (id, broker, server) = (outcome.identity, outcome.broker.description, outcome.server)
        (keyFile, serverKeyFile) = (folder.identityKey, folder.serverKey)
        let access = folder.access
        tls = TLSFiles(authority: access.authority, certificate: access.certificate, key: access.key)
    }

    /// Enrols a node, or continues an interrupted enrolment.
    /// - Parameters:
    ///   - form: the request to the service.
    ///   - path: the node's folder; created, accessible by its owner only, if it does not exist.
    ///   - replaces: whether an existing enrolment there is renamed first.
    ///   - say: takes a line for each step.
    /// - Throws: `OperatorError`; completed steps are kept.
    public static func enrol(
        _ form: EnrolmentRequest, into path: String, replaces: Bool, say: @escaping (String) -> Void
    ) throws -> EnrolledNode {
        let folder = CredentialFolder(path: path)
        let asked = try form.checked(goingOnIn: replaces ? nil : folder)
        if let note = asked.note { say(note) }
        if replaces, access(path, F_OK) == 0 { say("set aside: \(try folder.setAside())") }
        _ = try Enrolment(folder: folder, registry: asked.registry) { $0.message.map(say) }
            .run(asked.wish, authority: asked.authority, now: Int64(time(nil)))
        return try EnrolledNode(folder: path)
    }

    /// Renews a node's client certificate: the new one is tried at the broker before it replaces the old one.
    /// - Parameters:
    ///   - path: the node's folder.
    ///   - broker: `host:port`; nil: from the service's reply.
    ///   - busy: how a busy service is waited for.
    ///   - say: takes a line for each step.
    /// - Throws: `OperatorError`; the old certificate then stays in use.
    public static func renew(
        _ path: String, broker: String?, busy: BusyWaiting, say: @escaping (String) -> Void
    ) throws {
        let (node, folder) = (try EnrolledNode(folder: path), CredentialFolder(path: path))
        let service = try Renewal.service(in: folder)
        let asking = service.asking ?? RegistrationOptions()
        let address = try BrokerAddress(option: broker ?? node.broker)
        let client = try asking.client(for: service.address, authorityFile: service.authorityFile)
        try Renewal(folder: folder, registry: Registry(client, at: service.address).waiting(busy)) {
            $0.message.map(say)
        }
        .run(bits: asking.keyBits, now: Int64(time(nil))) { files throws(OperatorFault) in
            let tls = TLSFiles(authority: files.authority, certificate: files.certificate, key: files.key)
            do throws(BrokerFault) {
                try BrokerLink.tryOut([address], clientID: node.id.topicForm, tls: tls)
            } catch {
                throw OperatorFault(
                    "the new certificate could not be tried, and the old one stays: \(error.message)", hintOf: error
                )
            }
        } reach: { file in
            let client = try asking.client(for: service.address, authorityFile: file)
            _ = try Registry(client, at: service.address).waiting(busy).reachableName()
        }
    }

    /// Whether the broker accepts the certificate, as text. It is not an error if not, because the broker need not run yet.
    public var trial: String {
        get throws(OperatorFault) {
            let address = try BrokerAddress(option: broker)
            do throws(BrokerFault) {
                try BrokerLink.tryOut([address], clientID: id.topicForm, tls: tls)
                return "the broker accepts the certificate"
            } catch {
                return "the connection to the broker could not be tested: \(error.message); "
                    + "hint: \(error.hint(for: .bench))"
            }
        }
    }
}
