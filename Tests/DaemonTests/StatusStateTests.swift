import FoundationEssentials
import Observing
import ProofLink
import Testing

@testable import Daemon

/// Scripts and monitoring compare these words: they are written out, so that a renamed case does not rename them.
@Suite("The states in status")
struct StatusStateTests {
    private func sameBack<State: Codable & Equatable>(_ states: [State], _ words: [String]) throws {
        #expect(states.count == words.count)
        for (state, word) in zip(states, words) {
            #expect(String(decoding: try JSONEncoder().encode([state]), as: UTF8.self) == "[\"\(word)\"]")
            #expect(try decoder().decode([State].self, from: Data("[\"\(word)\"]".utf8)) == [state])
        }
    }

    @Test("have the words that they always had, and are read again as what they were")
    func words() throws {
        try sameBack(
            Membership.State.allCases.map { StatusReport.MembershipState.known($0) } + [.unknown],
            [
                "stranger", "joining", "presenting", "member", "refused", "terminated", "resigning", "resigned",
                "deregistering", "deregistered", "unknown",
            ])
        try sameBack(JoinMode.Kind.allCases, ["simple", "human", "observed"])
        try sameBack(HeldLinkState.allCases, ["connected", "waits", "challenged", "signs"])
        try sameBack(ProofShortcoming.allCases, ["unsigned", "tooFar"])
        try sameBack(StatusReport.BrokerState.allCases, ["connecting", "connected", "lost"])
        try sameBack(StatusReport.JournalCondition.allCases, ["ok", "full", "failing"])
        try sameBack(
            [StatusReport.ListenerState.listening, .closed, .failed("no Bluetooth")],
            ["listening", "closed", "no Bluetooth"])
        try sameBack([RadioReport.Condition.ok, .lacking("no adapter")], ["ok", "no adapter"])
        try sameBack(
            [RadioReport.AdapterState.ready(isAdvertising: true), .ready(isAdvertising: false), .other("blocked")],
            ["ready, advertising", "ready", "blocked"])
        try sameBack(Update.Phase.Name.allCases, ["fetching", "fetched", "activating", "answered"])
        try sameBack(Explanation.Subject.allCases, ["observation", "join"])
        try sameBack(Transport.allCases, ["rfcomm", "l2cap", "le", "local"])
    }

    @Test("a shortcoming is the reason of the verdict that it leads to")
    func shortcomings() {
        #expect(ProofShortcoming.allCases.map { Reason(rawValue: $0.rawValue) } == [.unsigned, .tooFar])
    }
}
