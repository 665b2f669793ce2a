import FoundationEssentials
import Observing
import SRUP
import Testing

@testable import Daemon

@Suite("The explanation")
struct ExplainingTests {
    private func explain(
        _ subject: String, _ signs: [Identifier: ServerSigns] = [:], _ body: (Journal) throws -> Void
    ) throws -> [Explanation] {
        try JournalFolder.with { folder in
            try folder.run { journal in
                try body(journal)
                try journal.commit()
                let found = try journal.explain(subject, signs)
                return found
            }
        }
    }

    private var token: String { Sample.token.description }

    @Test("of an open observation says when it was requested, which false proofs came, and what to do")
    func open() throws {
        let found = try explain(token) {
            try $0.record(
                .accepted(server, SequenceID(1)), try Sample.opened(), .mismatches(Sample.exchange, 2), at: 1_000)
        }
        #expect(found.count == 1)
        #expect(
            found[0].steps == [
                .init(at: "1970-01-01T00:16:40Z", what: "the server asked"), .init(at: nil, what: "2 false proofs"),
            ])
        #expect(found[0].cause.contains("open") && found[0].device == device.description)
    }

    @Test(
        "of an answer covers the request, false proofs, the verdict and the broker, with cause and next step")
    func answered() throws {
        func record(_ journal: Journal) throws {
            try journal.record(
                .accepted(server, SequenceID(1)), try Sample.opened(), .mismatches(Sample.exchange, 1), at: 1_000)
            try journal.record(Sample.answered(), at: 1_060)
            try journal.queue(Sample.response(16))
        }
        let waiting = try explain(token) { try record($0) }
        #expect(waiting.first?.steps.last == .init(at: nil, what: "the answer waits for the broker"))
        #expect(waiting.first?.next.contains("broker") == true)

        let found = try explain(device.description) { journal in
            try record(journal)
            let told = try journal.delivered([1], at: 1_061)
            #expect(told.map(\.exchange) == [Sample.exchange] && told.map(\.device) == [device])
        }
        #expect(found.map(\.token) == [token])
        let steps = found[0].steps
        #expect(steps.map(\.at) == ["1970-01-01T00:16:40Z", nil, "1970-01-01T00:17:40Z", "1970-01-01T00:17:41Z"])
        #expect(
            steps[1].what == "1 false proof" && steps[3].what.hasPrefix("the broker had the answer; it cannot be known")
        )
        #expect(steps[2].what.hasPrefix("answered valid  [local process 1 of user 2, challenge, challenged"))
        #expect(found[0].cause == Reason.matched.message && found[0].next == "nothing")
    }

    @Test(
        "of an answer has verdict, reason and evidence for programs; without evidence only the reason",
        arguments: [Reason.unsigned, .tooFar, .matched])
    func machines(reason: Reason) throws {
        var evidence = Sample.evidence
        (evidence.mode, evidence.grade, evidence.isTimed) = (.keyed, .keyed, true)
        let isValid = reason == .matched
        let found = try explain(token) {
            try $0.record(.accepted(server, SequenceID(1)), try Sample.opened(), at: 1_000)
            try $0.record(
                .answered(
                    Sample.exchange, device: device, isValid ? .valid : .failed, reason, isValid ? evidence : nil),
                at: 1_060)
        }
        let one = try #require(found.first)
        #expect(one.verdict == (isValid ? "valid" : "failed") && one.reason == reason.rawValue)
        #expect(one.cause == reason.message && one.next == reason.nextStep)
        #expect(one.evidence?.grade == (isValid ? "keyed" : nil) && one.evidence?.timed == (isValid ? true : nil))
        #expect(one.evidence?.mode == (isValid ? "keyed" : nil))
        let json = String(decoding: try encoder().encode(one), as: UTF8.self)
        #expect(json.contains("\"reason\" : \"\(reason.rawValue)\""))
    }

    @Test("of a device has its newest five observations; a response without a verdict acknowledges none")
    func newest() throws {
        let found = try explain(device.description) { journal in
            try journal.record(.accepted(server, SequenceID(1)))
            for number: UInt8 in 1...7 {
                let exchange = Sample.exchange(number)
                try journal.record(.answered(exchange, device: device, .failed, .silence, nil), at: Int64(number))
                let body = Body.response(number == 7 ? .actionSuccess : .observedJoinFail)
                let sequence = SequenceID(UInt64(number) * 16)
                let id = try journal.queue(Message(sequence: sequence, sender: us, token: exchange.token, body: body))
                try #expect(journal.delivered([id], at: 100).map(\.exchange) == (number == 7 ? [] : [exchange]))
            }
        }
        #expect(found.map(\.token) == (3...7).reversed().map { Sample.exchange($0).token.description })
        #expect(found.map { $0.steps.count } == [2, 3, 3, 3, 3], "what is not recorded is not shown")
        #expect(found.allSatisfy { $0.steps.first?.at != nil })
    }

    @Test(
        "of a join gives the membership state, since when, and what to do",
        arguments: [
            (Membership.refused, "said no"), (.member, "said yes"), (.joining(Sample.token), "no answer"),
            (.presenting(Sample.token, .human), "person"), (.terminated, "let this beacon go"),
        ])
    func join(membership: Membership, word: String) throws {
        let found = try explain(server.description) { try $0.record(.membership(server, membership), at: 2_000) }
        #expect(found.count == 1 && found[0].of == .join && found[0].device == nil)
        #expect(found[0].cause.contains(word))
        #expect(found[0].steps.first?.at == "1970-01-01T00:33:20Z")
        #expect(found[0].steps.first?.what.hasPrefix(membership.name) == true)
        guard membership.token != nil else { return }
        try #expect(explain(token) { try $0.record(.membership(server, membership)) }.map(\.of) == [.join])
    }

    private func refused(_ sequence: UInt64, last: UInt64) -> Report {
        .refused(.replayed(SequenceID(sequence), last: SequenceID(last)), sender: server, type: .action)
    }

    private func join(_ membership: Membership, _ reports: [Report]) throws -> Explanation {
        var signs = ServerSigns()
        for report in reports { signs.note(report) }
        return try #require(
            try explain(server.description, [server: signs]) { try $0.record(.membership(server, membership)) }.first)
    }

    @Test("of a member whose server acts as if it did not know it names the signs, and the command that asks again")
    func lostState() throws {
        let order = "srup-beacon join \(server.topicForm) --again"
        #expect(try join(.member, []).next == "nothing; if the server does not know this beacon, run: \(order)")
        for (reports, sign) in [
            ([refused(1, last: 33)], "refused 1 message of the server as replayed: sequence id 1 is not above 33"),
            (
                [refused(1, last: 33), refused(2, last: 33)],
                "refused 2 messages of the server as replayed: sequence id 2"
            ),
            ([.declined(server, .resignFail)], "did not let this beacon leave: resign fail"),
        ] {
            let explanation = try join(.member, reports)
            #expect(explanation.steps.last?.what.contains(sign) == true, "\(explanation.text)")
            #expect(explanation.cause.contains("may not know it") && explanation.next.hasSuffix(order))
        }
    }

    @Test("of a join whose answers are refused as replayed gives the sequence id above which the server must continue")
    func lowSequenceIDs() throws {
        let explanation = try join(.joining(Sample.token), [refused(2, last: 33)])
        #expect(explanation.next.contains("continue above sequence id 33"), "\(explanation.text)")
        #expect(try join(.joining(Sample.token), []).cause.contains("no answer"))
    }

    @Test("of a request does not say that the server has not answered if an answer of it was refused")
    func refusedAnswer() throws {
        let other = Membership.resigning(Token(random: Array(1..<17)))
        for membership in [Membership.joining(Sample.token), .resigning(Sample.token), .deregistering(Sample.token)] {
            let answer = Report.refused(.notNow(membership), sender: server, type: .response)
            let asked = Report.membership(server, membership)
            let explanation = try join(membership, [asked, answer, asked, answer])
            #expect(explanation.cause.contains("has answered") && explanation.cause.contains("refused 2 answers"))
            #expect(!explanation.text.contains("not answered"), "\(explanation.text)")
            let action = Report.refused(.notNow(membership), sender: server, type: .action)
            #expect(try join(membership, [asked, action]).cause.contains("no answer"))
            #expect(
                try join(membership, [asked, answer, .membership(server, other), asked]).cause.contains("no answer"))
        }
    }

    @Test("signs are forgotten when the server accepts the beacon, and not when it only keeps it")
    func forgotten() throws {
        let resigning = Membership.resigning(Sample.token)
        let kept = try join(
            .member, [refused(1, last: 33), .membership(server, resigning), .membership(server, .member)])
        #expect(kept.steps.count == 2)
        let joined = try join(
            .member,
            [refused(1, last: 33), .membership(server, .joining(Sample.token)), .membership(server, .member)])
        #expect(joined.steps.count == 1)
    }

    @Test("a request that is accepted shows that the server's sequence ids go on: replayed ones are no sign then")
    func redelivered() throws {
        let exchange = RequestID(server: server, token: Sample.token)
        let accepted: [Report] = [
            .opened(exchange, device: device), .repeated(exchange, nil), .commanded(server),
            .acted(exchange, 0, .actionSuccess), .updateDeclined(exchange, .actionUnknown),
        ]
        for report in accepted { #expect(try join(.member, [refused(33, last: 33), report]).steps.count == 1) }
        let declined = try join(.member, [.declined(server, .resignFail), accepted[0]])
        #expect(declined.steps.count == 2, "what it has declined remains a sign")
    }

    @Test("of something unknown is empty; a binary token is found by the digits with which it is printed")
    func subjects() throws {
        let odd = try #require(Token([0, 255]))
        let exchange = RequestID(server: server, token: odd)
        for (subject, count) in [("0x00ff", 1), ("0x00fe", 0), ("nobody's", 0), ("1234", 0), ("0x", 0), ("0xzz", 0)] {
            let found = try explain(subject) {
                try $0.record(
                    .accepted(server, SequenceID(1)), .answered(exchange, device: device, .failed, .silence, nil))
            }
            #expect(found.count == count, "\(subject)")
        }
    }

    @Test("has a next step for every reason; an older version's journal has no times")
    func reasons() throws {
        for reason in Reason.allCases { #expect(!reason.nextStep.isEmpty) }
        let found = try explain(token) { journal in
            try journal.record(.accepted(server, SequenceID(1)), try Sample.opened())
            try journal.change { try $0.run("UPDATE observations SET asked = NULL") }
            try journal.record(Sample.answered(), at: 5)
        }
        #expect(found.first?.steps.first == .init(at: nil, what: "the server asked"))
        #expect(found.first?.text.contains("(no time noted)") == true)
    }
}
