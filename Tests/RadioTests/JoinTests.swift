import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    @Suite("Joins", .serialized)
    struct JoinTests {
        let field: RadioFixture

        init() throws {
            field = try RadioFixture.with(link: ["proof = 20", "hold-off-first = 0.05", "hold-off-longest = 0.1"])
        }

        @Test(
            "joins are answered valid, half of them with a device that is there before the request",
            arguments: Radio.transports, Mode.allCases)
        func valid(_ transport: Transport, _ mode: Mode) throws {
            let way = try Radio.deviceWay(transport)
            var joins: [RadioFixture.Join] = []
            for number in 0..<Scale.joins {
                let join = try field.join(way, mode, deviceFirst: number.isMultiple(of: 2))
                #expect(join.end.beaconProved == (mode != .value))
                #expect(field.server.verdicts(join.token) == [.observedJoinValid])
                joins.append(join)
            }
            let roundTrips = try expectHistory(of: joins, over: way, mode)
            let again = joins.map(\.before.count).reduce(0, +)
            print(
                "\(transport), \(mode): CHALLENGE at the device to RESPONSE at the server:",
                "\(medianAndWorst(joins.map(\.answered))); round trip in the evidence:",
                "\(medianAndWorst(roundTrips)); \(joins.map(\.end.bytes).min() ?? 0) bytes of the link's frames over the air",
                "(\(joins.count) joins, \(again) links tried again, measured under emulation)")
        }

        /// - Returns: the round trips, in nanoseconds.
        private func expectHistory(of joins: [RadioFixture.Join], over way: Route, _ mode: Mode) throws -> [Int64] {
            let tokens = Set(joins.map(\.token.description))
            let history = field.beacon.history  // the newest 100
                .filter { tokens.contains($0["token"] as? String ?? "") }
            #expect(history.count == joins.count)
            return try history.map { past in
                #expect(past["verdict"] as? String == "valid")
                #expect(past["reason"] as? String == "matched")
                let evidence = try #require(past["evidence"] as? [String: Any])
                #expect(evidence["transport"] as? String == way.address.transport.rawValue)
                #expect(evidence["peer"] as? String == way.adapter.description)
                #expect(evidence["mode"] as? String == mode.description)
                let grades = [Mode.value: "reachable", .challenge: "challenged", .keyed: "keyed"]
                #expect(evidence["grade"] as? String == grades[mode])
                #expect(evidence["attempts"] as? Int == 1)
                #expect(evidence["security"] is String)
                let roundTrip = try #require(evidence["round_trip_us"] as? Int)
                #expect(roundTrip > 0)
                return Int64(roundTrip) * 1_000
            }
        }

        @Test(
            "in challenge mode any number of false proofs does not decide, and a right one is valid after them",
            arguments: Radio.transports)
        func falseProofs(_ transport: Transport) throws {
            let (way, token, value) = (try Radio.deviceWay(transport), TestServer.token(), Secret.random())
            try field.server.observe(Node.device, value, token: token)
            var invalid = 0
            try eventually("five false proofs") {
                if try TestDevice.prove(way, .random())?.outcome == .invalid { invalid += 1 }
                return invalid == 5
            }
            #expect(field.server.verdicts(token).isEmpty)
            try TestDevice.proveUntilValid(way, value)
            #expect(try field.server.waitForVerdict(token) == .observedJoinValid)
        }

        @Test("in value mode a wrong value is invalid on its link, and three decide", arguments: Radio.transports)
        func wrongValue(_ transport: Transport) throws {
            let mode = Mode.value
            let (way, token) = (try Radio.deviceWay(transport), TestServer.token())
            try field.server.observe(Node.device, .random(), token: token)
            var outcomes: [Outcome?] = []
            try eventually("three false proofs decide: \(outcomes)") {
                outcomes.append(try TestDevice.prove(way, .random(), mode: mode)?.outcome)
                return outcomes.count { $0 == .invalid } == 3 || !field.server.verdicts(token).isEmpty
            }
            // A link that is refused during a hold-off, or that ends without an OUTCOME, decides nothing.
            #expect(outcomes.allSatisfy { [nil, .invalid, .busy].contains($0) }, "\(outcomes)")
            #expect(try field.server.waitForVerdict(token) == .observedJoinInvalid)
            let past = try #require(field.past(token))
            #expect(past["reason"] as? String == "mismatches")
            #expect((past["evidence"] as? [String: Any])?["attempts"] as? Int == 3)
            try field.expectService(way)
        }
    }

    @Suite("Joins that are not completed", .serialized)
    struct SilentTests {
        let field: RadioFixture

        init() throws {
            field = try RadioFixture.with(observation: ["window = 4"], link: ["proof = 1"])
        }

        @Test(
            "a device that does not answer its challenge is told so, and the observation fails at its deadline",
            arguments: Radio.transports)
        func silent(_ transport: Transport) throws {
            let token = TestServer.token()
            let link = try TestDevice(try Radio.deviceWay(transport))
            guard case .hello? = try link.receive() else {
                Issue.record("no HELLO")
                return
            }
            try field.server.observe(Node.device, .random(), token: token)
            link.send(.ready(mode: .challenge, device: Node.device))
            var frame = try link.receive()
            if case .wait? = frame { frame = try link.receive() }
            guard case .challenge? = frame else {
                Issue.record("no CHALLENGE")
                return
            }
            #expect(try link.receive() == .outcome(.fail, tag: LinkFrame.noTag))
            #expect(try link.receive() == nil)
            #expect(try field.server.waitForVerdict(token) == .observedJoinFail)
            #expect(field.past(token)?["reason"] as? String == "silence")
        }
    }
}
