import BootTime
import EventLoop
import FoundationEssentials
import Observing
import OperatorText
import ProofLink
import SRUP

/// What `srup-beacon status` tells, as JSON.
public struct StatusReport: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Server: Codable, Equatable, Sendable {
        package var id: String
        package var membership: MembershipState
        package var lastAccepted: UInt64?
        package var lastSent: UInt64
        package var paused: Bool?
        /// true: it has not answered our request for a minute or more, although the broker is connected.
        package var unanswered: Bool?
        /// nil: it is served, or an older beacon does not tell.
        package var setAside: SetAsideReport?

        /// Its membership, whether it has paused us, and whether it answers, for a person.
        package var state: String {
            membership.rawValue + (paused == true ? ", paused" : "") + (unanswered == true ? ", not answered" : "")
        }

        /// Why it may not answer; nil: it does.
        package var silence: String? { unanswered == true ? UnansweredRequests.cause : nil }

        /// For a person: a line, and two more if the server is set aside.
        public var text: String {
            "server \(id): \(state), sequence ids sent \(lastSent), accepted "
                + (lastAccepted.map(String.init) ?? "unknown") + (setAside.map { "\n" + $0.text } ?? "")
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Broker: Codable, Equatable, Sendable {
        package var state: BrokerState
        package var address: String?
        package var fault: String?
        package var hint: String?
        /// The last loss of a session since the start; nil: there was none, or an older beacon does not tell.
        package var sessionLost: SessionLoss?
        /// The session at each broker of the list; nil: there is only one, or an older beacon does not tell.
        package var sessions: [BrokerSessionReport]?
    }

    /// A broker had lost this beacon's session when it was connected to.
    public struct SessionLoss: Codable, Equatable, Sendable {
        package var at: String
        package var fault: String
        package var hint: String
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct JournalState: Codable, Equatable, Sendable {
        package var state: JournalCondition
        package var trouble: String?
        package var since: String?
        package var findings: [String]
        package var outbox: Int
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Link: Codable, Equatable, Sendable {
        package var transport: Transport
        package var address: String
        package var state: ListenerState
        /// What to do where it is not listened on; nil: it is, or an older beacon does not tell.
        package var hint: String?
    }

    /// A device's link.
    public struct Held: Codable, Equatable, Sendable {
        package var number: UInt64
        package var transport: Transport
        package var peer: String
        /// The identity that it claims, which proves nothing.
        package var device: String?
        package var state: HeldLinkState
        package var secondsAgo: Int64
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Open: Codable, Equatable, Sendable {
        package var server: String
        package var token: String
        package var device: String
        package var secondsLeft: Double
        package var falseProofs: Int
        /// What the right proofs lacked that have come; nil: none has come.
        package var lacking: ProofShortcoming?
        /// Of `tooFar`, for a person: what was measured, and what the bound is.
        package var unmet: String?

        /// What was presented so far, for a person.
        package var presented: [String] {
            let right =
                switch lacking {
                case .tooFar: ["proved from outside the bounds" + (unmet.map { ": \($0)" } ?? "")]
                case .unsigned: ["proved, not signed"]
                case nil: [String]()
                }
            return (falseProofs > 0 ? ["\(falseProofs) false proofs"] : []) + right
        }
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Observations: Codable, Equatable, Sendable {
        package var open: Int
        package var list: [Open]
    }

    package var identity: String
    package var version: String
    package var uptimeSeconds: Int64
    /// What people call it, and where it is; nil: not set, or an older beacon does not tell.
    package var name, site, position: String?
    /// The hash of the settings in force; nil: an older beacon does not tell.
    package var configuration: String?
    /// Our membership state at each server of the configuration.
    public internal(set) var servers: [Server]
    package var broker: Broker
    package var certificate: CertificateState
    /// nil: an older beacon does not tell.
    package var identityKey: IdentityKey?
    package var journal: JournalState
    package var links: [Link]
    /// Whether any of them is listened on; nil: an older beacon does not tell.
    package var listening: ListeningReport?
    package var radio: RadioReport?
    package var openLinks: Int
    /// The newest of them; nil: an older beacon does not tell.
    package var held: [Held]?
    package var observations: Observations
    package var refused: [String: Int]
    /// The update in progress, or the last one.
    package var update: UpdateState?

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct UpdateState: Codable, Equatable, Sendable {
        package var server: String
        package var token: String
        package var url: String
        package var phase: Update.Phase.Name
        package var version: String?
        package var answer: String?

        init(_ update: Update) {
            (server, token) = (update.exchange.server.description, update.exchange.token.description)
            (url, phase) = (withoutSecrets(address: update.order.url), update.phase.name)
            (version, answer) = (update.phase.version, update.phase.status?.description)
        }

        package var text: String {
            "update of \(server): \(phase.rawValue)" + (version.map { " version \($0)" } ?? "")
                + (answer.map { ", \($0)" } ?? "")
        }
    }

    /// The servers as one JSON array.
    public func serversJSON() throws -> String { String(decoding: try encoder().encode(servers), as: UTF8.self) }

    /// For a person: a few lines.
    public var text: String {
        var lines = ["beacon \(identity), srup-beacon \(version), up \(uptimeSeconds) s"]
        if let place = BeaconPlace.text(name: name, site: site, position: position) { lines.append("place: \(place)") }
        if let configuration { lines.append("configuration: \(configuration)") }
        lines.append("broker: \(broker.state.rawValue)" + (broker.address.map { " \($0)" } ?? ""))
        if let fault = broker.fault { lines.append("  \(fault)\n  hint: \(broker.hint ?? "")") }
        if let loss = broker.sessionLost { lines.append("  \(loss.at): \(loss.fault)\n  hint: \(loss.hint)") }
        lines += broker.sessions?.map(\.text) ?? []
        lines.append(certificate.text)
        if let trouble = identityKey?.trouble { lines.append("identity key: \(trouble)\n  hint: \(IdentityKey.hint)") }
        for server in servers {
            lines.append(server.text)
            if let silence = server.silence {
                lines.append("  \(silence)\n  hint: srup-beacon explain \(server.id)")
            }
        }
        lines.append(
            "journal: \(journal.state.rawValue)"
                + (journal.trouble.map { ", \($0) since \(journal.since ?? "")" } ?? ""))
        lines += journal.findings.map { "  \($0)" }
        if journal.outbox > 0 { lines.append("  \(journal.outbox) messages wait for the broker") }
        lines += links.map { "\($0.transport.rawValue) \($0.address): \($0.state.rawValue)" }
        lines += listening?.lines ?? []
        lines += radio?.lines ?? []
        if let update { lines.append(update.text) }
        lines.append("\(openLinks) links, \(observations.open) open observations")
        for open in observations.list {
            let presented = open.presented.isEmpty ? ["0 false proofs"] : open.presented
            lines.append(
                "  \(open.device) for \(open.server): \(Int(open.secondsLeft)) s left, "
                    + presented.joined(separator: ", "))
        }
        for (reason, count) in refused.sorted(by: { $0.key < $1.key }) where count > 0 {
            lines.append("refused \(reason): \(count)")
        }
        return lines.joined(separator: "\n")
    }
}

extension Shell {
    /// The product's version.
    ///
    /// It stands in the program's file as one text with the product's name, so that a test can make a file of another version.
    public static let version = String("srup-beacon 0.1.0".dropFirst("srup-beacon ".count))
}

extension DaemonState {
    /// What `status` tells.
    var report: StatusReport {
        let open = observer.open.sorted { $0.deadline < $1.deadline }
        let links = linkReports
        return StatusReport(
            identity: configuration.identity.description, version: Shell.version,
            uptimeSeconds: (now - startedAt).components.seconds, name: configuration.place.name,
            site: configuration.place.site, position: configuration.place.position, configuration: configuration.hash,
            servers: serverStates, broker: brokerReport,
            certificate: certificateState, identityKey: identityKey, journal: journalState,
            links: links, listening: ListeningReport(of: links, self.links.traffic.report(at: now)),
            radio: radioReport,
            openLinks: observer.openLinks,
            held: heldLinks,
            observations: .init(
                open: open.count,
                list: open.prefix(100).map {
                    .init(
                        server: $0.exchange.server.description, token: $0.exchange.token.description,
                        device: $0.device.description,
                        secondsLeft: Double(($0.deadline - now).wholeNanoseconds) / 1e9, falseProofs: $0.mismatches,
                        lacking: $0.lacking, unmet: $0.unmet.isEmpty ? nil : $0.unmet.message)
                }),
            refused: reports.metrics.refused, update: observer.update.map { .init($0) })
    }

    private var linkReports: [StatusReport.Link] {
        listeners.listeners.map {
            let address = $0.wanted.address
            return .init(
                transport: address.transport, address: address.description,
                state: $0.fault.map { .failed($0.description) } ?? ($0.socket == nil ? .closed : .listening),
                hint: $0.fault?.hint(forListeningOn: address.transport))
        }
    }

    private var heldLinks: [StatusReport.Held] {
        observer.heldLinks.sorted { $0.id.number > $1.id.number }.prefix(100).map {
            .init(
                number: $0.id.number, transport: $0.peer.transport, peer: $0.peer.address,
                device: $0.device?.description, state: $0.state, secondsAgo: (now - $0.since).components.seconds)
        }
    }

    private var serverStates: [StatusReport.Server] {
        let known = (try? journal?.servers()) ?? []
        return configuration.servers.keys.sorted { $0.number < $1.number }.map { id in
            let stored = known.first { $0.server == id }
            return .init(
                id: id.description, membership: stored.map { .known($0.membership.state) } ?? .unknown,
                lastAccepted: stored?.lastAccepted?.number, lastSent: stored?.lastSent.number ?? 0,
                paused: stored?.isPaused, unanswered: unanswered.contains(id) ? true : nil,
                setAside: broker.publishing.report(on: id))
        }
    }

    private var brokerReport: StatusReport.Broker {
        var report: StatusReport.Broker =
            switch broker.state {
            case .connecting: .init(state: .connecting)
            case .connected(let address, _): .init(state: .connected, address: address.description)
            case .lost(let address, let fault):
                .init(state: .lost, address: address.description, fault: fault.message, hint: fault.hint(for: .beacon))
            }
        report.sessionLost = brokerSessions.lastLoss.map { loss in
            .init(at: Timestamp(loss.at).description, fault: loss.fault.message, hint: loss.fault.hint(for: .beacon))
        }
        report.sessions = brokerVisits.report
        return report
    }

    private var journalState: StatusReport.JournalState {
        .init(
            state: health.failure.map { $0.isFull ? .full : .failing } ?? .ok,
            trouble: health.failure?.message,
            since: health.failure.map { Timestamp($0.since).description }, findings: health.findings,
            outbox: (try? journal?.outboxCount()) ?? 0)
    }
}
