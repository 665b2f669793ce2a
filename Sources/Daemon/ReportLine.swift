import Logging
import Observing
import ProofLink
import SRUP

/// One line of the log about a report. Other parties can cause it, so lines of its kind are limited.
struct ReportLine {
    var level: Logger.Level
    /// What the limit counts by.
    var kind: String
    var message: String
    var fields: Logger.Metadata

    init(_ level: Logger.Level, _ kind: String, _ message: String, _ fields: Logger.Metadata) {
        (self.level, self.kind, self.message, self.fields) = (level, kind, message, fields)
    }
}

extension Report {
    /// What the log says about it.
    var line: ReportLine {
        switch self {
        case .refused(let refusal, let sender, let type):
            ReportLine(
                .warning, refusal.name.rawValue, "refused \(type.name) from \(sender): \(refusal.message)",
                .of("refused", server: sender, ["reason": refusal.name.rawValue]))
        case .opened(let exchange, let device):
            ReportLine(
                .notice, "opened",
                "observation of \(device) opened for \(exchange.server), token \(exchange.token)",
                .of("opened", exchange, device: device))
        case .answered(let exchange, let device, let verdict, let reason, _, let unmet):
            ReportLine(
                .notice, "answered",
                "observation of \(device) answered \(verdict.rawValue) to \(exchange.server): "
                    + "\(reason.message(of: unmet)), token \(exchange.token)",
                .of(
                    "answered", exchange, device: device, ["verdict": verdict.rawValue, "reason": reason.rawValue]))
        case .repeated(let exchange, let verdict):
            ReportLine(
                .info, "repeated",
                "\(exchange.server) asked again, token \(exchange.token): "
                    + (verdict.map { "answered \($0.rawValue) again" } ?? "it is open"),
                .of("repeated", exchange))
        case .mismatch(let exchange, let device, let peer, let count):
            ReportLine(
                .warning, "false-proof",
                "false proof number \(count) for \(device) from \(peer.transport.rawValue) \(peer.address), token \(exchange.token)",
                .of("false-proof", exchange, device: device, peer: peer))
        case .tooFar(let exchange, let device, let peer, let unmet):
            ReportLine(
                .notice, "too-far",
                "\(device) has proved itself on \(peer.transport.rawValue) \(peer.address), from outside the bounds: "
                    + "\(unmet.message), token \(exchange.token)",
                .of("too-far", exchange, device: device, peer: peer))
        case .ready(let link, let peer, let device):
            ReportLine(
                .info, "ready", "\(link): \(device) is ready on \(peer.transport.rawValue) \(peer.address)",
                .of("ready", device: device, link: link, peer: peer))
        case .ended(let link, let peer, let device, let outcome):
            ReportLine(
                .info, "ended",
                "\(link): ended \(outcome) with \(peer.transport.rawValue) \(peer.address)"
                    + (device.map { " as \($0)" } ?? ""),
                .of("ended", device: device, link: link, peer: peer, ["outcome": "\(outcome)"]))
        case .lost(let link, let peer, let device, let loss):
            ReportLine(
                .info, "ended",
                "\(link): ended without an outcome with \(peer.transport.rawValue) \(peer.address)"
                    + (device.map { " as \($0)" } ?? "") + ": \(loss.message)",
                .of("ended", device: device, link: link, peer: peer))
        case .membership, .declined, .commanded, .acted, .update, .updateDeclined: serverLine
        }
    }

    /// Reports about a server's membership, or about what it has ordered.
    private var serverLine: ReportLine {
        switch self {
        case .membership(let server, let membership):
            ReportLine(
                .notice, "membership", "server \(server): \(membership.name)",
                .of("membership", server: server, ["membership": membership.name]))
        case .declined(let server, let status):
            ReportLine(
                .warning, "declined",
                "server \(server) does not let this beacon leave: \(status); hint: \(ServerSigns.askAgain(server))",
                .of("declined", server: server))
        case .commanded(let server):
            ReportLine(
                .notice, "commanded", "server \(server) has told us to join", .of("commanded", server: server))
        case .acted(let exchange, let code, let status):
            ReportLine(
                .notice, "action",
                "action \(Action(rawValue: code).map { "\($0)" } ?? "0x" + hexadecimal([code])) of \(exchange.server): \(status), token \(exchange.token)",
                .of("action", exchange))
        case .update(let update):
            ReportLine(
                .notice, "update", "update of \(update.exchange.server): \(update.phase.words)",
                .of("update", update.exchange))
        case .updateDeclined(let exchange, let status):
            ReportLine(
                .warning, "update-declined",
                "an order of \(exchange.server) to update is answered: \(status)", .of("update", exchange))
        case .refused, .opened, .answered, .repeated, .mismatch, .tooFar, .ended, .lost, .ready:
            preconditionFailure("\(self) is not about a server")
        }
    }
}

extension Reason {
    /// The reason as a clause for a log line, with the bounds that a device did not meet.
    func message(of unmet: [UnmetBound]) -> String { message + (unmet.isEmpty ? "" : ": \(unmet.message)") }
}

extension LinkLoss {
    /// What has happened.
    fileprivate var message: String {
        switch self {
        case .byDevice: "the device has closed it, or is out of reach"
        case .adapterLost: "the adapter is off or gone"
        case .notTaken: "the device did not take a frame"
        case .notRecorded: "nothing can be recorded now"
        }
    }
}

extension Refusal {
    /// Why, after "refused TYPE from SENDER: ".
    var message: String {
        switch self {
        case .notOurServer: "it is not one of our servers"
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
        case .tokenTooLong(let length): "its token has \(length) bytes; at most \(Observer.maximumToken) are taken"
        case .tooFast: "this server sends more than its rate allows"
        }
    }
}
