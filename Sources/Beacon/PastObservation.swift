import FoundationEssentials
import Observing
import SRUP

/// One verdict of the history.
public struct PastObservation: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Evidence: Codable, Equatable, Sendable {
        var transport: String
        var peer: String
        var peerKind: String?
        var mode: String
        var attempts: Int
        var grade: String
        /// nil: written by a version before 0.2, where *timed* was a grade.
        var timed: Bool?
        var security: String?
        var signalDbm: Int?
        var roundTripUs: Int?

        /// How much it shows, and whether within the configured round trip.
        var strength: String { grade + (timed == true ? ", timed" : "") }

        /// For a person: a part of a line.
        var text: String {
            "\(transport) \(peer)" + (peerKind.map { " (\($0))" } ?? "") + ", \(mode), \(strength)"
                + (security.map { ", security \($0)" } ?? "") + (roundTripUs.map { ", \($0) µs" } ?? "")
                + (signalDbm.map { ", \($0) dBm" } ?? "") + ", attempt \(attempts)"
        }
    }

    var server: String
    var device: String
    var token: String
    var verdict: String
    var reason: String
    var evidence: Evidence?
    var decided: String

    init(
        server: Identifier, token: Token?, device: Identifier, verdict: String, reason: String, evidence: String?,
        decided: Int64
    ) {
        self.server = server.description
        self.device = device.description
        self.token = token?.description ?? ""
        (self.verdict, self.reason, self.decided) = (verdict, reason, wallTime(decided))
        self.evidence = evidence.flatMap { try? decoder().decode(Evidence.self, from: Data($0.utf8)) }
    }

    /// Why, as a clause.
    var cause: String { Reason(rawValue: reason)?.sentence ?? reason }

    /// For a person: one line.
    public var text: String {
        var line = "\(decided)  \(device)  \(verdict)  \(cause)"
        if let evidence { line += "  [\(evidence.text)]" }
        return line + "  for \(server), token \(token)"
    }
}
