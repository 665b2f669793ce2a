import BootTime
import SRUP
import TestVectors
import Testing

@testable import C2Server

@Suite("An update in stages")
struct C2StagedTests {
    private static let digest = [UInt8](repeating: 0xAB, count: 32)
    private static let url = "https://me:s3cret@x.org/f?sig=s3cret"
    /// The nodes 1000, 1001, ...
    private static func nodes(_ count: Int) -> [Identifier] { (0..<count).map { Identifier(0x1000 + UInt64($0)) } }

    /// A server with so many members besides the beacon.
    private static func server(_ count: Int, at now: Instant = 0) -> ServerFixture {
        var server = ServerFixture()
        server.now = now
        server.hears(Roles.beacon.says(.joinRequest, 1, "T0"))
        server.c2.joined.formUnion(nodes(count))
        return server
    }

    private static func begin(_ server: inout ServerFixture, _ nodes: [Identifier], percent: Int) -> [C2.Effect] {
        server.c2.obey(.stage(nodes, url: url, digest: digest, percent: percent))
    }

    /// A node answers under the token that it was sent.
    private static func answer(_ server: inout ServerFixture, _ node: Identifier, _ status: Status) -> [C2.Effect] {
        guard let token = server.c2.staged?.tokens[node] else { return [] }
        return server.c2.stagedAnswered(node, token, status)
    }

    private static func told(_ effects: [C2.Effect], _ type: MessageType) -> [Identifier] {
        effects.compactMap {
            if case .send(let message, let node) = $0, message.body.type == type { node } else { nil }
        }
    }

    private static func said(_ effects: [C2.Effect], _ words: String) -> Bool {
        effects.contains { if case .say(let line) = $0 { line.contains(words) } else { false } }
    }

    @Test("goes to the first share alone, and to the next only when each of the first runs the new version")
    func shares() throws {
        let all = Self.nodes(25)
        var server = Self.server(25)
        let begun = Self.begin(&server, all, percent: 10)
        #expect(Self.told(begun, .initiate) == Array(all[..<3]), "10 % of 25, rounded up")
        for node in all[..<3] {
            #expect(Self.told(Self.answer(&server, node, .updateSuccess), .activate) == [node])
        }
        for node in all[..<2] {
            #expect(Self.answer(&server, node, .activateSuccess).isEmpty, "the third may fail yet")
        }
        let next = Self.answer(&server, all[2], .activateSuccess)
        #expect(Self.told(next, .initiate) == Array(all[3..<6]) && Self.said(next, "stage 1 of 9 is done"))
        for node in all[3...] {
            _ = Self.answer(&server, node, .updateSuccess)
            _ = Self.answer(&server, node, .activateSuccess)
        }
        let shown = try #require(server.c2.shownStaged)
        #expect(shown.phase == .finished && shown.updated == 25 && shown.stage == 9 && shown.underWay == 0)
        #expect(server.c2.stagedDeadlines.isEmpty)
    }

    @Test("is INITIATE and ACTIVATE under one token, and counts the answers of that node alone")
    func frames() throws {
        var server = Self.server(0)
        server.hears(Roles.device.says(.joinRequest, 1, "T1"))
        let begun = Self.begin(&server, [Roles.beacon.id, Roles.device.id], percent: 50)
        #expect(Self.told(begun, .initiate) == [Roles.beacon.id])
        let token = try #require(server.c2.updates[Roles.beacon.id]).description
        _ = server.hears(Roles.device.says(.response(.updateSuccess), 9, token))
        #expect(server.c2.staged?.progress[Roles.beacon.id] == .fetching)
        let fetched = server.hears(Roles.beacon.says(.response(.updateSuccess), 9, token))
        #expect(fetched.sent.last?.hasPrefix("ACTIVATE #") == true && fetched.sent.last?.contains(token) == true)
        let activated = server.hears(Roles.beacon.says(.response(.activateSuccess), 19, token))
        #expect(Self.told(activated, .initiate) == [Roles.device.id])
        let other = try #require(server.c2.updates[Roles.device.id]).description
        let failed = server.hears(Roles.device.says(.response(.updateFailDigest), 29, other))
        #expect(Self.said(failed, "\(Roles.device.id) does not run the new version: update failed"))
        #expect(server.c2.staged?.phase == .stopped)
    }

