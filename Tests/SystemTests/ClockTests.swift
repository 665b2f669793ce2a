import EventLoop
import Foundation
import Keys
import ProofLink
import SRUP
import SystemSupport
import TestVectors
import Testing

/// The wall clock matters only for what TLS checks (docs/architecture.md, "Clocks"). Only the beacon's clock is
/// wrong; the broker's, the service's and the server's are right.
@Suite("A wall clock that is wrong", .blocking)
struct ClockTests {
    static let wrongYears = [1970, 2099]

    let network: Network
    let server: TestServer
    let clock: WrongClock

    init() throws {
        network = try Network()
        server = try TestServer(network)
        clock = try WrongClock(network)
    }

    /// A request to the beacon: a device, its value and the token.
    private struct Asked {
        let device = Identifier(UInt64.random(in: 0x1_0000...0xFFFF_FFFF))
        let value = Secret.random()
        let token = TestServer.token()
    }

    /// Sends a request, and waits until the beacon has it.
    private func ask(_ beacon: BeaconProcess) throws -> Asked {
        let asked = Asked()
        try server.observe(asked.device, asked.value, token: asked.token)
        try eventually("the observation is open") { beacon.lines("opened", asked.token).count == 1 }
        return asked
    }

    private func prove(_ asked: Asked, _ beacon: BeaconProcess) throws -> Outcome? {
        try TestDevice.prove(beacon.link, asked.value, as: asked.device)?.outcome
    }

    /// The server drops ids that do not rise, so it has all messages only if all ids rose. Repeated messages are identical.
    private func expectRisingSequences(_ location: SourceLocation = #_sourceLocation) {
        let (taken, dropped) = (server.accepted.map(\.sequence), server.ignored.map(\.sequence))
        #expect(Set(taken).count == taken.count && Set(dropped).isSubset(of: taken), sourceLocation: location)
    }

    @Test(
        "wrong from the start, TLS fails with the reason; nothing is lost, and it is retried until the clock is right",
        arguments: zip(wrongYears, ["is not valid before", "expired on"]))
    func fromTheStart(year: Int, cause: String) throws {
        let beacon = try BeaconProcess(network, settings: ["log": ["format = json"]])
        try beacon.startAndJoin()
        let before = try ask(beacon)
        beacon.stop(with: SIGKILL)
        let meanwhile = Asked()
        try server.observe(meanwhile.device, meanwhile.value, token: meanwhile.token)
        try clock.set(to: year)
        try beacon.start(environment: clock.environment)
        try eventually("the cause is in the log\n\(beacon.logged)") {
            beacon.lines("broker-lost", nil).contains { $0.message.contains(cause) }
        }
        let complaints = beacon.lines("broker-lost", nil)
        #expect(complaints.allSatisfy { $0.time.hasPrefix("\(year)-") }, "\(complaints)")
        #expect(complaints.allSatisfy { $0.message.contains("correct this machine's clock") }, "\(complaints)")
        #expect(try prove(before, beacon) == .valid)
        Thread.sleep(forTimeInterval: 1)  // five attempts and more
        #expect(beacon.brokerState == "lost" && server.verdicts(before.token).isEmpty)
        #expect(beacon.lines("broker-lost", nil).count <= 2, "one line each, not for each attempt")
        try clock.correct()
        #expect(try server.waitForVerdict(before.token) == .observedJoinValid)
        #expect(try prove(meanwhile, beacon) == .valid)
        #expect(try server.waitForVerdict(meanwhile.token) == .observedJoinValid)
        expectRisingSequences()
        #expect(beacon.stop() == 0)
    }

