import Broker
import OperatorText

/// The session at one broker of several, in `status`.
public struct BrokerSessionReport: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package var address: String
    /// Since when the broker is known to keep what is published for this beacon; nil: it is not known to.
    package var since: String?
    /// When the beacon was last there.
    package var lastVisit: String?
    /// Why the last visit failed; nil: it did not.
    package var fault: String?
    package var hint: String?
    /// true: the brokers share the session, and none is visited: so it is configured, or so it seems.
    package var shared: Bool?
    /// Where it seems so: when they are visited again.
    package var visitsAgain: String?

    /// For a person: a line, and two more if the last visit failed.
    package var text: String {
        let kept =
            switch (shared, since) {
            case (true, _) where visitsAgain != nil:
                "seems to share the session of the other brokers: two visits ended the connection; none until \(visitsAgain ?? "")"
            case (true, _): "shares the session of the other brokers, as configured"
            case (_, let since?): "keeps this beacon's session since \(since), last visit \(lastVisit ?? "unknown")"
            case (_, nil): "has no session of this beacon yet"
            }
        return "  \(address) \(kept)" + (fault.map { "\n    \($0)\n    hint: \(hint ?? "")" } ?? "")
    }
}

extension BrokerVisits {
    /// What `status` tells of each broker; nil where there is only one.
    var report: [BrokerSessionReport]? {
        guard brokers.count > 1 else { return nil }
        return brokers.map { broker in
            let standing = standings[broker] ?? Standing()
            return BrokerSessionReport(
                address: broker.description, since: standing.since.map { Timestamp($0).description },
                lastVisit: standing.last.map { Timestamp($0).description }, fault: standing.fault?.message,
                hint: standing.fault?.hint(for: .beacon), shared: areShared ? true : nil,
                visitsAgain: resumptionSeconds.map { Timestamp($0).description })
        }
    }

    /// Whether each broker keeps what is published for this beacon, as far as is known.
    var held: [(broker: BrokerAddress, isHeld: Bool)] {
        brokers.map { broker in
            let standing = standings[broker] ?? Standing()
            return (broker, areShared ? !standings.isEmpty : standing.since != nil && standing.fault == nil)
        }
    }
}