    @Test(
        "stops at the first failure, says which node and why, and sends nothing more, also to those that have the file")
    func stops() throws {
        let all = Self.nodes(8)
        var server = Self.server(8)
        _ = Self.begin(&server, all, percent: 50)
        let failed = Self.answer(&server, all[1], .updateFailServer)
        #expect(Self.said(failed, "\(all[1]) does not run the new version: update failed: server"), "\(failed)")
        #expect(Self.said(failed, "stage continue") && Self.told(failed, .initiate).isEmpty)
        #expect(Self.answer(&server, all[0], .updateSuccess).isEmpty, "no ACTIVATE")
        for node in all[2..<4] { #expect(Self.told(Self.answer(&server, node, .updateSuccess), .activate).isEmpty) }
        let shown = try #require(server.c2.shownStaged)
        #expect(shown.phase == .stopped && shown.failures.map(\.node) == [all[1]] && shown.updated == 0)
        #expect(!shown.url.contains("s3cret") && !shown.text.contains("s3cret"))
        #expect(Self.said(Self.begin(&server, all, percent: 1), "is stopped already"))

        let goesOn = server.c2.obey(.staged(.continue))
        #expect(Self.told(goesOn, .activate) == [all[0], all[2], all[3]])
        for node in [all[0], all[2]] { _ = Self.answer(&server, node, .activateSuccess) }
        let next = Self.answer(&server, all[3], .activateSuccess)
        #expect(Self.told(next, .initiate) == Array(all[4...]), "without the one that has failed")
        #expect(
            Self.said(server.c2.obey(.staged(.show)), "\(all[1]) does not run the new version: update failed: server"))
    }

    @Test("stops at a node that fails to activate, leaves, is no member, or does not answer")
    func failures() throws {
        let all = Self.nodes(3)
        for (index, reason) in ["activate failed", "it is no longer a member", "it has not answered in time"]
            .enumerated()
        {
            var server = Self.server(3, at: Instant(.seconds(100)))
            _ = server.c2.tick(at: server.now)
            _ = Self.begin(&server, all, percent: 33)
            _ = Self.answer(&server, all[0], .updateSuccess)
            let effects =
                switch index {
                case 0: Self.answer(&server, all[0], .activateFail)
                case 1: server.c2.obey(.terminate(all[0]))
                default: server.c2.tick(at: server.now + StagedUpdate.activationLimit)
                }
            #expect(Self.said(effects, "\(all[0]) does not run the new version: \(reason)"), "\(reason): \(effects)")
            #expect(server.c2.staged?.phase == .stopped && Self.told(effects, .initiate).isEmpty)
        }
        var server = Self.server(2)
        let begun = Self.begin(&server, all.reversed(), percent: 100)
        #expect(Self.said(begun, "\(all[2]) does not run the new version: it is not a member"))
        #expect(Self.told(begun, .initiate).isEmpty, "it is found before anything is sent")
    }

    @Test("is due when the first node must have answered, and not before")
    func due() {
        var server = Self.server(2, at: Instant(.seconds(100)))
        _ = server.c2.tick(at: server.now)
        _ = Self.begin(&server, Self.nodes(2), percent: 100)
        for pause in C2.updatePauses {
            #expect(server.c2.nextDeadline == server.now + pause, "INITIATE is repeated")
            #expect(server.c2.tick(at: server.now + pause).sent.count == 2)
        }
        #expect(server.c2.nextDeadline == server.now + StagedUpdate.fetchLimit)
        #expect(server.c2.tick(at: server.now + StagedUpdate.fetchLimit - .seconds(1)).isEmpty)
        #expect(server.c2.staged?.phase == .running)
    }

