import Broker
import Enrolling
import Glibc
import SRUP

/// A node of the bench whose keys and certificate a registration service has made known (the paper's §4.4): everything it
/// takes is in one folder, as `srup-bench enrol` leaves it.
public struct EnrolledNode: Sendable {
    /// Who it is.
    public let id: Identifier
    /// Its private key, a file.
    public let keyFile: String
    /// `host:port`, as the service told it.
    public let broker: String
    /// Its certificate for the broker.
    public let tls: TLSFiles
    /// The server of the network.
    public let server: Identifier
    /// Its public key, a file.
    public let serverKeyFile: String

    /// The node in a folder.
    /// - Throws: `OperatorFault` where no enrolment has been finished there.
    public init(folder path: String) throws(OperatorFault) {
        let folder = CredentialFolder(path: path)
        let outcome = try asOperatorFault { try Enrolment.outcome(in: folder) }
        (id, broker, server) = (outcome.identity, outcome.broker.description, outcome.server)
        (keyFile, serverKeyFile) = (folder.identityKey, folder.serverKey)
        let access = folder.access
        tls = TLSFiles(authority: access.authority, certificate: access.certificate, key: access.key)
    }

    /// Enrols a node, or goes on with what was interrupted.
    /// - Parameters:
    ///   - form: what is asked of the service.
    ///   - path: the node's folder; made, for its owner only, where it does not exist.
    ///   - replaces: whether another enrolment there is set aside.
    ///   - say: takes a line for each thing done.
    /// - Throws: `OperatorFault`; what was done stays done.
    public static func enrol(
        _ form: EnrolmentForm, into path: String, replaces: Bool, say: @escaping (String) -> Void
    ) throws(OperatorFault) -> EnrolledNode {
        let folder = CredentialFolder(path: path)
        try asOperatorFault {
            let asked = try form.checked(goingOnIn: replaces ? nil : folder)
            if replaces, access(path, F_OK) == 0 { say("set aside: \(try folder.setAside())") }
            _ = try Enrolment(folder: folder, registry: asked.registry) { $0.sentence.map(say) }
                .run(asked.wish, authority: asked.authority, now: Int64(time(nil)))
        }
        return try EnrolledNode(folder: path)
    }

    /// Whether the broker takes the certificate, in a sentence: only a remark, since the broker need not run yet.
    public var trial: String {
        get throws(OperatorFault) {
            let address = try BrokerAddress(option: broker)
            do throws(BrokerFault) {
                try BrokerLink.tryOut([address], clientID: id.topicForm, tls: tls)
                return "the broker takes the certificate"
            } catch {
                return "the broker could not be tried: \(error.sentence); hint: \(error.hint)"
            }
        }
    }
}
