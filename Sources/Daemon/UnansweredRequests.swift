import BootTime
import EventLoop
import Logging
import Observing
import SRUP

/// Requests to join or to leave that a server leaves unanswered although the broker is connected. Nothing in the protocol says why: a
/// server drops what it does not accept, and so does a broker.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class UnansweredRequests: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        let memberships: () -> [Identifier: Membership]
        let isConnected: () -> Bool
        /// Whether it has answered, and the answer was refused.
        let hasAnswered: (Identifier) -> Bool
        /// A request has been without an answer for `limit`.
        let unanswered: (Identifier) -> Void
    }

    /// A server that runs answers within a second, and a broker keeps a request for one that does not for longer.
    static let limit = Duration.seconds(60)

    /// The servers that have left a request unanswered for so long.
    private(set) var servers: Set<Identifier> = []
    private var since: [Identifier: Instant] = [:]
    private let clock: any LoopClock
    private let log: Logger
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in tell() }

    init(clock: any LoopClock, log: Logger, outlets: Outlets) {
        (self.clock, self.log, self.outlets) = (clock, log, outlets)
    }

    /// A membership or the connection to the broker may have changed.
    func look() {
        let now = clock.now
        let waiting = outlets.isConnected() ? outlets.memberships().filter { $0.value.waitsForServer } : [:]
        since = since.filter { waiting[$0.key] != nil }
        servers = servers.filter { waiting[$0] != nil }
        for server in waiting.keys where since[server] == nil { since[server] = now }
        timer.set(at: since.filter { !servers.contains($0.key) }.values.min().map { $0 + UnansweredRequests.limit })
    }

    private func tell() {
        look()  // memberships that are no longer known, as after a failed disk, are not told
        let now = clock.now
        let late = since.filter { now - $0.value >= UnansweredRequests.limit }.keys
        for server in late.sorted(by: { $0.number < $1.number }) where servers.insert(server).inserted {
            let what =
                outlets.hasAnswered(server)
                ? "has for a minute sent only answers that this beacon refuses"
                : "has not answered for a minute, although the broker is connected: \(UnansweredRequests.cause)"
            log.warning("server \(server) \(what); hint: srup-beacon explain \(server)")
            outlets.unanswered(server)
        }
        look()
    }

    /// Why a server may not answer.
    static let cause =
        "it does not run, does not have this beacon's key, has seen higher sequence ids from this beacon, "
        + "or the broker's access list drops the request"

    /// What to do about it.
    static func next(_ server: Identifier) -> String {
        """
        see the server's own log. If nothing of this beacon is in it: check that it runs, and that the broker lets this beacon publish to \
        SRUP/servers/\(server.topicForm)/#. If it does not know the sender or the signature: give it this beacon's identity.pub.pem. If it \
        refuses sequence ids: have its operator forget those of this beacon (srup-bench c2: the order forget)
        """
    }
}

extension Membership {
    /// Whether a request of ours waits for a message of the server's, and for nothing else.
    fileprivate var waitsForServer: Bool {
        switch self {
        case .joining, .resigning, .deregistering: true
        case .stranger, .presenting, .member, .refused, .terminated, .resigned, .deregistered: false
        }
    }
}

extension Shell {
    /// What was seen of the servers that explains their state.
    var signs: [Identifier: ServerSigns] {
        var signs = reports.signs
        for server in silentServers { signs[server, default: ServerSigns()].isSilent = true }
        return signs
    }

    /// The servers that have said nothing that could be the answer.
    var silentServers: Set<Identifier> {
        unanswered.servers.filter { reports.signs[$0]?.refusedAnswers == nil }
    }

    func makeUnansweredRequests() -> UnansweredRequests {
        UnansweredRequests(
            clock: clock, log: log,
            outlets: UnansweredRequests.Outlets(
                memberships: { [unowned self] in
                    assumeIsolated { shell in
                        // Whose requests do not leave does not have to answer.
                        let setAside = shell.broker.publishing.setAside
                        return shell.observer.memberships.filter { setAside[$0.key] == nil }
                    }
                },
                isConnected: { [unowned self] in assumeIsolated { $0.broker.isConnected } },
                hasAnswered: { [unowned self] server in
                    assumeIsolated { $0.reports.signs[server]?.refusedAnswers != nil }
                },
                unanswered: { [unowned self] server in
                    assumeIsolated { shell in
                        // It may have seen higher ids than we know of: it is asked again at once, above the clock.
                        guard shell.raiseSequenceToClock(server), let event = shell.againEvent(server) else { return }
                        shell.handle(event)
                    }
                }))
    }
}
