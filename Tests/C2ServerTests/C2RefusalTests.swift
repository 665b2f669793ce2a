import SRUP
import Testing
import TestVectors

@testable import Bench
@testable import C2Server

@Suite("What the server refuses")
struct C2RefusalTests {
    /// Nothing is sent or decided, one refusal is counted, and the join is still open.
    /// - Parameter words: the one line that is logged.
    private func expectRefused(
        _ frame: [UInt8], as reason: C2.Refusal, _ server: inout ServerFixture, saying words: String? = nil
    ) {
        let (before, open) = (server.c2.refusals[reason, default: 0], server.c2.open.mapValues(\.deadline))
        let effects = server.hears(frame)
        #expect(effects.sent.isEmpty && effects.decisions.isEmpty)
        #expect(effects.refusal != nil)
        if let words {
            let said = effects.compactMap { if case .say(let line) = $0 { line } else { nil } }
            #expect(said.count == 1 && said.first?.hasSuffix(words) == true, "\(said)")
        }
        #expect(server.c2.refusals[reason] == before + 1)
        #expect(server.c2.open.mapValues(\.deadline) == open)
    }

    @Test("A joining device cannot approve itself, not even under the right token")
    func selfApproval() {
        var server = ServerFixture()
        server.withOpenJoin()
        expectRefused(
            Roles.device.says(.response(.observedJoinValid), 5, "new-2"), as: .verdict, &server,
            saying: "refused RESPONSE of \(Roles.device.id): observed join valid from a node that was not asked")
        expectRefused(Roles.device.says(.response(.observedJoinValid), 6, "new-1"), as: .verdict, &server)
    }

    @Test("A verdict from another member counts for nothing")
    func otherSender() {
        var server = ServerFixture { $0.observers = [Roles.device.id] }
        server.hears(Roles.device.says(.joinRequest, 1, "T0"))
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        // Here it is the beacon that joins, and the device that observes.
        server.hears(Roles.beacon.says(.observedJoinRequest(observer: Roles.device.id), 3, "T1"))
        expectRefused(Roles.beacon.says(.response(.observedJoinValid), 9, "new-2"), as: .verdict, &server)
    }

    @Test(
        "The observer's verdict under a token that it was not asked with counts for nothing",
        arguments: ["T1", "new-1", "x"])
    func foreignToken(token: String) {
        var server = ServerFixture()
        server.withOpenJoin()
        expectRefused(
            Roles.beacon.says(.response(.observedJoinValid), 4, token), as: .verdict, &server,
            saying:
                "refused RESPONSE of \(Roles.beacon.id): observed join valid under a token that no open observation has"
        )
        let verdict = server.hears(Roles.beacon.says(.response(.observedJoinValid), 14, "new-2"))
        #expect(verdict.decisions == [.accepted], "the right one is accepted after it")
    }

    @Test("A status that is not a verdict leaves the join open", arguments: [Status.joinSuccess, .updateSuccess])
    func noVerdict(status: Status) {
        var server = ServerFixture()
        server.withOpenJoin()
        expectRefused(Roles.beacon.says(.response(status), 4, "new-2"), as: .verdict, &server)
    }

    @Test("One observation has one verdict")
    func secondVerdict() {
        var server = ServerFixture()
        server.withOpenJoin()
        server.hears(Roles.beacon.says(.response(.observedJoinInvalid), 4, "new-2"))
        expectRefused(Roles.beacon.says(.response(.observedJoinValid), 5, "new-2"), as: .verdict, &server)
    }

    @Test("A verdict counts under the whole token that names this server and the observer, and under no other")
    func partiesOfToken() throws {
        var server = ServerFixture()
        server.c2 = C2(
            own: Roles.c2.id, policy: server.c2.policy,
            dependencies: C2.Dependencies(
                token: { Roles.token("T2") }, commandToken: { _ in Roles.token("C") },
                observationToken: { Token(random: [UInt8](repeating: 7, count: 16), server: Roles.c2.id, beacon: $0) },
                value: { .random() }, seal: { _, _ in Octets([1]) }))
        server.withOpenJoin()
        let token = Token(random: [UInt8](repeating: 7, count: 16), server: Roles.c2.id, beacon: Roles.beacon.id)
        #expect(server.c2.isOpen(token) && token.description.hasSuffix("@\(Roles.c2.id)@\(Roles.beacon.id)"))
        let text = token.description
        let verdict = Body.response(.observedJoinValid)
        // Meant for another server: neither the sequence id nor the count of refusals changes.
        let others = text.replacing("@\(Roles.c2.id)@", with: "@\(Roles.stranger.id)@")
        #expect(server.hears(Roles.beacon.says(verdict, 500, others)).isEmpty)
        #expect(server.c2.refusals.isEmpty && server.c2.counter[Roles.beacon.id] == SequenceID(3))
        for wrong in [String(text.dropLast(34)), text.uppercased(), text + "0", "8" + text.dropFirst()] {
            expectRefused(Roles.beacon.says(verdict, 501, wrong), as: .verdict, &server)
        }
        #expect(server.hears(Roles.beacon.says(verdict, 502, text)).decisions == [.accepted])
    }

