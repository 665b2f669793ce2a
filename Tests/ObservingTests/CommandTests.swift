import ProofLink
import SRUP
import Testing

@testable import Observing

/// The paper's §3.5 and §3.6: a server's commands and queries.
@Suite struct CommandTests {
    @Test(
        "a command whose token does not name this beacon is refused, and does not move the sequence",
        arguments: MessageTableTests.table)
    func commandsOfOthers(row: String, body: Body) {
        guard Received(body).isCommand else { return }
        var harness = Harness()
        let before = Snapshot(harness.observer)
        for foreign in [
            addressed(1, to: device), token("00000000-0000-4000-8000-000000000000"), token("@beac"), token("beac"),
        ] {
            #expect(harness.say(body, foreign).refusals == [.notForUs], "\(body.type) under \(foreign)")
        }
        #expect(Snapshot(harness.observer) == before)
        #expect(harness.say(body, addressed(1)).refusals.isEmpty)
    }

    @Test("with recipient = broker a command need not name this beacon")
    func trustedBroker() {
        var harness = Harness()
        harness.observer.terms[server] = terms { $0.isAddressedToUs = false }
        #expect(harness.say(.action(99), token("00000000-0000-4000-8000-000000000000")).responses == [.actionUnknown])
        #expect(harness.say(.action(99), token("other"), by: otherServer).refusals == [.notForUs])
    }

    @Test("a token names a device by its topic form behind the UUID, exactly")
    func names() {
        let named = Token(random: [UInt8](repeating: 9, count: 16), for: Identifier(0xBEAC))
        #expect(named.names(Identifier(0xBEAC)) && named.bytes.count == 41)
        for other in [0xBEA, 0xBEAC0, 0xEAC, 0] as [UInt64] { #expect(!named.names(Identifier(other))) }
        #expect(!token("x@beac").names(Identifier(0xBEAC)))
        #expect(Token(named.bytes + [0])?.names(Identifier(0xBEAC)) == false)
    }

    // MARK: - ACTION

    @Test(
        "while a server is paused its new requests are answered fail; open ones and other servers' continue, also after a restart"
    )
    func pausing() {
        var harness = Harness()
        harness.ask("open")
        let pause = harness.say(.action(Action.pause.rawValue))
        #expect(pause.order == "rrs." && pause.responses == [.actionSuccess])
        #expect(harness.observer.isPaused(by: server))
        #expect(harness.ask("new", for: otherDevice).reasons == [.paused])
        #expect(harness.ask("theirs", for: otherDevice, by: otherServer).reasons.isEmpty)
        harness.restart()
        #expect(harness.ask("later", for: otherDevice).responses == [.observedJoinFail])
        let link = harness.ready()
        #expect(harness.prove(over: link).verdicts == [.valid])
        #expect(harness.say(.action(Action.resume.rawValue)).responses == [.actionSuccess])
        #expect(harness.ask("again", for: device).reasons.isEmpty)
    }

    @Test(
        "an action of the shell is answered when it has been done or has failed",
        arguments: [Action.identify, .restartRadio])
    func done(action: Action) {
        for success in [true, false] {
            var harness = Harness()
            let effects = harness.say(.action(action.rawValue), addressed(5))
            #expect(
                effects == [
                    .record(.accepted(server, SequenceID(2))),
                    .act(action, RequestID(server: server, token: addressed(5))),
                ])
            let answer = harness.handle(.acted(RequestID(server: server, token: addressed(5)), done: success))
            #expect(answer.responses == [success ? .actionSuccess : .actionFail])
            #expect(answer.sent.map(\.token) == [addressed(5)])
        }
    }

    // MARK: - DATA and ID_REQUEST

    @Test("IDENTIFY_SECONDS accepts a little-endian number from 1 to 3600 silently; anything else is answered 3F")
    func identifySeconds() {
        var harness = Harness()
        let id = Octets("IDENTIFY_SECONDS".utf8)
        #expect(harness.say(.data(id: id, data: Octets([0x10, 0x0E, 0, 0]))).sent.isEmpty)
        #expect(harness.observer.identifySeconds == 3_600)
        for bad in [[], [1], [0, 0, 0, 0], [0x11, 0x0E, 0, 0], [1, 0, 0, 1], [1, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(harness.say(.data(id: id, data: Octets(bad))).responses == [.dataTypeUnknown], "\(bad)")
        }
        #expect(harness.observer.identifySeconds == 3_600)
    }

    @Test("ID_REQUEST of a server that works like the reference is answered under the id that it knows")
    func referenceIdentity() {
        var harness = Harness()
        harness.observer.terms[server] = terms { $0.isAddressedToUs = false }
        harness.observer.identify = { _ in "{}" }
        #expect(
            harness.say(.identityRequest, addressed(6)).sent.map(\.body) == [
                .data(id: Octets("IDENTIFICATION_RESPONSE".utf8), data: Octets("{}".utf8))
            ])
    }

    @Test("ID_REQUEST is answered with the beacon's identification, under its token")
    func identity() {
        var harness = Harness()
        harness.observer.identify = { _ in #"{"product":"srup-beacon"}"# }
        let sent = harness.say(.identityRequest, addressed(6)).sent
        #expect(sent.map(\.token) == [addressed(6)])
        #expect(
            sent.map(\.body) == [
                .data(id: Octets("IDENTIFICATION".utf8), data: Octets(#"{"product":"srup-beacon"}"#.utf8))
            ])
    }
}

/// The defaults, with something changed.
func terms(_ change: (inout ServerPermissions) -> Void) -> ServerPermissions {
    var terms = ServerPermissions()
    change(&terms)
    return terms
}
