import Observing
import OperatorText
import SRUP
import Testing

@testable import Daemon
@testable import Nearby

@Suite("A request on the control socket")
struct ControlRequestTests {
    private static let server = Identifier(0xc200_0000_0000_0001)
    private static let observer = Identifier(0xbea2)
    private static let address = NearbyAddress.local(path: "/run/observer")

    private static func join(
        _ mode: MembershipOrder.WantedMode, at address: NearbyAddress? = nil, again: Bool = false
    ) -> ControlRequest { .order(.join(mode, at: address, again: again), server) }

    /// Subcommands and beacons of two versions may meet: the lines are written out here.
    static let lines: [(ControlRequest, String)] = [
        (.status, "status"), (.observations(limit: 1), "observations 1"),
        (.observations(limit: 10_000), "observations 10000"), (.metrics, "metrics"),
        (.explain("0x00ff"), "explain 0x00ff"),
        (.reload, "reload"), (.standing(server), "standing c200000000000001"),
        (join(.configured), "join c200000000000001 configured"), (join(.simple), "join c200000000000001 simple"),
        (join(.human, again: true), "join-again c200000000000001 human"),
        (join(.observed(by: observer)), "join c200000000000001 observed bea2"),
        (
            join(.observed(by: observer), at: address),
            "join c200000000000001 observed bea2 local:/run/observer"
        ),
        (.order(.resign, server), "resign c200000000000001"),
        (.order(.deregister, server), "deregister c200000000000001"),
    ]

    @Test("is one line, and read again as what it was", arguments: lines)
    func written(request: ControlRequest, line: String) {
        #expect(request.line == line)
        #expect(ControlRequest(line: line) == request)
    }

    @Test("is read as older subcommands and people write it")
    func lenient() {
        #expect(ControlRequest(line: "observations") == .observations(limit: 100))
        #expect(ControlRequest(line: "observations many") == .observations(limit: 100))
        #expect(ControlRequest(line: "observations 0") == .observations(limit: 1))
        #expect(ControlRequest(line: "observations 99999") == .observations(limit: 10_000))
        #expect(ControlRequest(line: "  status  now") == .status)
        let name = Self.server.topicForm
        #expect(ControlRequest(line: "join \(name)") == Self.join(.configured))
        #expect(ControlRequest(line: "join \(name) somehow") == Self.join(.configured))
        #expect(ControlRequest(line: "join \(name) observed nobody") == Self.join(.observed(by: nil)))
    }

    @Test(
        "is none where its first word is not known, or what it needs is missing",
        arguments: [
            "", " ", "nonsense", "Status", "status\r", "explain", "explain a b", "standing", "standing nobody", "join",
            "join nobody simple", "join-again", "resign", "resign 123456789012345678", "deregister", "obey c2",
        ])
    func refused(line: String) { #expect(ControlRequest(line: line) == nil) }

    @Test("to read the configuration again is answered with one word, or with what is wrong")
    func reload() {
        #expect(ReloadReply.reloaded.rawValue == "reloaded" && ReloadReply(rawValue: "reloaded") == .reloaded)
        #expect(ReloadReply(rawValue: "[beacon] has changed") == .refused("[beacon] has changed"))
        #expect(ReloadReply.refused("[beacon] has changed").rawValue == "[beacon] has changed")
    }

    @Test("has a reply that is told to be another version's where it cannot be read")
    func otherVersion() throws {
        let fault = try #require(throws: OperatorFault.self) { try Inquiry.report(Array(#"{"identity":"bea1"}"#.utf8)) }
        expectGood(fault)
        #expect(fault.message.contains("version"))
    }
}
