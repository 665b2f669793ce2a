import Bench
import Keys
import SRUP
import Testing
import TestVectors

@Suite("What a joining device believes of its server")
struct DeviceJoinTests {
    private var join: DeviceJoin
    private let value = Secret((0..<16).map { UInt8($0) }) ?? .random()
    private let ring = PublicKeys([
        Roles.c2.id: Roles.c2.key.publicKey, Roles.beacon.id: Roles.beacon.key.publicKey,
    ])

    init() {
        let value = value
        join = DeviceJoin(
            own: Roles.device.id, server: Roles.c2.id, way: .observed(by: Roles.beacon.id), sequence: SequenceID(100),
            token: Roles.token("T1"),
            unseal: { sealed throws(UnsealingError) in
                guard sealed == [7] else { throw .seal }
                return value
            })
        _ = join.request()
    }

    private mutating func hear(_ node: TestNode, _ body: Body, _ sequence: UInt64, _ token: String) -> [DeviceJoin
        .Effect]
    {
        join.receive(node.says(body, sequence, token), checkedBy: ring)
    }

    @Test("The request has the number that it was given")
    func request() {
        var join = DeviceJoin(
            own: Roles.device.id, server: Roles.c2.id, way: .observed(by: Roles.beacon.id), sequence: SequenceID(100),
            token: Roles.token("T1"), unseal: { _ throws(UnsealingError) in throw .seal })
        let request = join.request()
        #expect(request.sequence == SequenceID(100))
        #expect(request.body == .observedJoinRequest(observer: Roles.beacon.id))
        #expect(request.topic(to: Roles.c2.id) == "SRUP/servers/9a8b7c6d5e4f3021/5f1e2d3c4b5a6978")
    }

    @Test(
        "The value, then the decision under the same token",
        arguments: [
            (Status.joinSuccess, DeviceJoin.Outcome.joined), (.joinRefused, .refused), (.joinFail, .failed),
        ])
    mutating func wholeJoin(status: Status, outcome: DeviceJoin.Outcome) {
        #expect(hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 101, "T2").last == .prove(value))
        #expect(hear(Roles.c2, .response(status), 102, "T2").last == .decided(outcome))
    }

    @Test("A refusal at once carries the request's token")
    mutating func refusedAtOnce() {
        #expect(hear(Roles.c2, .response(.joinRefused), 101, "T1").last == .decided(.refused))
    }

    @Test("Success without an observation is not believed")
    mutating func successAtOnce() {
        #expect(!hear(Roles.c2, .response(.joinSuccess), 101, "T1").contains(.decided(.joined)))
    }

    @Test("A decision under another token than the value's is not believed", arguments: ["T1", "T3"])
    mutating func otherToken(token: String) {
        _ = hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 101, "T2")
        #expect(!hear(Roles.c2, .response(.joinSuccess), 102, token).contains(.decided(.joined)))
        #expect(hear(Roles.c2, .response(.joinSuccess), 103, "T2").last == .decided(.joined))
    }

    @Test("A known node that is not our server decides nothing")
    mutating func otherSender() {
        _ = hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 101, "T2")
        #expect(!hear(Roles.beacon, .response(.joinSuccess), 102, "T2").contains(.decided(.joined)))
    }

    @Test("A forged decision is not believed")
    mutating func forged() {
        _ = hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 101, "T2")
        var frame = Roles.c2.says(.response(.joinRefused), 102, "T2")
        frame[frame.count - 1] = Status.joinSuccess.rawValue
        #expect(!join.receive(frame, checkedBy: ring).contains(.decided(.joined)))
    }

    @Test("A message that is not newer than our request is ignored")
    mutating func stale() {
        #expect(!hear(Roles.c2, .response(.joinRefused), 100, "T1").contains(.decided(.refused)))
        #expect(hear(Roles.c2, .response(.joinRefused), 101, "T1").contains(.decided(.refused)))
    }

    @Test("A message whose sequence id leaves no room for others is ignored, and keeps nothing out")
    mutating func tooHigh() {
        _ = hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 101, "T2")
        #expect(!hear(Roles.c2, .response(.joinRefused), .max, "T2").contains(.decided(.refused)))
        #expect(hear(Roles.c2, .response(.joinSuccess), 102, "T2").last == .decided(.joined))
    }

    @Test("A value that does not open is for another device: it changes nothing, and the right one is taken after it")
    mutating func unopened() throws {
        let effects = hear(Roles.c2, .observedJoinResponse(sealed: Octets([8])), 1 << 62, "T9")
        #expect(effects == [.say("ignored OBS_JOIN_RESP: the sealed value does not open")])
        #expect(hear(Roles.c2, .response(.joinRefused), 1 << 62 + 1, "T9").last != .decided(.refused))
        let value = try #require(Roles.value)
        #expect(hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 101, "T2").last == .prove(value))
        #expect(hear(Roles.c2, .response(.joinSuccess), 102, "T2").last == .decided(.joined))
    }

    @Test("What the server says to other devices after the decision is not an answer, and blocks none")
    mutating func saidToOthers() {
        _ = hear(Roles.c2, .response(.joinRefused), 101, "T1")
        #expect(hear(Roles.c2, .response(.joinSuccess), 1 << 62, "T9") == [.say("ignored RESPONSE with token T9")])
        #expect(!hear(Roles.c2, .observedJoinResponse(sealed: Octets([8])), 1 << 62 + 1, "T9").contains(.answeredAgain))
        #expect(hear(Roles.c2, .response(.joinRefused), 102, "T1") == [.answeredAgain])
    }

    @Test("A second answer of the server after the decision is noticed: a replayed request must have no effect")
    mutating func answeredAgain() {
        _ = hear(Roles.c2, .response(.joinRefused), 101, "T1")
        #expect(hear(Roles.c2, .observedJoinResponse(sealed: Octets([7])), 102, "T9") == [.answeredAgain])
    }
}
