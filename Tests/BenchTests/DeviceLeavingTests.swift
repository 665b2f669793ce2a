import Bench
import Keys
import SRUP
import Testing
import TestVectors

@Suite("How a device joins without a beacon, and how its membership ends")
struct DeviceLeavingTests {
    private let ring = PublicKeys([
        Roles.c2.id: Roles.c2.key.publicKey, Roles.beacon.id: Roles.beacon.key.publicKey,
    ])
    private let value = Secret((0..<16).map { UInt8($0) }) ?? .random()

    /// The token of a command that names this node.
    private static func naming(_ node: Identifier) -> String {
        String(repeating: "c", count: 36) + "@\(node.topicForm)"
    }

    private static let forUs = naming(Roles.device.id)

    /// A device that has asked to join, with the sequence id 100 and the token T1.
    private func asking(_ way: DeviceJoin.Way) -> DeviceJoin {
        let value = value
        var join = DeviceJoin(
            own: Roles.device.id, server: Roles.c2.id, way: way, sequence: SequenceID(100), token: Roles.token("T1"),
            unseal: { _ throws(UnsealingError) in value })
        _ = join.request()
        return join
    }

    private func joined() -> DeviceJoin {
        var join = asking(.simple)
        #expect(hear(&join, .response(.joinSuccess), 101, "T1").last == .decided(.joined))
        return join
    }

    private func hear(
        _ join: inout DeviceJoin, _ body: Body, _ sequence: UInt64, _ token: String, from node: TestNode = Roles.c2
    ) -> [DeviceJoin.Effect] {
        join.receive(node.says(body, sequence, token), checkedBy: ring)
    }

    private func departures(_ effects: [DeviceJoin.Effect]) -> [DeviceJoin.Departure] {
        effects.compactMap { if case .left(let how) = $0 { how } else { nil } }
    }

    // MARK: Joining

    @Test("Each way to join has its request, on the server's topic for requests")
    func requests() {
        let ways: [(DeviceJoin.Way, Body)] = [
            (.simple, .joinRequest), (.human, .humanJoinRequest),
            (.observed(by: Roles.beacon.id), .observedJoinRequest(observer: Roles.beacon.id)),
        ]
        for (way, body) in ways {
            var join = DeviceJoin(
                own: Roles.device.id, server: Roles.c2.id, way: way, sequence: SequenceID(7), token: Roles.token("T1"),
                unseal: { _ throws(UnsealingError) in throw .seal })
            let request = join.request()
            #expect(request.body == body && request.sequence == SequenceID(7))
            #expect(request.topic(to: Roles.c2.id) == "SRUP/servers/9a8b7c6d5e4f3021/5f1e2d3c4b5a6978")
        }
    }

    @Test("The value of a human-moderated join is shown, and not proved to a beacon; the decision has its token")
    func human() {
        var join = asking(.human)
        #expect(hear(&join, .humanJoinResponse(sealed: Octets([7])), 101, "T2").last == .show(value))
        #expect(!hear(&join, .response(.joinSuccess), 102, "T1").contains(.decided(.joined)))
        #expect(hear(&join, .response(.joinSuccess), 103, "T2").last == .decided(.joined))
    }

    @Test("A join takes only the value that it asked for, and success without a comparison only if it is a simple one")
    func otherWay() {
        var (human, observed) = (asking(.human), asking(.observed(by: Roles.beacon.id)))
        #expect(!hear(&human, .observedJoinResponse(sealed: Octets([7])), 101, "T2").contains(.prove(value)))
        #expect(!hear(&observed, .humanJoinResponse(sealed: Octets([7])), 101, "T2").contains(.show(value)))
        for join in [human, observed] {
            var join = join
            #expect(!hear(&join, .response(.joinSuccess), 102, "T1").contains(.decided(.joined)))
        }
    }

    // MARK: Leaving

    @Test(
        "The server's answer to a request to leave decides, under the request's token",
        arguments: [
            (DeviceJoin.Withdrawal.resign, Status.resignSuccess, DeviceJoin.Departure.resigned),
            (.resign, .resignFail, .kept), (.deregister, .deregisterSuccess, .deregistered),
            (.deregister, .deregisterFail, .kept),
        ])
    func leaving(how: DeviceJoin.Withdrawal, status: Status, departure: DeviceJoin.Departure) {
        var join = joined()
        let request = join.leave(how, token: Roles.token("T3"))
        #expect(request.body == (how == .resign ? .resignRequest : .deregisterRequest))
        #expect(request.sequence == SequenceID(102) && request.topic(to: Roles.c2.id) == "SRUP/5f1e2d3c4b5a6978")
        #expect(departures(hear(&join, .response(status), 103, "T1")) == [])
        #expect(departures(hear(&join, .response(.actionSuccess), 104, "T3")) == [])
        #expect(departures(hear(&join, .response(status), 105, "T3")) == [departure])
    }

    @Test("An answer to the other request to leave does not count")
    func otherAnswer() {
        var join = joined()
        _ = join.leave(.resign, token: Roles.token("T3"))
        #expect(departures(hear(&join, .response(.deregisterSuccess), 103, "T3")) == [])
    }

    @Test("TERMINATE_CMD ends the membership of a device that stays, and of one that is leaving")
    func terminated() {
        var (staying, leaving) = (joined(), joined())
        staying.stay()
        _ = leaving.leave(.resign, token: Roles.token("T3"))
        #expect(departures(hear(&staying, .terminateCommand, 102, DeviceLeavingTests.forUs)) == [.terminated])
        #expect(departures(hear(&leaving, .terminateCommand, 103, DeviceLeavingTests.forUs)) == [.terminated])
    }

    @Test("DEREGISTER_CMD is answered under its token, and ends the membership")
    func deregistered() {
        var join = joined()
        join.stay()
        let effects = hear(&join, .deregisterCommand, 102, DeviceLeavingTests.forUs)
        let answer = effects.compactMap { if case .answer(let message) = $0 { message } else { nil } }
        #expect(answer.map(\.body) == [.response(.deregisterSuccess)])
        #expect(answer.map(\.token) == [Roles.token(DeviceLeavingTests.forUs)])
        #expect(answer.map(\.sequence) == [SequenceID(103)])
        #expect(effects.last == .left(.deregistered))
    }

    @Test(
        "A command that does not name this device, or is another node's, ends nothing and blocks nothing",
        arguments: [
            (Roles.c2, naming(Roles.beacon.id)), (Roles.c2, "T9"), (Roles.beacon, forUs),
        ])
    func notOurs(sender: TestNode, token: String) {
        var join = joined()
        join.stay()
        for body in [Body.terminateCommand, .deregisterCommand] {
            #expect(departures(hear(&join, body, 1 << 62, token, from: sender)) == [])
        }
        #expect(departures(hear(&join, .terminateCommand, 102, DeviceLeavingTests.forUs)) == [.terminated])
    }
}
