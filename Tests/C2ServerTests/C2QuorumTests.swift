import BootTime
import Keys
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("More than one beacon for one join")
struct C2QuorumTests {
    private static let beacons = [
        TestNode(0xBEA1, "obs_2048"), TestNode(0xBEA2, "wrong_2048"), TestNode(0xBEA3, "c2_2048"),
    ]
    private static let keys = PublicKeys(
        Dictionary(uniqueKeysWithValues: (beacons + [Roles.device]).map { ($0.id, $0.key.publicKey) }))

    /// A server with a site of three beacons, a quorum, and an open join that names the first beacon.
    private struct Stage {
        var server: ServerFixture
        /// The token of each beacon's OBSERVE_REQ.
        var tokens: [Identifier: String] = [:]
        var opening: [C2.Effect] = []
        private var sequences: [Identifier: UInt64] = [:]

        init(quorum: Int, joined: Int = 3, of site: [TestNode] = beacons) {
            server = ServerFixture {
                $0.observers = Set(site.map(\.id))
                $0.sites = ["gate": C2.Site(beacons: site.map(\.id), quorum: quorum)]
            }
            for beacon in site.prefix(joined) { says(beacon, .joinRequest, "T0") }
            opening = says(Roles.device, .observedJoinRequest(observer: site[0].id), "T1")
            for case .send(let message, let peer) in opening {
                if case .observationRequest = message.body { tokens[peer] = message.token.description }
            }
        }

        @discardableResult
        mutating func says(_ node: TestNode, _ body: Body, _ token: String) -> [C2.Effect] {
            sequences[node.id, default: 0] += 10
            return server.c2.receive(
                node.says(body, sequences[node.id, default: 0], token), checkedBy: C2QuorumTests.keys, at: server.now)
        }

        /// A beacon sends this verdict, with a proof that the device has made for this beacon or for another.
        mutating func vote(_ beacon: TestNode, _ status: Status, proofTo named: TestNode? = nil) throws -> [C2.Effect] {
            var effects: [C2.Effect] = []
            var next = tokens[beacon.id]
            // It is asked again if its *valid* does not count.
            while let token = next {
                tokens[beacon.id] = token
                if let named {
                    let data = try TestProof.right.data(to: named.id)
                    effects += says(beacon, .data(id: DataID.observationProof.octets, data: Octets(data)), token)
                }
                let heard = says(beacon, .response(status), token)
                effects += heard
                next = heard.askedUnder
            }
            return effects
        }
    }

    @Test(
        "a join that names one beacon of a site asks all of them, each under its own token, and is not answered yet"
    )
    func asksAll() {
        let stage = Stage(quorum: 2)
        #expect(Set(stage.tokens.keys) == Set(Self.beacons.map(\.id)) && Set(stage.tokens.values).count == 3)
        #expect(stage.opening.sent.count == 4 && stage.opening.decisions.isEmpty)
    }

    @Test("with two of three votes it is accepted, without waiting for the third", arguments: 0..<3)
    func accepted(missing: Int) throws {
        var stage = Stage(quorum: 2)
        let voters = Self.beacons.indices.filter { $0 != missing }.map { Self.beacons[$0] }
        #expect(try stage.vote(voters[0], .observedJoinValid, proofTo: voters[0]).decisions.isEmpty)
        let effects = try stage.vote(voters[1], .observedJoinValid, proofTo: voters[1])
        #expect(effects.decisions == [.accepted])
        #expect(effects.sent.count { $0.contains("join success") } == 1)
        let late = try stage.vote(Self.beacons[missing], .observedJoinFail)
        #expect(late.decisions.isEmpty && late.refusal == nil, "it is late, which is not an error")
        #expect(stage.server.c2.nextDeadline == nil)
    }

    @Test("one of three votes is not enough: when two beacons have not seen it, it is refused")
    func refused() throws {
        var stage = Stage(quorum: 2)
        #expect(try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0]).decisions.isEmpty)
        #expect(try stage.vote(Self.beacons[1], .observedJoinFail).decisions.isEmpty)
        let effects = try stage.vote(Self.beacons[2], .observedJoinInvalid)
        #expect(effects.decisions == [.refused])
        #expect(effects.said.contains { $0.contains("1 of 3 beacons have seen it, 2 must") })
    }

    @Test(
        "a beacon that lies has one vote at most: valid without a proof, or with a proof made to another beacon, does not count"
    )
    func liar() throws {
        var stage = Stage(quorum: 2)
        #expect(try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0]).decisions.isEmpty)
        let copied = try stage.vote(Self.beacons[1], .observedJoinValid, proofTo: Self.beacons[0])
        #expect(copied.decisions.isEmpty)
        #expect(copied.said.contains { $0.contains("the device's proof is false: it is for beacon") })
        #expect(try stage.vote(Self.beacons[2], .observedJoinValid).decisions == [.refused])
    }