    @Test(
        "a second answer to a repeated INITIATE, after ACTIVATE was sent, changes nothing",
        arguments: [
            Status.updateSuccess, .updateFailServer,
        ])
    func answeredTwice(second: Status) throws {
        var server = Self.server(0, at: Instant(.seconds(100)))
        _ = Self.begin(&server, [Roles.beacon.id], percent: 100)
        let token = try #require(server.c2.updates[Roles.beacon.id]).description
        server.now += .seconds(60)
        #expect(Self.told(server.c2.tick(at: server.now), .initiate) == [Roles.beacon.id])
        let fetched = server.hears(Roles.beacon.says(.response(.updateSuccess), 9, token))
        #expect(Self.told(fetched, .activate) == [Roles.beacon.id])
        let again = server.hears(Roles.beacon.says(.response(second), 19, token))
        #expect(again.sent.isEmpty && server.c2.staged?.progress[Roles.beacon.id] == .activating, "\(again)")
        _ = server.hears(Roles.beacon.says(.response(.activateSuccess), 29, token))
        #expect(server.c2.staged?.phase == .finished)
    }

    @Test("keeps at most so many nodes under way")
    func bounded() {
        let all = Self.nodes(StagedUpdate.mostUnderWay + 10)
        var server = Self.server(all.count)
        #expect(Self.told(Self.begin(&server, all, percent: 100), .initiate).count == StagedUpdate.mostUnderWay)
        _ = Self.answer(&server, all[0], .updateSuccess)
        let next = Self.answer(&server, all[0], .activateSuccess)
        #expect(Self.told(next, .initiate) == [all[StagedUpdate.mostUnderWay]], "one has made room")
    }

    @Test("cancelled, sends nothing more, and makes room for another; a late success is told")
    func cancelled() {
        let all = Self.nodes(4)
        var server = Self.server(4)
        _ = Self.begin(&server, all, percent: 50)
        #expect(Self.said(server.c2.obey(.staged(.cancel)), "2 nodes have their orders already"))
        #expect(Self.answer(&server, all[0], .updateSuccess).isEmpty)
        #expect(server.c2.stagedDeadlines.isEmpty && server.c2.shownStaged?.phase == .cancelled)
        #expect(Self.told(Self.begin(&server, all, percent: 25), .initiate) == [all[0]])
        var idle = Self.server(0)
        #expect(Self.said(idle.c2.obey(.staged(.show)), "there is no staged update"))
    }

    @Test("goes on after a restart of the server: from the state file, with a deadline")
    func restarted() throws {
        try TemporaryFolder.with { folder in
            let all = Self.nodes(4)
            var server = Self.server(4)
            _ = Self.begin(&server, all, percent: 50)
            _ = Self.answer(&server, all[0], .updateSuccess)
            _ = Self.answer(&server, all[1], .updateFailHTTPError)
            let path = folder.path("state")
            try C2Store(path: path, own: Roles.c2.id).commit(server.c2.memory, groups: [:], entries: [])
            var store: C2Store? = try C2Store(path: path, own: Roles.c2.id)
            var next = ServerFixture()
            next.c2 = C2(
                own: Roles.c2.id, policy: server.c2.policy, dependencies: next.c2.dependencies,
                memory: try #require(store?.memory))
            #expect(next.c2.staged == server.c2.staged)
            next.c2.begin(at: Instant(.seconds(50)))
            #expect(next.c2.stagedDeadlines == [all[0]: Instant(.seconds(50)) + StagedUpdate.activationLimit])
            _ = Self.answer(&next, all[0], .activateSuccess)
            let goesOn = next.c2.obey(.staged(.continue))
            #expect(Self.told(goesOn, .initiate) == Array(all[2...]))
            try store?.commit(next.c2.memory, groups: [:], entries: [])
            store = nil
            #expect(try C2Store(path: path, own: Roles.c2.id).memory.staged == next.c2.staged)
        }
    }
}