    @Test("set wrong while the broker is connected, it changes no verdict and no connection", arguments: wrongYears)
    func connected(year: Int) throws {
        let beacon = try BeaconProcess(
            network, settings: ["observation": ["window = 3"], "log": ["format = json"]])
        try beacon.startAndJoin(environment: clock.environment)
        try clock.set(to: year)
        let (right, wrong, silent) = (try ask(beacon), try ask(beacon), try ask(beacon))
        #expect(try prove(right, beacon) == .valid)
        #expect(try TestDevice.prove(beacon.link, .random(), as: wrong.device)?.outcome == .invalid)
        #expect(try server.waitForVerdict(right.token) == .observedJoinValid)
        #expect(try server.waitForVerdict(wrong.token) == .observedJoinInvalid)
        #expect(try server.waitForVerdict(silent.token) == .observedJoinFail)
        for asked in [right, wrong, silent] {
            #expect(server.everyStatus(asked.token).count == 1)
            try eventually("its line is written") { !beacon.lines("answered", asked.token).isEmpty }
            #expect(beacon.lines("answered", asked.token).map { $0.time.prefix(4) } == ["\(year)"])
        }
        #expect(beacon.brokerState == "connected" && beacon.lines("broker-lost", nil).isEmpty)
        #expect(beacon.stop() == 0)
    }

    @Test(
        "stepped by years between request and proof, either way or both, it changes neither deadline nor verdict",
        arguments: [[2099], [1970], [2099, 1970]])
    func stepped(years: [Int]) throws {
        let beacon = try BeaconProcess(
            network, settings: ["observation": ["window = 3"], "log": ["format = json"]])
        try beacon.startAndJoin(environment: clock.environment)
        let start = bootNanoseconds()
        let (right, silent) = (try ask(beacon), try ask(beacon))
        let opened = bootNanoseconds()
        // After CHALLENGE, so that the proof's own time limit and the round trip are measured over it.
        let end = try TestDevice.prove(beacon.link, right.value, as: right.device) { device, frame in
            if case .proof = frame { for year in years { try? clock.set(to: year) } }
            device.send(frame)
        }
        #expect(end?.outcome == .valid)
        #expect(try server.waitForVerdict(right.token) == .observedJoinValid)
        #expect(try server.waitForVerdict(silent.token) == .observedJoinFail)
        let arrival = try #require(server.arrival(silent.token))
        // The rest is what a busy machine may take.
        #expect((start + 3_000_000_000...opened + 8_000_000_000).contains(arrival), "after \(arrival - start) ns")
        let answered = try #require(beacon.lines("answered", right.token).first)
        #expect(answered.time.hasPrefix("\(years.last ?? 0)-"), "the clock was not stepped")
        let evidence = beacon.history.first { $0["verdict"] as? String == "valid" }?["evidence"] as? [String: Any]
        let roundTrip = try #require(evidence?["round_trip_us"] as? Int)
        #expect((1...2_000_000).contains(roundTrip))
        #expect(beacon.stop() == 0)
    }

    @Test(
        "wrong at a restart, it changes no earlier deadline, and a deadline that has passed counts",
        arguments: wrongYears)
    func deadlineOverRestart(year: Int) throws {
        let beacon = try BeaconProcess(network, settings: ["observation": ["window = 3"], "log": ["format = json"]])
        try beacon.startAndJoin()
        let start = bootNanoseconds()
        let silent = try ask(beacon)
        let opened = bootNanoseconds()
        beacon.stop(with: SIGKILL)
        try clock.set(to: year)
        try beacon.start(environment: clock.environment)
        try eventually("it is answered") { beacon.lines("answered", silent.token).count == 1 }
        let answered = try #require(beacon.lines("answered", silent.token).first)
        #expect(answered.time.hasPrefix("\(year)-"))
        let moment = Int64((Double(answered.boot) ?? 0) * 1e9)
        #expect((start + 3_000_000_000...opened + 8_000_000_000).contains(moment), "after \(moment - start) ns")
        try clock.correct()
        #expect(try server.waitForVerdict(silent.token) == .observedJoinFail)
        #expect(beacon.stop() == 0)
    }

