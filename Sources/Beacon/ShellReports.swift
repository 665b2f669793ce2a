import EventLoop
import Logging
import Observing
import ProofLink
import SRUP

// What is worth a line in the log, and a count.
extension Shell {
    func report(_ report: Report) {
        switch report {
        case .refused(let refusal, let sender, let type):
            refuse(refusal.name, "\(type.name) from \(sender): \(sentence(refusal))", sender: sender)
        case .opened(let exchange, let device):
            metrics.opened += 1
            if case .message(let arrival) = arrival {
                metrics.requestToChallenge.add(nanoseconds: bootNanoseconds() - arrival)
            }
            say(
                .notice, about: "opened",
                "observation of \(device) opened for \(exchange.server), token \(exchange.token)",
                .of("opened", exchange, device: device))
        case .answered(let exchange, let device, let verdict, let reason, let grade):
            metrics.verdicts[verdict, default: 0] += 1
            if let grade { metrics.grades[grade, default: 0] += 1 }
            metrics.reasons[reason, default: 0] += 1
            say(
                .notice, about: "answered",
                "observation of \(device) answered \(verdict.rawValue) to \(exchange.server): \(reason.sentence), token \(exchange.token)",
                .of(
                    "answered", exchange, device: device, ["verdict": verdict.rawValue, "reason": reason.rawValue]))
        case .repeated(let exchange, let verdict):
            let meaning = verdict.map { "answered \($0.rawValue) again" } ?? "it is open"
            say(
                .info, about: "repeated",
                "\(exchange.server) asked again, token \(exchange.token): \(meaning)", .of("repeated", exchange))
        case .mismatch(let exchange, let device, let peer, let count):
            refused["false-proof", default: 0] += 1
            say(
                .warning, about: "false-proof",
                "false proof number \(count) for \(device) from \(peer.transport.rawValue) \(peer.address), token \(exchange.token)",
                .of("false-proof", exchange, device: device, peer: peer))
        case .membership(let server, let membership):
            say(
                .notice, about: "membership", "server \(server): \(membership.name)",
                .of("membership", server: server, ["membership": membership.name]))
        case .declined(let server, let status):
            say(
                .warning, about: "declined",
                "server \(server) does not let this beacon leave: \(status); hint: \(ServerSigns.askAgain(server))",
                .of("declined", server: server))
        case .commanded(let server):
            say(
                .notice, about: "commanded", "server \(server) has told us to join", .of("commanded", server: server))
        case .acted(let exchange, let code, let status):
            let action = Action(rawValue: code).map { "\($0)" } ?? "0x" + hexadecimal([code])
            say(
                .notice, about: "action",
                "action \(action) of \(exchange.server): \(status), token \(exchange.token)", .of("action", exchange))
        case .update(let update):
            say(
                .notice, about: "update", "update of \(update.exchange.server): \(update.phase.words)",
                .of("update", update.exchange))
        case .updateDeclined(let exchange, let status):
            say(
                .warning, about: "update-declined",
                "an order of \(exchange.server) to update is answered: \(status)", .of("update", exchange))
        case .ready(let link, let peer, let device):
            say(
                .info, about: "ready", "\(link): \(device) is ready on \(peer.transport.rawValue) \(peer.address)",
                .of("ready", device: device, link: link, peer: peer))
        case .ended(let link, let peer, let device, let outcome):
            if outcome != .valid { refused["link-\(outcome)".replacing(" ", with: "-"), default: 0] += 1 }
            let who = device.map { " as \($0)" } ?? ""
            say(
                .info, about: "ended",
                "\(link): ended \(outcome) with \(peer.transport.rawValue) \(peer.address)\(who)",
                .of("ended", device: device, link: link, peer: peer, ["outcome": "\(outcome)"]))
        }
        if case .membership = report { service.status(statusLine) }
        if let server = report.aboutServer, configuration.servers[server] != nil {
            membership.signs[server, default: ServerSigns()].note(report)
        }
    }

    /// Which observations a link is asked about, said when it is asked: what happens on it from here on belongs to them.
    func reportChallenge(_ link: LinkID) {
        for (exchange, device) in observer.asked(over: link) {
            say(
                .info, about: "challenged", "\(link): \(device) is challenged, token \(exchange.token)",
                .of("challenged", exchange, device: device, link: link))
        }
    }

