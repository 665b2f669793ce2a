import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// A refused message changes nothing, and an accepted one is recorded before its effects.
@Suite struct RefusalTests {
    /// Sends a message, and checks that its only effect is one report.
    private func refused(
        _ harness: inout Harness, _ body: Body = .action(1), by sender: Identifier = server,
        under sequence: UInt64? = nil,
        at location: SourceLocation = #_sourceLocation
    ) -> Refusal? {
        let before = Snapshot(harness.observer)
        let effects = harness.say(body, by: sender, sequence: sequence.map { SequenceID($0) })
        #expect(effects.order == ".", sourceLocation: location)
        #expect(Snapshot(harness.observer) == before, "a refused message changed something", sourceLocation: location)
        guard case .report(.refused(let refusal, sender, body.type))? = effects.first else { return nil }
        return refusal
    }

    @Test("a sender that is not a server of the configuration is refused")
    func notOurServer() {
        var harness = Harness()
        #expect(refused(&harness, by: Identifier(0xBAD)) == .notOurServer)
        #expect(refused(&harness, by: beacon) == .notOurServer)
    }

    @Test("a sequence id that is not above the last accepted from this sender is refused")
    func replayed() {
        var harness = Harness()
        harness.say(.action(1), sequence: SequenceID(1000))
        for sequence in [1000, 999, 1, 0] as [UInt64] {
            #expect(refused(&harness, under: sequence) == .replayed(SequenceID(sequence), last: SequenceID(1000)))
        }
        #expect(harness.say(.action(1), sequence: SequenceID(1001)).refusals.isEmpty)
    }

    @Test("an id is accepted if it is above the last one accepted from that sender, whatever we have sent meanwhile")
    func ourOwnIdsDoNotCount() {
        var harness = Harness()
        harness.say(.action(1), sequence: SequenceID(10))
        #expect(harness.observer.servers[server]?.lastSent == SequenceID(10 + Observer.sequenceStep))
        #expect(harness.say(.action(1), sequence: SequenceID(11)).refusals.isEmpty)
    }

    @Test("each sender has its own sequence")
    func sequencesAreKeptApart() {
        var harness = Harness()
        harness.say(.action(1), by: server, sequence: SequenceID(1000))
        #expect(harness.say(.action(1), by: otherServer, sequence: SequenceID(2)).refusals.isEmpty)
    }

    @Test("a sequence id so high that it leaves no room is refused, and does not silence its sender")
    func tooHigh() {
        var harness = Harness()
        let highest = UInt64.max - 1 << 32
        for sequence in [UInt64.max, highest + 1] {
            #expect(refused(&harness, under: sequence) == .sequenceTooHigh(SequenceID(sequence)))
        }
        #expect(harness.say(.action(1), sequence: SequenceID(5)).refusals.isEmpty)
        #expect(harness.say(.action(1), sequence: SequenceID(highest)).responses == [.actionSuccess])
        #expect(harness.journal.lastSent[server] == SequenceID(highest + Observer.sequenceStep))
    }

    @Test("a type that is not allowed now, or not supported, does not move the sequence")
    func typeRefused() {
        var harness = Harness(members: [server])
        #expect(refused(&harness, .joinRequest, under: 500) == .notServed)
        #expect(refused(&harness, .response(.joinSuccess), under: 500) == .notServed)
        #expect(harness.say(.action(1), sequence: SequenceID(500)).refusals.isEmpty)
        harness.say(.terminateCommand, sequence: SequenceID(501))
        #expect(refused(&harness, .action(1), under: 502) == .notNow(.terminated))
    }

    @Test("a replay is refused as a replay, even if its type would be refused")
    func checksInOrder() {
        var harness = Harness(members: [server])
        harness.say(.terminateCommand, sequence: SequenceID(50))
        #expect(refused(&harness, .action(1), under: 50) == .replayed(SequenceID(50), last: SequenceID(50)))
        #expect(refused(&harness, .action(1), under: .max) == .sequenceTooHigh(SequenceID(.max)))
    }

    @Test("if the last sequence id is unknown, a member's message is refused")
    func sequenceNotKnown() {
        var harness = Harness()
        harness.journal.accepted[server] = nil
        harness.restart()
        for body in [Body.action(1), .terminateCommand, .observationRequest(joining: device, sealed: Octets([]))] {
            #expect(refused(&harness, body, under: 100) == .notNow(.member))
        }
    }

    @Test("a refused observation request does not change open observations and links")
    func nothingIsTouched() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        let request = Body.observationRequest(joining: device, sealed: Octets(secret(8).withBytes(Array.init)))
        #expect(refused(&harness, request, under: 1) == .replayed(SequenceID(1), last: SequenceID(2)))
        #expect(refused(&harness, request, by: Identifier(0xBAD)) == .notOurServer)
        #expect(harness.prove(over: link).verdicts == [.valid])
    }

    @Test("an accepted message's sequence id is the first thing that is recorded")
    func acceptedFirst() {
        var harness = Harness()
        for body in [
            Body.observationRequest(joining: device, sealed: Octets(secret(7).withBytes(Array.init))),
            .observationRequest(joining: otherDevice, sealed: Octets([1, 2, 3])), .action(3),
            .data(id: Octets([1]), data: Octets([2])), .terminateCommand,
        ] {
            let sequence = SequenceID((harness.journal.accepted[server]?.number ?? 0) + 100)
            let effects = harness.say(body, addressed(body.type.rawValue), sequence: sequence)
            #expect(effects.first == .record(.accepted(server, sequence)))
            #expect(harness.observer.servers[server]?.lastAccepted == sequence)
        }
    }

    @Test("ACTION and DATA are answered unknown under their own token")
    func unknownActionsAndData() {
        var harness = Harness(Policy { $0.commandRate.burst = 1_000 })
        for code in (UInt8.min...UInt8.max) where Action(rawValue: code) == nil {
            let action = harness.say(.action(code), addressed(1))
            #expect(action.responses == [.actionUnknown] && action.sent.map(\.token) == [addressed(1)])
        }
        for id in ["", "IDENTIFY_SECOND", "IDENTIFY_SECONDS ", "identify_seconds", "IDENTIFICATION"] {
            let data = harness.say(.data(id: Octets(id.utf8), data: Octets([1, 0, 0, 0])), addressed(2))
            #expect(data.responses == [.dataTypeUnknown] && data.sent.map(\.token) == [addressed(2)])
        }
    }

    @Test("each reason has its own name for its counter")
    func names() {
        let all: [Refusal] = [
            .notOurServer, .replayed(SequenceID(1), last: SequenceID(1)), .sequenceTooHigh(SequenceID(1)),
            .notNow(.stranger), .notServed, .notForUs, .notAllowed, .notSealedToUs, .notAValue, .tokenOfAnother(server),
            .tokenTooLong(256), .tooFast,
        ]
        #expect(Set(all.map(\.name)).count == all.count)
    }
}

/// A token of its own that names the beacon.
func addressed(_ byte: UInt8, to device: Identifier = beacon) -> Token {
    Token(random: [UInt8](repeating: byte, count: 16), for: device)
}
