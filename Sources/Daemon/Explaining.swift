import FoundationEssentials
import Observing
import OperatorText
import SQLite
import SRUP

/// The outcome of one observation, or of one of our joins, and why: `srup-beacon explain`.
public struct Explanation: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Step: Codable, Equatable, Sendable {
        /// nil: not known; an older version of the beacon has not noted it.
        var at: String?
        var what: String
    }

    /// What is explained.
    enum Subject: String, CaseIterable, Codable, Sendable {
        case observation
        /// One of our own.
        case join
    }

    var of: Subject
    var server: String
    var token: String?
    /// nil: it is our own join.
    var device: String?
    var steps: [Step]
    /// Of an observation that was answered: as `srup-beacon observations --json` has them.
    var verdict: String?
    var reason: String?
    var evidence: PastObservation.Evidence?
    var cause: String
    /// What to do now.
    var next: String

    /// For a person: some lines.
    public var text: String {
        let who = device.map { " of \($0)" } ?? " of this beacon"
        var lines = ["\(of.rawValue)\(who) for \(server)" + (token.map { ", token \($0)" } ?? "")]
        lines += steps.map { "  \($0.at ?? "(no time noted)     ")  \($0.what)" }
        return (lines + ["  cause: \(cause)", "  next: \(next)"]).joined(separator: "\n")
    }
}

extension Reason {
    /// What an operator can do about it.
    var nextStep: String {
        switch self {
        case .matched: "nothing"
        case .mismatches, .deadlineAfterMismatch:
            """
            once: the device may have shown an older request's value; let it join again. Often: someone may be guessing; \
            the log's lines "false proof" have the peer's address
            """
        case .silence:
            """
            check that the device runs, is in reach, and knows this beacon's address and transports: srup-beacon watch \
            shows its link when it comes. If links came and ended before, the log has their outcomes
            """
        case .tooFar:
            """
            let the device come nearer and join again, or correct [link] max-round-trip and min-rssi; turn off the \
            transports that report no signal strength, if min-rssi is set. The device held the value
            """
        case .unsigned: "see the device's log: its key, or the hardware that holds it, did not sign within 10 s"
        case .superseded: "nothing: see the newer request of this device"
        case .withdrawn: "srup-beacon servers tells where we stand with the server; srup-beacon join asks it again"
        case .interrupted: "let the device join again"
        case .sealUnopened:
            "let the device join again: the identity key was replaced while this observation was open, and the beacon started again"
        case .notAValue: "the server sends a value that is not 128 bits long: it is not made for this version of SRUP"
        case .namesUs: "the server must name another observer for this beacon's own join"
        case .tooMany: "raise [observation] limit, or find out who asks for so many"
        case .paused: "the server has to send the action resume"
        case .keyReplaced:
            """
            let the device join again. srup-beacon rotate keeps the key before the last one, and waits while an open observation needs \
            it: replace keys with it only, and let it finish before the beacon is started again
            """
        case .requestUnverified:
            "if the server's key was replaced, let the device join again; otherwise see who can write to the state folder"
        }
    }
}

extension Membership {
    fileprivate func explained(by server: Identifier) -> (cause: String, next: String) {
        switch self {
        case .stranger: ("this beacon has not asked", "srup-beacon join, or set join in [server ID]")
        case .joining(_, .observed):
            (
                "no answer of the server has been accepted yet",
                "check that the observer of this beacon is in reach and joined itself"
            )
        case .joining:
            (
                "no answer of the server has been accepted yet",
                "see broker in srup-beacon status, and whether the server runs"
            )
        case .presenting(_, .human): ("a person has to compare the value", "srup-beacon join --human")
        case .presenting: ("the observer has not answered yet", "see observer-address, and the observer's own log")
        case .member: ("the server has said yes", "nothing; \(ServerSigns.askAgain(server))")
        case .refused:
            (
                "the server has said no: it does not know this beacon or its key, does not want it, or a person there has"
                    + " refused the join; we ask again, seldom",
                "check that it has this beacon's identity and public key, and what its own log says"
            )
        case .terminated: ("the server has let this beacon go", "srup-beacon join asks it again")
        case .resigning:
            ("no answer to our resignation has been accepted yet", "see broker in srup-beacon status")
        case .resigned: ("this beacon has resigned", "srup-beacon join asks it again")
        case .deregistering:
            ("no answer to our deregistration has been accepted yet", "see broker in srup-beacon status")
        case .deregistered: ("this beacon is permanently deregistered", "a new identity: srup-beacon enrol")
        }
    }
}