    /// A line that another party can cause, a server as well as a stranger: only so many of one kind a second are written. What
    /// is counted is counted before.
    func say(_ level: Logger.Level, about kind: String, _ sentence: String, _ fields: Logger.Metadata = [:]) {
        let now = bootNanoseconds()
        guard let left = chatter.take(kind, at: now) else {
            if chatter.wantsToSumUp() { alarms?.chatter.set(after: .seconds(1)) }
            return
        }
        let more = left > 0 ? " (\(left) more like it were not written)" : ""
        log.log(level: level, "\(sentence)\(more)", metadata: fields)
    }

    /// How many lines were not written, of kinds of which none has been written since.
    func sayWhatWasLeft() {
        let (sums, isUnderWay) = chatter.sumUp(at: bootNanoseconds())
        for (kind, count) in sums {
            log.notice(
                "\(count) more lines of the kind \(kind) were not written",
                metadata: .of("left-out", nil, ["kind": kind]))
        }
        if isUnderWay, chatter.wantsToSumUp() { alarms?.chatter.set(after: .seconds(1)) }
    }

    private func sentence(_ refusal: Refusal) -> String {
        switch refusal {
        case .notOurServer: "it is no server of ours"
        case .replayed(let sequence, let last): "sequence id \(sequence) is not above \(last)"
        case .sequenceTooHigh(let sequence): "sequence id \(sequence) leaves no room for others"
        case .notNow(let membership): "not from a server with which we stand as \(membership.name)"
        case .notServed: "this beacon does not serve it"
        case .notForUs: "it does not name this beacon; hint: see recipient in [server ID]"
        case .notAllowed: "the configuration does not let this server"
        case .notSealedToUs:
            "its value does not open under our key, so it is for another node, or sealed to an old key of ours"
        case .notAValue: "its value opens and is neither 16 bytes nor 32 hexadecimal digits"
        case .tokenOfAnother(let server): "its token belongs to an exchange with server \(server)"
        case .tokenTooLong(let length): "its token has \(length) bytes; at most \(Observer.longestToken) are taken"
        case .tooFast: "this server sends more than its rate allows"
        }
    }

    /// One line for systemd.
    var statusLine: String {
        if let trouble { return trouble.sentence }
        let broker =
            switch brokerState {
            case .connecting: "connecting"
            case .connected(let address, _): "connected to \(address)"
            case .lost(let address, let fault): "\(address): \(fault.sentence)"
            }
        let members = observer.memberships.values.filter(\.isMember).count
        return "\(broker); joined to \(members) of \(configuration.servers.count) servers"
    }
}

extension Report {
    /// The server whose message or standing it is about, where that may be a sign of what the server knows of us.
    fileprivate var aboutServer: Identifier? {
        switch self {
        case .refused(.replayed, let sender, _): sender
        case .membership(let server, _), .declined(let server, _), .commanded(let server): server
        case .opened(let exchange, _), .repeated(let exchange, _), .acted(let exchange, _, _),
            .updateDeclined(let exchange, _):
            exchange.server
        case .refused, .answered, .mismatch, .update, .ended, .ready: nil
        }
    }
}

/// How many log lines of one kind others may cause: a flood of links, or of requests, must not be a flood of lines.
struct Chatter {
    static let linesPerSecond = 20
    private var kinds: [String: (second: Int64, written: Int, left: Int)] = [:]
    private var isToSumUp = false

    /// nil: this line is not to be written; else how many were not written since the last one that was.
    mutating func take(_ kind: String, at nanoseconds: Int64) -> Int? {
        let second = nanoseconds / 1_000_000_000
        var entry = kinds[kind] ?? (second, 0, 0)
        if entry.second != second { (entry.second, entry.written) = (second, 0) }
        defer { kinds[kind] = entry }
        guard entry.written < Chatter.linesPerSecond else {
            entry.left += 1
            return nil
        }
        entry.written += 1
        defer { entry.left = 0 }
        return entry.left
    }

    /// Whether somebody is to call `sumUp` in a second; true once until that is done.
    mutating func wantsToSumUp() -> Bool {
        defer { isToSumUp = true }
        return !isToSumUp
    }

    /// The kinds of which lines were left out, and nothing has been written since, with their numbers: each is told once.
    /// - Returns: also whether there are kinds that are still being left out.
    mutating func sumUp(at nanoseconds: Int64) -> (sums: [(kind: String, count: Int)], isUnderWay: Bool) {
        isToSumUp = false
        let second = nanoseconds / 1_000_000_000
        let over = kinds.filter { $0.value.left > 0 && $0.value.second != second }
        for kind in over.keys { kinds[kind]?.left = 0 }
        let isUnderWay = kinds.values.contains { $0.left > 0 }
        return (over.map { ($0.key, $0.value.left) }.sorted { $0.kind < $1.kind }, isUnderWay)
    }
}
