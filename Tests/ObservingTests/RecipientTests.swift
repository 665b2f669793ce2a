import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// The recipient of a message (docs/protocol.md, "Tokens that name their parties"): version 5 does not sign it.
@Suite struct RecipientTests {
    private static func bound(_ byte: UInt8, _ server: Identifier, _ beacon: Identifier) -> Token {
        Token(random: [UInt8](repeating: byte, count: 16), server: server, beacon: beacon)
    }

    private func request(_ sealed: [UInt8] = [UInt8](repeating: 7, count: 16)) -> Body {
        .observationRequest(joining: device, sealed: Octets(sealed))
    }

    // MARK: - Values that our key does not open (A1)

    @Test(
        "another beacon's OBSERVE_REQ, copied to our topic, changes nothing, and the real server is accepted after it")
    func copiedRequest() {
        var harness = Harness()
        harness.ask("open")
        let link = harness.ready()
        let before = Snapshot(harness.observer)
        for sealed in [[], [1], [UInt8](repeating: 9, count: 588)] as [[UInt8]] {
            // With an id near 2^62 it would make the beacon deaf permanently.
            let effects = harness.say(request(sealed), token("copied"), sequence: SequenceID(1 << 62))
            #expect(effects.order == "." && effects.refusals == [.notSealedToUs])
        }
        #expect(Snapshot(harness.observer) == before)
        harness.restart()
        #expect(harness.ask("next", for: otherDevice, value: secret(8)).refusals.isEmpty)
        let again = harness.ready()
        #expect(harness.prove(over: again).verdicts == [.valid])
        _ = link
    }

    @Test("HM_JOIN_RESP and OBS_JOIN_RESP that do not open change nothing, and the right one is accepted after them")
    func copiedJoinResponse() {
        for joinMode in [JoinMode.human, .observed(by: otherDevice)] {
            var harness = Harness(members: [])
            harness.handle(.join(server, token("ours"), joinMode))
            let before = Snapshot(harness.observer)
            func response(_ sealed: [UInt8]) -> Body {
                joinMode == .human
                    ? .humanJoinResponse(sealed: Octets(sealed)) : .observedJoinResponse(sealed: Octets(sealed))
            }
            let copied = harness.say(response([1]), token("copied"), sequence: SequenceID(1 << 62))
            #expect(copied.order == "." && copied.refusals == [.notSealedToUs])
            #expect(Snapshot(harness.observer) == before)
            let good = harness.say(response([UInt8](repeating: 7, count: 16)), token("T2"), sequence: SequenceID(5))
            #expect(good.last == .present(server, joinMode))
        }
    }

