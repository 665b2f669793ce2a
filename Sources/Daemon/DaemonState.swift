import BootTime
import Observing
import SRUP

/// How the daemon is at one moment: what `status` and the metrics tell, read from the components that know it.
struct DaemonState {
    let now: Instant
    let startedAt: Instant
    let configuration: Configuration
    let observer: Observer
    /// nil while it cannot be written.
    let journal: Journal?
    let health: JournalHealth
    let broker: BrokerPort
    let brokerSessions: BrokerSessions
    let brokerVisits: BrokerVisits
    let listeners: LinkListeners
    let links: DeviceLinks
    let adapters: Adapters
    let reports: Reports
    /// The servers that do not answer a request of ours.
    let unanswered: Set<Identifier>
    let identityKey: StatusReport.IdentityKey
    /// nil: this beacon does not renew its certificate.
    let renewal: CertificateRenewal?
    /// nil: none is listened for.
    var neighbours: Neighbours?
    /// When the daemon was started, by the wall clock of then: seconds since 1970.
    var startedAtWallSeconds: Int64 = 0
}
