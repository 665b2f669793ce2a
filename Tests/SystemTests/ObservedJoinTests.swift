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

    @Test("a device that is ready before the server's request waits on its link and is challenged when it comes")
    func deviceFirst() throws {
        let (value, token) = (Secret.random(), TestServer.token())
        let link = try TestDevice(beacon.link)
        guard case .hello(_, let modes, let id, let nonce)? = try link.receive() else {
            Issue.record("no HELLO")
            return
        }
        #expect(id == Node.beacon)
        #expect(modes == [.challenge, .value, .keyed])
        #expect(nonce.count == LinkFrame.linkNonceLength)
        link.send(.ready(mode: .value, device: Node.device))
        guard case .wait? = try link.receive() else {
            Issue.record("no WAIT")
            return
        }
        try server.observe(Node.device, value, token: token)
        guard case .challenge? = try link.receive() else {
            Issue.record("no CHALLENGE")
            return
        }
        link.send(.value(value))
        #expect(try link.receive() == .outcome(.valid, tag: LinkFrame.noTag))
        #expect(try link.receive() == nil)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("a value that overtakes the server's request for it is proved again when the request is there")
    func overtaken() throws {
        let (value, old, token) = (Secret.random(), TestServer.token(), TestServer.token())
        try server.observe(Node.device, .random(), token: old)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .invalid)
        try server.observe(Node.device, value, token: token)
        #expect(try server.waitForVerdict(old) == .observedJoinFail)
        // The beacon holds off who has just been wrong.
        try TestDevice.proveUntilValid(beacon.link, value)
        #expect(try server.waitForVerdict(token) == .observedJoinValid)
    }

    @Test("the value is in no file that the beacon has written")
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

    @Test("report-evidence sends the evidence just before the verdict")
    func evidenceIsReported() throws {
        beacon.stop()
        try beacon.write(["observation": ["window = 3", "report-evidence = yes"]])
        try beacon.startAndJoin()
        let (value, token) = (Secret.random(), TestServer.token())
        try server.observe(Node.device, value, token: token)
        #expect(try TestDevice.prove(beacon.link, value)?.outcome == .valid)
        _ = try server.waitForVerdict(token)
        let under = server.accepted.filter { $0.token == token }
        #expect(under.count == 2)
        guard case .data(let id, let data)? = under.first?.body else {
            Issue.record("no evidence before the verdict")
            return
        }
        #expect(id == Octets("OBSERVATION_EVIDENCE".utf8))
        let object = try JSONSerialization.jsonObject(with: Data(data.bytes)) as? [String: Any]
        #expect(object?["mode"] as? String == "challenge")
    }
}