    @Test("a sealed value that did not open is not tried again: copies of it cost no private-key operation")
    func triedOnce() {
        final class Counter: @unchecked Sendable { var count = 0 }
        let counter = Counter()
        var harness = Harness()
        harness.observer.unseal = { sealed in
            counter.count += 1
            return unsealer(sealed)
        }
        for _ in 0..<100 { #expect(harness.ask("copied", sealed: [1, 2]).refusals == [.notSealedToUs]) }
        #expect(counter.count == 1)
        // This many others displace it from the bounded memory.
        for number in 0..<256 {
            harness.ask("copied", sealed: [UInt8](repeating: 3, count: 20) + [UInt8(number)])
        }
        harness.ask("copied", sealed: [1, 2])
        #expect(counter.count == 258)
        // Our key has changed: what did not open before may open now.
        harness.observer.unseal = { _ in .success(secret(7)) }
        #expect(harness.ask("copied", sealed: [1, 2]).refusals.isEmpty)
    }

    // MARK: - Tokens that name their parties (A2, A3)

    @Test("a token that names the server and this beacon is answered, and one that names another of either is refused")
    func parties() {
        var harness = Harness()
        #expect(harness.say(request(), Self.bound(1, server, beacon)).refusals.isEmpty)
        let before = Snapshot(harness.observer)
        for (signer, named, asked) in [
            (otherServer, server, beacon), (server, otherServer, beacon), (server, server, device),
            (otherServer, server, device),
        ] {
            let effects = harness.say(
                request([UInt8](repeating: 8, count: 16)), Self.bound(1, named, asked), by: signer)
            #expect(effects.order == "." && effects.refusals == [.notForUs], "\(signer) \(named) \(asked)")
        }
        #expect(Snapshot(harness.observer) == before)
    }

    @Test("every kind of message under a token that names other parties is refused", arguments: MessageTableTests.table)
    func everyType(row: String, body: Body) {
        if case .response = body { return }  // under our own token
        for token in [Self.bound(1, otherServer, beacon), Self.bound(1, server, device)] {
            var harness = Harness()
            harness.observer.terms[server] = terms { $0.isAddressedToUs = false }
            let effects = harness.say(body, token)
            #expect(effects.order == "." && effects.refusals == [.notForUs], "\(body.type)")
        }
    }

    @Test("a command's token may name the server and this beacon, instead of this beacon alone")
    func boundCommand() {
        var harness = Harness()
        #expect(harness.say(.action(99), Self.bound(1, server, beacon)).responses == [.actionUnknown])
        #expect(harness.say(.action(99), Self.bound(1, server, device)).refusals == [.notForUs])
    }

    @Test("with recipient = broker a DEREGISTER_CMD whose token names another device is refused (A3)")
    func foreignDeregistration() {
        var harness = Harness()
        harness.observer.terms[server] = terms { $0.isAddressedToUs = false }
        let before = Snapshot(harness.observer)
        for foreign in [addressed(1, to: device), Self.bound(1, server, device), Self.bound(1, otherServer, beacon)] {
            #expect(harness.say(.deregisterCommand, foreign).refusals == [.notForUs])
        }
        #expect(Snapshot(harness.observer) == before)
        #expect(harness.say(.deregisterCommand, token("plain")).contains(.destroy(server)))
    }

    // MARK: - Plain tokens (A2)

    @Test(
        "a second server that uses the token of the first's open observation is refused, and the first gets its verdict"
    )
    func forged() {
        var harness = Harness()
        harness.ask("shared")
        let before = Snapshot(harness.observer)
        // About its own device, which will prove itself; and with garbage, which would be answered *fail* at once.
        for sealed in [[UInt8](repeating: 9, count: 16), [1, 2, 3]] {
            let body = Body.observationRequest(joining: otherDevice, sealed: Octets(sealed))
            let effects = harness.say(body, token("shared"), by: otherServer)
            #expect(effects.order == "." && effects.refusals == [.tokenOfAnother(server)])
        }
        #expect(Snapshot(harness.observer) == before)
        let link = harness.ready(otherDevice)
        #expect(harness.prove(secret(9), over: link, as: otherDevice).verdicts.isEmpty)
        #expect(harness.advance(.seconds(120)).verdicts == [.failed])
        #expect(harness.journal.answered.keys.map(\.server) == [server])
    }

    @Test("the token stays the first server's after the verdict, also after a restart", arguments: [true, false])
    func afterTheVerdict(sameBoot: Bool) {
        var harness = Harness()
        harness.ask("shared")
        harness.advance(.seconds(120))
        #expect(harness.ask("shared", by: otherServer).refusals == [.tokenOfAnother(server)])
        harness.restart(sameBoot: sameBoot)
        #expect(harness.ask("shared", by: otherServer).refusals == [.tokenOfAnother(server)])
        #expect(harness.ask("shared").responses == [.observedJoinFail])
    }

    @Test("at the moment of the deadline, before the journal has it, the token is still the first server's")
    func atTheDeadline() {
        var harness = Harness()
        harness.ask("shared")
        harness.now = harness.now + .seconds(120)
        #expect(harness.ask("shared", by: otherServer).refusals == [.tokenOfAnother(server)])
    }

    @Test("the tokens of our own requests, of an update and of an ACTIVATE belong to their servers")
    func otherExchanges() {
        var harness = Harness(members: [otherServer])
        harness.handle(.join(server, token("joining")))
        #expect(harness.ask("joining", by: otherServer).refusals == [.tokenOfAnother(server)])

        // An order that has been answered, and of which nothing more is known.
        harness = Harness()
        harness.say(.action(99), token("order"))
        harness.observer.terms[server] = terms { $0.isAddressedToUs = false }
        harness.say(.action(99), token("order"))
        #expect(harness.ask("order", by: otherServer).refusals == [.tokenOfAnother(server)])

        harness = Harness()
        let order = Body.initiate(
            url: Octets(terminated: "https://x"), digest: Octets(terminated: String(repeating: "ab", count: 32)))
        harness.say(order, talk)
        #expect(harness.say(.action(99), talk, by: otherServer).refusals == [.tokenOfAnother(server)])
        harness.handle(.fetched(RequestID(server: server, token: talk), .verified(version: "2")))
        harness.say(.activate, talk)
        harness.handle(.activated(RequestID(server: server, token: talk), done: true))
        #expect(harness.say(.action(99), talk, by: otherServer).refusals == [.tokenOfAnother(server)])
        #expect(harness.say(.action(99), talk).responses == [.actionUnknown])
    }

    // MARK: - Length (A12)

    @Test("a token of 255 bytes is kept, and a longer one is refused")
    func length() {
        for body in [request(), .action(99), .identityRequest] {
            var harness = Harness()
            harness.observer.terms[server] = terms { $0.isAddressedToUs = false }
            let before = Snapshot(harness.observer)
            for count in [256, 1_000, 65_535] {
                let effects = harness.say(body, token(String(repeating: "x", count: count)))
                #expect(effects.order == "." && effects.refusals == [.tokenTooLong(count)])
            }
            #expect(Snapshot(harness.observer) == before)
            #expect(harness.say(body, token(String(repeating: "x", count: 255))).refusals.isEmpty)
        }
    }
}