extension Journal {
    /// How many observations of one device are explained.
    private static let explained = 5

    /// What is known of a token, of a device's newest observations, or of our join with a server; the newest first.
    /// - Parameter subject: a token as it is printed, or an identifier.
    /// - Parameter signs: what servers did since the beacon started.
    /// - Parameter setAside: the servers whose messages the broker does not take.
    /// - Parameter open: what the observer knows of open observations.
    func explain(
        _ subject: String, _ signs: [Identifier: ServerSigns] = [:], setAside: [Identifier: SetAside] = [:],
        open: [OpenObservation] = []
    ) throws(Failure) -> [Explanation] {
        try Journal.attempt { try Journal.explain(database, subject, signs) }.map { explanation in
            let server = Identifier(hexadecimal: explanation.server)
            let known = explanation.lacking(in: open)
            return server.flatMap { setAside[$0] }.map { known.waiting(because: $0) } ?? known
        }
    }

    /// The same from a journal that no beacon has open.
    static func explain(_ folder: StateFolder, _ subject: String) throws -> [Explanation] {
        try attempt { try explain(try Database(lookingAt: folder.journal), subject, [:]) }
    }

    private static func explain(
        _ database: Database, _ subject: String, _ signs: [Identifier: ServerSigns]
    ) throws(DatabaseError) -> [Explanation] {
        var found: [Explanation] = []
        let stored = try servers(database)
        // A device's identifier has no hyphen and at most 16 digits: no server issues tokens that short.
        if let node = Identifier(hexadecimal: subject) {
            found += try open(database, "device = ?", .unsigned(node.number))
            found += try decided(
                database, "device = ? ORDER BY id DESC LIMIT \(explained)", .unsigned(node.number))
            found += stored.filter { $0.standing.server == node }.map { join($0, signs[node]) }
        } else {
            for server in stored.map(\.standing.server) {
                let names: [Database.Value] = [.unsigned(server.number), .blob(bytes(of: subject))]
                found += try open(database, "server = ? AND token = ?", names[0], names[1])
                found += try decided(database, "server = ? AND token = ?", names[0], names[1])
            }
            found += stored.filter { $0.standing.membership.token?.description == subject }.map {
                join($0, signs[$0.standing.server])
            }
        }
        return found
    }

    /// The bytes of a token that was printed.
    private static func bytes(of token: String) -> [UInt8] {
        guard token.hasPrefix("0x"), let bytes = SRUP.bytes(hexadecimal: token.dropFirst(2).utf8) else {
            return Array(token.utf8)
        }
        return bytes
    }

    private static func open(
        _ database: Database, _ which: String, _ first: Database.Value, _ second: Database.Value? = nil
    ) throws(DatabaseError) -> [Explanation] {
        let sql = "SELECT server, token, device, asked, mismatches FROM observations WHERE \(which)"
        return try database.rows(sql, [first] + (second.map { [$0] } ?? [])).map { row in
            Explanation(
                of: .observation, server: Identifier(row.unsigned(0)).description,
                token: Token(row.blob(1))?.description, device: Identifier(row.unsigned(2)).description,
                steps: [.init(at: time(row, 3), what: "the server asked")] + falseProofs(row.integer(4)),
                cause: "it is open: no proof has matched yet, and the deadline has not come",
                next: "let the device show itself; srup-beacon status tells how long there is")
        }
    }

