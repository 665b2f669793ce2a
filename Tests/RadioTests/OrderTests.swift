import Keys
import SRUP
import SystemSupport
import Testing

extension RadioTests {
    /// The paper's §3.6 with a radio.
    @Suite("A server's orders about the radio", .serialized)
    struct OrderTests {
        @Test(
            "RESTART_RADIO is carried out and answered, and afterwards the beacon is found and works on every transport"
        )
        func restartRadio() throws {
            let field = try RadioFixture.with()
            for transport in Radio.transports { try field.expectService(try Radio.deviceWay(transport)) }
            let token = Token(random: randomBytes(16), for: Node.beacon)
            try field.server.send(.action(4), token: token)
            #expect(try field.server.waitForVerdict(token) == .actionSuccess)
            #expect(field.beacon.says("has the radio restarted"))
            for transport in Radio.transports { try field.expectService(try Radio.deviceWay(transport)) }
        }
    }
}
