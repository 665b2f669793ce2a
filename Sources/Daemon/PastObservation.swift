import FoundationEssentials
import Observing
import OperatorText
import ProofLink
import SRUP

/// One verdict of the history.
public struct PastObservation: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Evidence: Codable, Equatable, Sendable {
        package var transport: String
        package var peer: String
        package var peerKind: String?
        package var mode: String
        package var attempts: Int
        package var grade: String
        /// nil: written by a version before 0.2, where *timed* was a grade.
        package var timed: Bool?
        package var security: String?
        package var signalDbm: Int?
        package var roundTripUs: Int?
        /// The bounds that were configured, where they were not met.
        package var maxRoundTripUs: Int?
        package var minSignalDbm: Int?

        /// What was not met of the configured bounds.
        var unmet: [UnmetBound] {
            let roundTrip = maxRoundTripUs.map {
                UnmetBound.roundTrip(roundTripUs.map { .microseconds($0) }, maximum: .microseconds($0))
            }
            let signal = minSignalDbm.flatMap { minimum in
                Transport(rawValue: transport).map {
                    UnmetBound.signal(
                        signalDbm.map { Int8(clamping: $0) }, minimum: Int8(clamping: minimum), $0)
                }
            }
            return [roundTrip, signal].compactMap { $0 }
        }

        /// How much it shows, and whether within the configured round trip.
        package var strength: String { grade + (timed == true ? ", timed" : "") }

        /// For a person: a part of a line.
        package var text: String {
            "\(transport) \(peer)" + (peerKind.map { " (\($0))" } ?? "") + ", \(mode), \(strength)"
                + (security.map { ", security \($0)" } ?? "") + (roundTripUs.map { ", \($0) µs" } ?? "")
                + (signalDbm.map { ", \($0) dBm" } ?? "") + ", attempt \(attempts)"
        }
    }

    package var server: String
    package var device: String
    package var token: String
    package var verdict: String
    package var reason: String
    package var evidence: Evidence?
    package var decided: String

    init(
        server: Identifier, token: Token?, device: Identifier, verdict: String, reason: String, evidence: String?,
        decided: Int64
    ) {
        self.server = server.description
        self.device = device.description
        self.token = token?.description ?? ""
        (self.verdict, self.reason, self.decided) = (verdict, reason, Timestamp(decided).description)
        self.evidence = evidence.flatMap { try? decoder().decode(Evidence.self, from: Data($0.utf8)) }
    }

    /// Why, as a clause.
    package var cause: String { Reason(rawValue: reason)?.message(of: unmet) ?? reason }

    /// Of *too far*: the bounds that were not met.
    var unmet: [UnmetBound] { reason == Reason.tooFar.rawValue ? evidence?.unmet ?? [] : [] }

    /// For a person: one line.
    public var text: String {
        var line = "\(decided)  \(device)  \(verdict)  \(cause)"
        if let evidence { line += "  [\(evidence.text)]" }
        return line + "  for \(server), token \(token)"
    }
}