    private static func decided(
        _ database: Database, _ which: String, _ first: Database.Value, _ second: Database.Value? = nil
    ) throws(DatabaseError) -> [Explanation] {
        let sql = """
            SELECT server, token, device, asked, mismatches, decided, verdict, reason, evidence, acknowledged,
                EXISTS (SELECT 1 FROM outbox WHERE outbox.verdict = verdicts.id)
            FROM verdicts WHERE \(which)
            """
        return try database.rows(sql, [first] + (second.map { [$0] } ?? [])).map { row in
            let past = PastObservation(
                server: Identifier(row.unsigned(0)), token: Token(row.blob(1)), device: Identifier(row.unsigned(2)),
                verdict: row.text(6) ?? "", reason: row.text(7) ?? "", evidence: row.text(8), decided: row.integer(5))
            let reason = Reason(rawValue: past.reason)
            var steps: [Explanation.Step] = [.init(at: time(row, 3), what: "the server asked")]
            // A proof that matched is not among the false ones, and is counted as an attempt.
            steps += falseProofs(row.integer(4))
            steps.append(
                .init(
                    at: time(row, 5), what: "answered \(past.verdict)" + (past.evidence.map { "  [\($0.text)]" } ?? ""))
            )
            let waits = row.isNull(9) && row.integer(10) == 1
            if waits { steps.append(.init(at: nil, what: Explanation.waits)) }
            if let at = time(row, 9) { steps.append(.init(at: at, what: Explanation.acknowledged)) }
            let next = waits ? "see broker in srup-beacon status: the answer goes when it is there" : reason?.nextStep
            return Explanation(
                of: .observation, server: past.server, token: past.token, device: past.device, steps: steps,
                verdict: past.verdict, reason: past.reason, evidence: past.evidence,
                cause: past.cause, next: next ?? "nothing")
        }
    }

    private static func falseProofs(_ count: Int64) -> [Explanation.Step] {
        count > 0 ? [.init(at: nil, what: "\(count) false proof\(count == 1 ? "" : "s")")] : []
    }

    private static func join(_ stored: (standing: StoredServer, since: Int64?), _ signs: ServerSigns?) -> Explanation {
        let standing = stored.standing
        let explained =
            signs?.explained(standing.membership, standing.server) ?? standing.membership.explained(by: standing.server)
        let joinMode = standing.membership.joinMode.map { " (\($0.name))" } ?? ""
        return Explanation(
            of: .join, server: standing.server.description, token: standing.membership.token?.description, device: nil,
            steps: [
                .init(
                    at: stored.since.map { Timestamp($0).description }, what: "\(standing.membership.name)\(joinMode)")
            ]
                + (signs?.steps ?? []),
            cause: explained.cause, next: explained.next)
    }

    private static func time(_ row: Database.Row, _ column: Int) -> String? {
        row.isNull(column) ? nil : Timestamp(row.integer(column)).description
    }
}

extension Inquiry {
    /// What is known of a token, a device or a server, as JSON: from the running beacon, otherwise from its journal.
    /// - Throws: `OperatorFault` where neither can be read, and where nothing is known.
    public static func explanations(_ configuration: Configuration, of subject: String) throws -> [UInt8] {
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        let reply: [UInt8]
        do {
            // A beacon that runs has its journal to itself, also while it cannot use it.
            reply =
                Control.process(at: folder.control) != nil
                ? try Control.ask(folder.control, .explain(subject))
                : Array(try encoder().encode(try Journal.explain(folder, subject)))
        } catch let failure as Journal.Failure {
            throw OperatorFault(failure.message, hint: "check that \(folder.journal) is there and whole")
        }
        guard try !explanations(reply).isEmpty else {
            throw OperatorFault(
                "nothing is known of \(subject)",
                hint:
                    "a token or a device's identifier as srup-beacon observations prints it; the log tells of refused ones"
            )
        }
        return reply
    }

    /// The contents of such a reply.
    public static func explanations(_ json: [UInt8]) throws -> [Explanation] {
        try decoded([Explanation].self, json)
    }
}
