import Broker
import Daemon
import Enrolling
import Files
import Glibc
import Keys
import OperatorText

/// `srup-beacon renew`: a new client certificate for the broker.
public struct RenewalOrder {
    /// The beacon's configuration.
    public var configuration = ""
    /// A file with the service's CAs, where they are other ones than at the enrolment.
    public var authority: String?
    /// How the service is asked this time, if different from the enrolment.
    public var asking = RegistrationOptions()
    /// How a busy service is waited for; nil: it is not.
    public var busy: BusyWaiting?

    /// Defaults for the caller to fill in.
    public init() {}

    /// Gets a certificate, tries it at the broker, and puts it in the old one's place.
    /// - Throws: `OperatorError`; the old one is in use then, as before.
    public func perform(say: @escaping (String) -> Void) throws {
        let configuration = try Configuration(file: configuration)
        guard let folder = CredentialFolder(managing: configuration) else {
            throw OperatorFault(
                "\(self.configuration) does not name the files of an enrolment, so nothing is renewed",
                hint: "renew the certificate the way it was made; or enrol: srup-beacon enrol URL")
        }
        try configuration.writingKeys { try renew(folder, configuration, say) }
    }

    private func renew(
        _ folder: CredentialFolder, _ configuration: Configuration, _ say: @escaping (String) -> Void
    ) throws {
        let service = try Renewal.service(in: folder)
        let asking = asking.over(service.asking)
        let client = try asking.client(for: service.address, authorityFile: authority ?? service.authorityFile)
        let registry = Registry(client, at: service.address)
        try Renewal(folder: folder, registry: busy.map(registry.waiting) ?? registry) { step in
            switch step {
            case .certified(let end): say("renewed: the broker's client certificate lasts until \(Timestamp(end))")
            case .clock, .kept, .trusted, .distrusted: step.message.map(say)
            case .step, .identity, .key, .accessKey, .registered, .validated: break
            }
            Checkpoint.pass()
        }.run(bits: asking.keyBits, now: Int64(time(nil))) { files in
            try tryOut(files, of: folder, configuration, say)
        } reach: { file in
            let client = try asking.client(for: service.address, authorityFile: file)
            let registry = Registry(client, at: service.address)
            _ = try (busy.map(registry.waiting) ?? registry).reachableName()
        }
    }

    /// An operator's own file of CAs, if `[broker] ca` names one, is what the broker must satisfy; nothing is written to it.
    private func tryOut(
        _ files: CredentialFolder.AccessFiles, of folder: CredentialFolder, _ configuration: Configuration,
        _ say: (String) -> Void
    ) throws(OperatorFault) {
        let own = configuration.tls.authority
        let isOurs = own == folder.access.authority
        let tls = TLSFiles(
            authority: isOurs ? files.authority : own, certificate: files.certificate, key: files.key)
        do throws(BrokerFault) {
            try BrokerLink.tryOut(configuration.brokers, clientID: configuration.mqttClientID, tls: tls)
        } catch {
            throw OperatorFault(
                "the new certificate could not be tried, and the old one stays: \(error.message)", hintOf: error)
        }
        say("the broker takes the new certificate")
        guard !isOurs, let bytes = try? File.read(own, isFollowing: true), let known = try? Certificate.all(pem: bytes),
            let given = (try? File.read(files.authority)).flatMap({ try? Certificate.all(pem: $0) })
        else { return }
        for one in given where !known.contains(where: one.equals) {
            say(
                "\(own) does not hold a CA certificate that the registration service gives: \(one.subject); if the broker will use that CA: cat \(folder.access.authority) >>\(own)"
            )
        }
    }
}
