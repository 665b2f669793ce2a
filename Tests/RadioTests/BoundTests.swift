import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    /// `[link] min-rssi` and `max-round-trip`. The emulated controllers report -1 dBm for every connection.
    @Suite("Bounds of signal and time", .serialized)
    struct BoundTests {
        /// One proof that a device sends after this delay, and what the beacon records about it.
        private func prove(
            _ transport: Transport, bound: String, after microseconds: UInt32 = 0
        ) throws -> (outcome: Outcome?, verdict: Status, past: [String: Any]) {
            let field = try RadioFixture.with(
                observation: ["window = 8"],
                link: [bound, "proof = 20", "hold-off-first = 0.01", "hold-off-longest = 0.02"])
            let (value, token) = (Secret.random(), TestServer.token())
            try field.server.observe(Node.device, value, token: token)
            let way = try Radio.deviceWay(transport)
            var end: TestDevice.End?
            try eventually("an outcome other than busy") {
                end = try TestDevice.prove(
                    way, value,
                    sending: { device, frame in
                        if case .proof = frame { usleep(microseconds) }
                        device.send(frame)
                    })
                return end?.outcome != .busy  // the signal could not be measured in time
            }
            let verdict = try field.server.waitForVerdict(token)
            return (end?.outcome, verdict, try #require(field.past(token)))
        }

        private func evidence(_ past: [String: Any]) throws -> [String: Any] {
            try #require(past["evidence"] as? [String: Any], "\(past)")
        }

        @Test("a proof with a weaker signal than min-rssi is too far")
        func tooWeak() throws {
            let (outcome, verdict, past) = try prove(.le, bound: "min-rssi = 0")
            #expect(outcome == .tooFar)
            #expect(verdict == .observedJoinFail && past["reason"] as? String == "tooFar")
            #expect(try evidence(past)["signal_dbm"] as? Int == -1)
        }

        @Test("a proof with a signal above min-rssi is valid, and the evidence has the signal")
        func strongEnough() throws {
            let (outcome, verdict, past) = try prove(.le, bound: "min-rssi = -50")
            #expect(outcome == .valid)
            #expect(verdict == .observedJoinValid)
            #expect(try evidence(past)["signal_dbm"] as? Int == -1)
        }

        @Test(
            "over BR/EDR, which reports no signal in dBm, no proof passes min-rssi",
            arguments: [Transport.rfcomm, .l2cap])
        func classic(_ transport: Transport) throws {
            let (outcome, verdict, past) = try prove(transport, bound: "min-rssi = -127")
            #expect(outcome == .tooFar)
            #expect(verdict == .observedJoinFail && past["reason"] as? String == "tooFar")
            #expect(try evidence(past)["signal_dbm"] == nil)
        }

        @Test("a proof that takes longer than max-round-trip is too far", arguments: Radio.transports)
        func tooLate(_ transport: Transport) throws {
            let (outcome, verdict, past) = try prove(transport, bound: "max-round-trip = 1", after: 20_000)
            #expect(outcome == .tooFar)
            #expect(verdict == .observedJoinFail && past["reason"] as? String == "tooFar")
            #expect(try #require(try evidence(past)["round_trip_us"] as? Int) >= 20_000)
        }

        @Test("a proof within max-round-trip is valid, and its evidence is timed")
        func inTime() throws {
            let (outcome, verdict, past) = try prove(.l2cap, bound: "max-round-trip = 15000", after: 20_000)
            #expect(outcome == .valid)
            #expect(verdict == .observedJoinValid)
            #expect(try evidence(past)["timed"] as? Bool == true)
        }
    }
}
