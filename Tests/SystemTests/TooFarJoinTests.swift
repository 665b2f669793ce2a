import Foundation
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A join from outside the bounds, by the real commands", .blocking)
struct TooFarJoinTests {
    private let words = "local reports no signal strength, min-rssi is -60 dBm"

    @Test(
        "is too far for the device, and every place where an operator looks says what was not met, and no false proof")
    func noSignal() throws {
        let network = try Network()
        let server = try TestServer(network)
        let beacon = try BeaconProcess(
            network, settings: ["observation": ["window = 6"], "link": ["min-rssi = -60", "hold-off-first = 0.01"]])
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        try eventually("too far") { try TestDevice.prove(beacon.link, value)?.outcome == .tooFar }
        #expect(beacon.says("\(Node.device) has proved itself on local"))
        let open = try beacon.command("status").text
        #expect(open.contains("proved from outside the bounds: \(words)"), "\(open)")
        #expect(try beacon.command("watch", "--once").text.contains("proved from outside the bounds: \(words)"))
        let explained = try beacon.command("explain", token.description).text
        #expect(explained.contains("it is open") && explained.contains(words), "\(explained)")
        #expect(try server.waitForVerdict(token) == .observedJoinFail)
        let decided = try beacon.command("explain", token.description).text
        #expect(decided.contains("cause: ") && decided.contains(words) && !decided.contains("guess"), "\(decided)")
        let past = try #require(beacon.history.first)
        #expect(past["reason"] as? String == "tooFar")
        #expect((past["evidence"] as? [String: Any])?["min_signal_dbm"] as? Int == -60)
        #expect(beacon.refused("too-far") >= 1 && beacon.refused("false-proof") == 0)
        let checked = try beacon.command("run", "--check")
        #expect(checked.status == 0 && checked.text.contains("warning: [link] min-rssi is set"), "\(checked)")
    }
}
