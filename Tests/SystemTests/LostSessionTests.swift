import Foundation
import SystemSupport
import TestVectors
import Testing

/// The component by itself: DaemonTests/BrokerSessionsTests.
@Suite("Sessions at mosquitto", .blocking)
struct LostSessionTests {
    let network: Network

    init() throws { network = try Network() }

    /// The broker loses what it has kept, and runs again.
    private func forget() throws {
        network.stopBroker()
        try FileManager.default.removeItem(atPath: network.folder + "/mosquitto.db")
        try network.startBroker()
    }

    @Test("a broker that has forgotten the session is reported, while the beacon runs and after a restart of it")
    func forgotten() throws {
        let server = try TestServer(network)
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        #expect(!beacon.logged.contains("has lost the session"))
        try forget()
        #expect(beacon.says("has lost the session of client"))
        #expect(try beacon.command("status").text.contains("has lost the session"))
        #expect(beacon.stop() == 0)
        try forget()
        try beacon.start()
        try eventually("it is reported again") {
            beacon.logged.components(separatedBy: "has lost the session").count == 3
        }
        #expect(beacon.stop() == 0)
        withExtendedLifetime(server) {}
    }

    @Test("max_qos 0 is a fault with its own sentence and a hint, in the log, in status and from the doctor")
    func lowered() throws {
        network.stopBroker()
        let file = network.folder + "/mosquitto.conf"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try (text + "\nmax_qos 0\n").write(toFile: file, atomically: true, encoding: .utf8)
        try network.startBroker()
        let beacon = try BeaconProcess(network)
        try beacon.start()
        #expect(beacon.says("the broker grants only QoS 0 for SRUP/"))
        #expect((beacon.status["broker"] as? [String: Any])?["state"] as? String == "lost")
        let examined = try beacon.command("doctor").text
        #expect(examined.contains("grants only QoS 0") && examined.contains("max_qos 0"), "\(examined)")
        #expect(beacon.stop() == 0)
    }
}
