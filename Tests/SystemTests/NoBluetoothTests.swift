import Foundation
import Glibc
import Keys
import SRUP
import SystemSupport
import TestVectors
import Testing

private let kernelHasNoBluetooth: Bool = {
    let made = socket(31, Int32(SOCK_STREAM.rawValue), 3)  // AF_BLUETOOTH, BTPROTO_RFCOMM
    if made >= 0 { close(made) }
    return made < 0
}()

@Suite(
    "A machine without Bluetooth", .blocking, .serialized,
    .enabled(if: kernelHasNoBluetooth, "this kernel has Bluetooth"))
struct NoBluetoothTests {
    let network: Network
    let server: TestServer
    let beacon: BeaconProcess

    init() throws {
        network = try Network()
        server = try TestServer(network)
        let link = ["rfcomm = 21", "l2cap = 0x1035", "le = 0x00D5"]
        beacon = try BeaconProcess(network, settings: ["link": link])
        try beacon.startAndJoin()
    }

    @Test("everything else works, and the absence is reported once in the log, and in status with a hint")
    func absence() throws {
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        let message = "this machine's kernel has no Bluetooth"
        #expect(beacon.logged.ranges(of: message).count == 1, "\(beacon.logged)")
        #expect(beacon.says("not listening on rfcomm, l2cap, le; the rest works"))
        let radio = try #require(beacon.status["radio"] as? [String: Any])
        #expect((radio["state"] as? String)?.hasPrefix(message) == true)
        #expect((radio["hint"] as? String)?.contains("modprobe") == true)
        #expect((radio["adapters"] as? [Any])?.isEmpty == true)
        let text = try beacon.command("status").text
        #expect(
            text.contains(/\nradio +this machine's kernel has no Bluetooth/) && text.contains("  hint: "), "\(text)")
    }

    @Test("a beacon that therefore listens on nothing shows it in status, watch, doctor and the metrics")
    func nothing() throws {
        beacon.stop()
        try beacon.write(["link": ["rfcomm = 21", "l2cap = off", "le = off", "local = off"]])
        try beacon.startAndJoin()
        #expect(beacon.says("not listening on rfcomm; no device can prove itself"))
        let listening = try #require(beacon.status["listening"] as? [String: Any])
        #expect(
            listening["state"] as? String == "none"
                && (listening["hint"] as? String)?.contains("modprobe") == true)
        let words = "no transport is listened on: no device can prove itself"
        #expect(try beacon.command("status").text.hasPrefix("NOT OBSERVING: \(words)"))
        #expect(try beacon.command("watch", "--once").text.hasPrefix(" NOT OBSERVING: \(words)"))
        #expect(try beacon.command("metrics").text.contains(/srup_beacon_listening\{transport="rfcomm",.*\} 0/))
        let doctor = try beacon.command("doctor", "--no-visit")
        #expect(doctor.status == 1 && doctor.text.contains("[link]: on nothing: no device can prove itself"))
    }

    @Test(
        "the bench kit reports it, too, with a hint",
        arguments: [["scan", "--seconds", "1"], ["pair", "00:11:22:33:44:55"]])
    func bench(arguments: [String]) throws {
        let reply = try Network.output(Network.products + "/srup-bench", arguments)
        #expect(reply.status == 1)
        #expect(reply.text.contains("has no Bluetooth") && reply.text.contains("hint: "), "\(reply.text)")
    }

    @Test("srup-beacon pair reports it, too")
    func pair() throws {
        let reply = try beacon.command("pair", "--seconds", "10")
        #expect(reply.status == 1)
        #expect(reply.text.contains("has no Bluetooth") && reply.text.contains("hint: "), "\(reply.text)")
    }
}