    @Test("wrong by years, differently at each start, its sequence ids rise over all of them")
    func sequences() throws {
        let beacon = try BeaconProcess(network, settings: ["log": ["format = json"]])
        try beacon.startAndJoin()
        let asked = try [2099, 1970, 2038, 1970].map { ($0, try ask(beacon)) }
        for (year, one) in asked {
            beacon.stop(with: SIGKILL)
            try clock.set(to: year)
            try beacon.start(environment: clock.environment)
            #expect(try prove(one, beacon) == .valid)
            try eventually("its line is written") { !beacon.lines("answered", one.token).isEmpty }
            #expect(beacon.lines("answered", one.token).map { $0.time.prefix(4) } == ["\(year)"])
        }
        try clock.correct()
        for (_, one) in asked { #expect(try server.waitForVerdict(one.token) == .observedJoinValid) }
        let order = server.accepted.map(\.token).filter { token in asked.contains { $0.1.token == token } }
        #expect(order == asked.map(\.1.token), "as they were decided")
        expectRisingSequences()
        #expect(beacon.stop() == 0)
    }
}

/// As in `ClockTests`, but the certificate comes from a registration service, and is renewed.
@Suite("A wall clock that is wrong, and the client certificate", .blocking)
struct ClockRenewalTests {
    let network: Network
    let service: RegistryService
    let beacon: Enrollee
    let clock: WrongClock

    init() throws {
        network = try Network()
        service = try RegistryService(network)
        beacon = Enrollee(service)
        clock = try WrongClock(network)
    }

    private var log: String { network.folder + "/daemon.log" }
    private var logged: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    /// Enrolled with a certificate of so many seconds (nil: as the service likes), and started.
    private func start(seconds: Int?) throws -> Child {
        try service.set("seconds", seconds)
        #expect(try beacon.enrol("--identity", Node.beacon.topicForm).status == 0)
        try service.set("seconds", nil)
        return try RenewTests.Running(network: network, beacon: beacon).run(log, environment: clock.environment)
    }

    /// The files for the connection to the broker.
    private var files: [Data?] { ["access/key.pem", "access/certificate.pem"].map(beacon.content) }

    @Test("at 2099 from the start, a certificate that cannot be renewed is kept, and used when the clock is right")
    func fromTheStart() throws {
        try clock.set(to: 2099)
        let daemon = try start(seconds: nil)
        defer { daemon.end() }
        let before = files
        try eventually("it cannot be renewed\n\(logged)") { logged.contains("the certificate has not been renewed") }
        #expect(logged.contains("2099-01-02T"))
        #expect(files == before)
        try clock.correct()
        try eventually("it is connected\n\(logged)") { logged.contains("connected to the broker") }
        #expect(files == before)
        #expect(try beacon.command("status").text.contains("days left"))
        #expect(daemon.end() == 0)
    }

    @Test("at 2099 when it is due, the old one and its connection stay, and it is renewed when the clock is right")
    func whenDue() throws {
        let daemon = try start(seconds: 15)
        defer { daemon.end() }
        try eventually("it is connected\n\(logged)") { logged.contains("connected to the broker") }
        let before = files
        try clock.set(to: 2099)
        try eventually("it cannot be renewed\n\(logged)", within: 30) {
            logged.contains("the certificate has not been renewed")
        }
        #expect(files == before)
        #expect(try beacon.command("status").text.contains("connected"))
        #expect(!logged.contains("reconnecting to the broker"))
        try clock.correct()
        try eventually("it is renewed, and back\n\(logged)", within: 30) {
            logged.contains("has been renewed") && logged.components(separatedBy: "connected to the broker").count == 3
        }
        #expect(files != before)
        #expect(daemon.end() == 0)
    }
}

extension BeaconProcess {
    /// What it has logged as JSON.
    struct Line: Decodable {
        let time, boot, message: String
        let event, token: String?
    }

    /// The lines of a kind, and about a token where one is given.
    func lines(_ event: String, _ token: Token?) -> [Line] {
        logged.split(separator: "\n").compactMap { try? JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
            .filter { $0.event == event && (token == nil || $0.token == token?.description) }
    }
}