    @Test("a beacon that lies against a device does not outvote two honest ones")
    func slander() throws {
        var stage = Stage(quorum: 2)
        #expect(try stage.vote(Self.beacons[2], .observedJoinInvalid).decisions.isEmpty)
        #expect(try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0]).decisions.isEmpty)
        #expect(try stage.vote(Self.beacons[1], .observedJoinValid, proofTo: Self.beacons[1]).decisions == [.accepted])
    }

    @Test("a beacon votes once: its second verdict has a token that is used up")
    func twice() throws {
        var stage = Stage(quorum: 2)
        #expect(try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0]).decisions.isEmpty)
        let again = try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0])
        #expect(again.decisions.isEmpty && again.refusal != nil)
    }

    @Test("at the end of the window it has failed, with one answer")
    func window() throws {
        var stage = Stage(quorum: 2)
        #expect(try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0]).decisions.isEmpty)
        let effects = stage.server.c2.tick(at: stage.server.now + C2.Policy().window)
        #expect(effects.decisions == [.failed] && effects.sent.count == 1)
        #expect(stage.server.c2.nextDeadline == nil)
    }

    @Test(
        "if fewer beacons are members than must see the device, the join is refused immediately; otherwise the members are asked",
        arguments: 1...3)
    func present(joined: Int) {
        let stage = Stage(quorum: 2, joined: joined)
        #expect(stage.tokens.count == (joined >= 2 ? joined : 0))
        #expect(stage.opening.decisions == (joined >= 2 ? [] : [.refused]))
    }

    @Test(
        "a device's new request replaces the older one at all beacons, and the older verdicts are void")
    func replaced() throws {
        var stage = Stage(quorum: 2)
        let old = stage.tokens
        let effects = stage.says(Roles.device, .observedJoinRequest(observer: Self.beacons[1].id), "T9")
        #expect(effects.sent.count { $0.contains("OBSERVE_REQ") } == 3 && effects.decisions.isEmpty)
        for beacon in Self.beacons {
            let token = try #require(old[beacon.id])
            #expect(stage.says(beacon, .response(.observedJoinValid), token).decisions.isEmpty)
        }
        #expect(stage.server.c2.nextDeadline != nil, "the newer one is open")
    }

    @Test("a beacon that may no longer observe cannot vote")
    func left() throws {
        var stage = Stage(quorum: 2)
        #expect(stage.server.c2.obey(.terminate(Self.beacons[0].id)).decisions.isEmpty)
        #expect(stage.server.c2.obey(.terminate(Self.beacons[1].id)).decisions == [.refused])
    }

    @Test("people see one join with the votes so far, and its result has the grade and the votes")
    func shown() throws {
        var stage = Stage(quorum: 2)
        func look() -> C2Snapshot {
            stage.server.c2.snapshot(at: stage.server.now, hasValue: { _ in false })
        }
        let first = look()
        #expect(first.joins.count == 1 && first.joins.first?.observer == Self.beacons[0].id)
        #expect(first.joins.first?.votes?.description == "0 of 3 beacons have seen it, 2 must")
        #expect(first.sites.map(\.name) == ["gate"] && first.sites[0].beacons.map(\.id) == Self.beacons.map(\.id))
        #expect(first.sites[0].quorum == 2 && first.sites[0].beacons.allSatisfy(\.isAsked))

        _ = try stage.vote(Self.beacons[2], .observedJoinInvalid)
        _ = try stage.vote(Self.beacons[1], .observedJoinValid, proofTo: Self.beacons[1])
        let second = look()
        #expect(second.joins.map(\.id) == first.joins.map(\.id))
        let votes = try #require(second.joins.first?.votes)
        #expect(votes.description == "1 of 3 beacons have seen it, 2 must" && votes.site == "gate")
        #expect(votes.seen == [Self.beacons[1].id] && votes.unseen == [Self.beacons[2].id])

        _ = try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0])
        let last = look()
        #expect(last.joins.isEmpty && last.ended.map(\.id) == first.joins.map(\.id))
        #expect(last.ended.first?.grade == .keyed)
        #expect(last.ended.first?.reason.hasPrefix("2 of 3 beacons have seen it, 2 must") == true)
    }

    @Test("without a quorum there is no grade")
    func shownRefused() throws {
        var stage = Stage(quorum: 2)
        _ = try stage.vote(Self.beacons[0], .observedJoinValid, proofTo: Self.beacons[0])
        _ = try stage.vote(Self.beacons[1], .observedJoinValid)
        let end = try stage.vote(Self.beacons[2], .observedJoinValid)
        guard case .decided(.refused, _, _, let grounds)? = end.last else {
            Issue.record("\(end)")
            return
        }
        #expect(grounds.grade == nil && grounds.reason.contains("1 of 3 beacons have seen it, 2 must"))
        #expect(grounds.reason.contains("a quorum counts keyed proofs only"))
    }

    @Test("a device that leaves fails its join once")
    func deviceLeft() {
        var stage = Stage(quorum: 2)
        let effects = stage.server.c2.obey(.terminate(Roles.device.id))
        #expect(effects.decisions == [.failed] && effects.sent.count { $0.contains("join failed") } == 1)
        #expect(stage.server.c2.nextDeadline == nil)
    }
}
