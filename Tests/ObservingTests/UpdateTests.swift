import SRUP
import Testing

@testable import Observing

/// The paper's §3.2 and §3.7: an update is fetched, answered, activated and confirmed.
@Suite struct UpdateTests {
    static let url = "https://files.example.org/srup-beacon"
    static let digest = String(repeating: "0a", count: 32)
    static let order: Body = .initiate(url: Octets(terminated: url), digest: Octets(terminated: digest))
    let asked = RequestID(server: server, token: talk)

    private func harness(_ phase: Update.Phase? = nil) -> Harness {
        var harness = Harness()
        guard let phase else { return harness }
        harness.say(Self.order)
        if phase == .fetching { return harness }
        harness.handle(.fetched(asked, .verified(version: "2.0")))
        if phase == .fetched(version: "2.0") { return harness }
        harness.say(.activate)
        return harness
    }

    private func update(_ phase: Update.Phase) throws -> Update {
        let order = try #require(UpdateOrder(url: Self.url, digest: [UInt8](repeating: 0x0A, count: 32)))
        return Update(exchange: asked, order: order, phase: phase)
    }

    @Test("INITIATE, success, ACTIVATE, and success only once the version has come up: each on disk before it leaves")
    func wholeLife() throws {
        var harness = harness()
        let fetching = try update(.fetching)
        #expect(
            harness.say(Self.order).dropFirst() == [
                .record(.update(fetching)), .fetch(fetching), .report(.update(fetching)),
            ])
        let fetched = harness.handle(.fetched(asked, .verified(version: "2.0")))
        #expect(fetched.order == "r.s" && fetched.responses == [.updateSuccess] && fetched.sent[0].token == talk)
        let activating = harness.say(.activate)
        #expect(activating.order == "rr.i" && activating.responses.isEmpty)
        #expect(activating.last == .install(try update(.activating(version: "2.0"))))
        let done = harness.handle(.activated(asked, done: true))
        #expect(done.order == "rr.s" && done.responses == [.activateSuccess])
        #expect(harness.observer.update?.phase == .answered(.activateSuccess))
        #expect(harness.handle(.activated(asked, done: false)).isEmpty)
    }

    @Test("the URL and the digest are accepted with the reference's NUL and without, in either case")
    func forms() {
        for (url, digest) in [
            (Octets(Self.url.utf8), Octets(Self.digest.utf8)),
            (Octets(terminated: Self.url), Octets(terminated: Self.digest.uppercased())),
        ] {
            var harness = harness()
            harness.say(.initiate(url: url, digest: digest))
            #expect(harness.observer.update?.order.url == Self.url)
            #expect(harness.observer.update?.order.digest == [UInt8](repeating: 0x0A, count: 32))
        }
    }

    @Test("an invalid digest is answered FF, and an invalid address FD; nothing is fetched")
    func malformed() {
        let longest = "https://" + String(repeating: "x", count: 2_040)
        for (url, digest, status) in [
            (Self.url, "", Status.updateFailDigest), (Self.url, "0a", .updateFailDigest),
            (Self.url, Self.digest + "0a", .updateFailDigest),
            (Self.url, String(Self.digest.dropLast()) + "g", .updateFailDigest),
            ("", Self.digest, .updateFailServer), (longest + "x", Self.digest, .updateFailServer),
        ] {
            var harness = harness()
            let effects = harness.say(.initiate(url: Octets(terminated: url), digest: Octets(terminated: digest)))
            #expect(effects.order == "rs." && effects.responses == [status], "\(url) \(digest)")
        }
        var harness = harness()
        harness.say(.initiate(url: Octets([0xFF, 0xFE]), digest: Octets(terminated: Self.digest)))
        #expect(harness.observer.update == nil)
        harness.say(.initiate(url: Octets(terminated: longest), digest: Octets(terminated: Self.digest)))
        #expect(harness.observer.update?.phase == .fetching)
    }

    @Test("each failure has its code, and an HTTP error's two messages stand before it (§3.7)")
    func failures() {
        for (outcome, status) in [
            (Fetched.noServer, Status.updateFailServer), (.noFile, .updateFailFile), (.otherDigest, .updateFailDigest),
        ] {
            var harness = harness(.fetching)
            #expect(harness.handle(.fetched(asked, outcome)).responses == [status])
            #expect(harness.say(.activate).responses == [.activateFail])
        }
        var harness = harness(.fetching)
        let said = [UInt8](repeating: 0x41, count: 2_000)
        let sent = harness.handle(.fetched(asked, .httpError(status: 0x0194, contents: said))).sent
        #expect(
            sent.map(\.body) == [
                .data(id: Octets("UPDATE_HTTP_STATUS".utf8), data: Octets([0x94, 0x01, 0, 0])),
                .data(id: Octets("UPDATE_HTTP_CONTENTS".utf8), data: Octets(said.prefix(1_024))),
                .response(.updateFailHTTPError),
            ])
        #expect(sent.allSatisfy { $0.token == talk })
        harness = self.harness(.fetching)
        harness.observer.terms[server] = terms { $0.takesData = false }
        let alone = harness.handle(.fetched(asked, .httpError(status: 0x0194, contents: said))).sent
        #expect(alone.map(\.body) == [.response(.updateFailHTTPError)], "it takes no DATA")
    }

    @Test("without an updater INITIATE is answered FE and ACTIVATE 1F, and nothing is fetched")
    func noUpdater() {
        var harness = harness()
        harness.observer.hasUpdater = false
        let effects = harness.say(Self.order)
        #expect(effects.responses == [.updateFailFile] && harness.observer.update == nil)
        #expect(harness.say(.activate).responses == [.activateFail])
        harness.observer.terms[server] = terms { $0.updates = false }
        #expect(harness.say(Self.order).refusals == [.notAllowed], "what is forbidden is not answered")
    }

    @Test(
        "ACTIVATE under another token or of nothing is answered 1F, too early not at all; asked again it gets the same answer"
    )
    func activation() {
        var none = harness()
        #expect(none.say(.activate).responses == [.activateFail])
        #expect(none.say(Self.order).responses == [.updateFailFile])
        var early = harness(.fetching)
        #expect(early.say(.activate).order == "r.")
        #expect(early.observer.update?.phase == .fetching)
        early.handle(.fetched(asked, .verified(version: "2.0")))
        #expect(early.say(.activate).order == "rr.i")
        var other = harness(.fetched(version: "2.0"))
        #expect(other.say(.activate, addressed(9)).responses == [.activateFail])
        #expect(other.say(.activate, addressed(8), by: otherServer).responses == [.activateFail])
        #expect(other.observer.update?.phase == .fetched(version: "2.0"))
        for (done, status) in [(true, Status.activateSuccess), (false, .activateFail)] {
            var harness = harness(.activating(version: "2.0"))
            #expect(harness.say(.activate).order == "r.")
            harness.handle(.activated(asked, done: done))
            harness.restart()
            #expect(harness.say(.activate).responses == [status])
            // Also if another order has arrived meanwhile; and nothing starts again under its token.
            let again = harness.say(Self.order)
            #expect(again.responses == [done ? .updateSuccess : .updateFailFile])
            harness.say(Self.order, addressed(3))
            #expect(harness.say(.activate).responses == [status])
            #expect(harness.say(Self.order).responses == [.updateFailFile])
            harness.restart()
            #expect(harness.say(.activate).responses == [status])
        }
    }

    @Test(
        "a repeated INITIATE changes nothing during the fetch, is answered again after it, and starts again after a failure"
    )
    func repeated() {
        var fetching = harness(.fetching)
        #expect(fetching.say(Self.order).order == "r.")
        var fetched = harness(.fetched(version: "2.0"))
        #expect(fetched.say(Self.order).responses == [.updateSuccess])
        var activating = harness(.activating(version: "2.0"))
        #expect(activating.say(Self.order).order == "r.")
        fetching.handle(.fetched(asked, .noServer))
        #expect(fetching.say(Self.order).order == "rrf.")
    }

    @Test("the newest order of a server replaces its older one, which is answered FE")
    func superseded() {
        var harness = harness(.fetching)
        let effects = harness.say(Self.order, addressed(2))
        #expect(effects.responses == [.updateFailFile] && effects.sent[0].token == talk && effects.order == "rs.rf.")
        #expect(harness.handle(.fetched(asked, .verified(version: "2.0"))).isEmpty)
        #expect(harness.observer.update?.phase == .fetching)
    }

    @Test("another server waits while one fetches or activates, and replaces an update that waits for ACTIVATE")
    func otherServers() {
        for phase in [Update.Phase.fetching, .activating(version: "2.0")] {
            var harness = harness(phase)
            #expect(harness.say(Self.order, addressed(8), by: otherServer).responses == [.updateFailFile])
            #expect(harness.observer.update?.phase == phase)
        }
        var harness = harness(.fetched(version: "2.0"))
        #expect(harness.say(Self.order, addressed(8), by: otherServer).responses.isEmpty)
        #expect(harness.observer.update?.exchange.server == otherServer)
        #expect(harness.say(.activate).responses == [.activateFail])
    }

    @Test("an order is refused if the configuration forbids it, or if it does not name this beacon")
    func notAllowed() {
        var harness = harness()
        harness.observer.terms[server] = terms { $0.updates = false }
        for body in [Self.order, .activate] {
            #expect(harness.say(body).refusals == [.notAllowed])
            #expect(harness.say(body, addressed(1, to: device), by: otherServer).refusals == [.notForUs])
        }
        #expect(harness.observer.update == nil)
    }

    @Test("when a server ends the membership its order ends too, but not an activation", arguments: [true, false])
    func leaving(terminates: Bool) {
        for phase in [Update.Phase.fetching, .fetched(version: "2.0")] {
            var harness = harness(phase)
            harness.say(Self.order, addressed(8), by: otherServer)
            let effects = harness.say(terminates ? .terminateCommand : .deregisterCommand)
            if harness.observer.update == nil { #expect(effects.order.contains("x")) }
            #expect(harness.observer.update?.exchange.server != server)
        }
        var harness = harness(.activating(version: "2.0"))
        harness.say(terminates ? .terminateCommand : .deregisterCommand)
        #expect(harness.handle(.activated(asked, done: true)).responses == [.activateSuccess])
    }

    @Test("after a restart the fetch continues, a fetched file waits, and an activation is checked")
    func restarted() throws {
        var fetching = harness(.fetching)
        #expect(fetching.restart() == [.fetch(try update(.fetching))])
        var fetched = harness(.fetched(version: "2.0"))
        #expect(fetched.restart().isEmpty)
        #expect(fetched.say(.activate).order == "rr.i")
        var activating = harness(.activating(version: "2.0"))
        #expect(activating.restart(sameBoot: false) == [.confirm(try update(.activating(version: "2.0")))])
        #expect(activating.handle(.activated(asked, done: false)).responses == [.activateFail])
    }
}