    @Test("A replayed request is refused by its number")
    func replay() {
        var server = ServerFixture()
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        let request = Roles.device.says(.observedJoinRequest(observer: Roles.beacon.id), 1, "T1")
        server.hears(request)
        expectRefused(request, as: .sequence, &server)
    }

    @Test("A stranger is refused")
    func stranger() {
        var server = ServerFixture()
        expectRefused(Roles.stranger.says(.joinRequest, 1, "T0"), as: .sender, &server)
    }

    @Test("A forged message does not change the sequence counter")
    func forgery() {
        var server = ServerFixture()
        server.withOpenJoin()
        var frame = Roles.beacon.says(.response(.observedJoinValid), .max, "new-2")
        frame[frame.count - 1] ^= 0x0E
        expectRefused(frame, as: .signature, &server)
        #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 4, "new-2")).decisions == [.accepted])
    }

    @Test("Anything that is not a frame is refused", arguments: [[], [5], [UInt8](repeating: 5, count: 400)])
    func shapeless(payload: [UInt8]) {
        var server = ServerFixture()
        expectRefused(payload, as: .frame, &server)
    }

    @Test("Our own messages on the shared topic are dropped silently")
    func own() {
        var server = ServerFixture()
        #expect(server.hears(Roles.c2.says(.response(.joinSuccess), 1, "T0")).isEmpty)
        #expect(server.c2.refusals.isEmpty)
    }

    @Test("Messages that this server does not support are refused")
    func unserved() {
        var server = ServerFixture()
        expectRefused(Roles.beacon.says(.action(1), 1, "T0"), as: .unserved, &server)
        let data = Body.data(id: Octets("SENSOR".utf8), data: Octets([]))
        expectRefused(Roles.device.says(data, 1, "T0"), as: .unserved, &server)
        let evidence = Body.data(id: DataID.observationEvidence.octets, data: Octets([]))
        expectRefused(Roles.device.says(evidence, 2, "T0"), as: .verdict, &server)
    }

    @Test("The attack: a copied message with an id near the greatest is refused, and its sender is heard as before")
    func jump() {
        var server = ServerFixture()
        server.withOpenJoin()
        expectRefused(Roles.beacon.says(.joinRequest, 1 << 62, "T0"), as: .sequence, &server)
        expectRefused(Roles.beacon.says(.joinRequest, (1 << 32) + 4, "T0"), as: .sequence, &server)
        let verdict = Roles.beacon.says(.response(.observedJoinValid), (1 << 32) + 3, "new-2")
        #expect(server.hears(verdict).decisions == [.accepted])
    }

    @Test(
        "The first id of a node has no limit, even if something was sent to it; later ones have, after a restart too")
    func firstContact() {
        var server = ServerFixture()
        _ = server.c2.obey(.join(Roles.beacon.id))
        #expect(server.hears(Roles.beacon.says(.joinRequest, 1 << 50, "T0")).sent.count == 1)
        var next = ServerFixture()
        next.c2 = C2(
            own: Roles.c2.id, policy: server.c2.policy, dependencies: next.c2.dependencies, memory: server.c2.memory)
        expectRefused(Roles.beacon.says(.joinRequest, 1 << 51, "T0"), as: .sequence, &next)
    }

    // MARK: - The counter, as in the reference

    @Test("Crossing messages whose ids differ by one are both refused, as by the reference")
    func crossing() {
        var server = ServerFixture()
        server.withOpenJoin()
        // Our OBSERVE_REQ had sequence id 3, and so has what the beacon sent meanwhile.
        expectRefused(Roles.beacon.says(.response(.observedJoinValid), 3, "new-2"), as: .sequence, &server)
        var counter = ReferenceCounter([Roles.beacon.id: 2], heard: [Roles.beacon.id])
        let next = counter.next(to: Roles.beacon.id)
        #expect(next == SequenceID(3))
        let accepted = counter.accept(SequenceID(3), from: Roles.beacon.id)
        #expect(!accepted)
    }

    @Test("With steps of 16, crossing messages are accepted, and our ids continue above them")
    func sixteen() {
        var server = ServerFixture()
        server.withOpenJoin()
        #expect(server.hears(Roles.beacon.says(.response(.observedJoinValid), 17, "new-2")).decisions == [.accepted])
        #expect(server.c2.counter[Roles.beacon.id] == SequenceID(17))
    }

    @Test("A peer that uses up its sequence ids locks out only itself")
    func exhausted() {
        var server = ServerFixture()
        let effects = server.hears(Roles.device.says(.joinRequest, .max, "T0"))
        #expect(effects.sent == ["RESPONSE join success #0 T0 to device"])
        #expect(server.hears(Roles.beacon.says(.joinRequest, 1, "T0")).sent.count == 1)
    }
}
