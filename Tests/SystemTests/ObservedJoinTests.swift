import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("An observation through a real broker and a real link", .blocking)
struct ObservedJoinTests {
    let network: Network
    let server: TestServer
    let beacon: BeaconProcess

    init() throws {
        network = try Network()
        server = try TestServer(network)
        beacon = try BeaconProcess(network, settings: ["observation": ["window = 3"], "link": ["value-mode = yes"]])
        try beacon.startAndJoin()
    }

    @Test("the right value is answered valid, and the beacon proves itself to the device")
    func rightValue() throws {
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        let end = try #require(try TestDevice.prove(beacon.link, value))
        #expect(end.outcome == .valid)
        #expect(end.beaconProved)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
        let past = try #require(beacon.history.first)
        #expect(past["verdict"] as? String == "valid")
        let evidence = try #require(past["evidence"] as? [String: Any])
        #expect(evidence["transport"] as? String == "local")
        #expect(evidence["grade"] as? String == "challenged")
        #expect((evidence["round_trip_us"] as? Int).map { $0 > 0 } == true)
    }

    @Test("the value is not in any file that the beacon has written")
    func valueIsNowhere() throws {
        let raw = randomBytes(Secret.length)
        let (value, token) = (try #require(Secret(raw)), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        _ = try server.waitForVerdict(token)
        beacon.stop()
        let digits = Array(hexadecimal(raw).utf8)
        let files = try FileManager.default.contentsOfDirectory(atPath: beacon.state).map { beacon.state + "/" + $0 }
        #expect(files.contains { $0.hasSuffix("journal.sqlite") })
        for file in files + [beacon.configuration, network.folder + "/beacon.log"] {
            let data = try Data(contentsOf: URL(filePath: file))
            #expect(data.range(of: Data(raw)) == nil, "\(file) holds the value")
            #expect(data.range(of: Data(digits)) == nil, "\(file) holds the value's digits")
        }
    }
}
