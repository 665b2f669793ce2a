import EventLoop
import Foundation
import Keys
import Nearby
import ProofLink
import SRUP
import Synchronization
import SystemSupport
import Testing

/// One broker, one server and one beacon for all of these tests: making their keys takes longest if the processor
/// is emulated. They end with the machine. The tests run one at a time.
final class RadioFixture: @unchecked Sendable {
    private static let made = Result { try RadioFixture() }
    private static let last = Mutex<RadioFixture?>(nil)

    /// The device's identity key: it signs in keyed mode.
    let deviceKey: IdentityKey
    let network: Network
    let server: TestServer
    let beacon: BeaconProcess
    private var settings: [String: [String]] = [:]

    private init() throws {
        network = try Network()
        deviceKey = try IdentityKey(pemFile: network.folder + "/\(Node.device.topicForm).key.pem")
        server = try TestServer(network)
        beacon = try BeaconProcess(network)
        RadioFixture.last.withLock { $0 = self }
    }

    /// Stops the beacon, if there is one, for a suite that has its own. The next fixture starts it again.
    /// - Returns: how many characters it has logged so far.
    @discardableResult
    static func rest() -> Int {
        let beacon = RadioFixture.last.withLock { $0 }?.beacon
        beacon?.stop()
        return beacon?.logged.count ?? 0
    }

    /// Every beacon's configuration, before a suite's own lines. It does not use the devices' adapters.
    private static func common() throws -> [String: [String]] {
        [
            "observation": ["window = 120"],
            "link": [
                "rfcomm = \(NearbyAddress.defaultChannel)", "l2cap = \(NearbyAddress.defaultPSM)",
                "le = \(NearbyAddress.defaultLEPSM)", "local = off", "value-mode = yes",
            ],
            "radio": ["adapters = \(try Radio.address(of: 0)), \(try Radio.address(of: 2))"],
        ]
    }

    /// The fixture with a beacon that runs as configured: the suite's lines replace the common ones.
    /// - Parameter fresh: always restarts it, so that it forgets what it knew about its peers.
    static func with(observation: [String] = [], link: [String] = [], radio: [String] = [], fresh: Bool = false)
        throws -> RadioFixture
    {
        let field = try made.get()
        let given = ["observation": observation, "link": link, "radio": radio]
        let settings = try common().merging(given) { common, own in
            let names = Set(own.map { $0.split(separator: " ")[0] })
            return own + common.filter { !names.contains($0.split(separator: " ")[0]) }
        }
        if fresh || settings != field.settings || !field.beacon.isRunning {
            field.beacon.stop()
            try field.beacon.write(settings)
            try field.beacon.startAndJoin()
            field.settings = settings
        }
        return field
    }

    /// How one join went.
    struct Join {
        let token: Token
        let end: TestDevice.End
        /// How the links before the last one ended: with an outcome, or without one.
        let before: [Outcome?]
        /// From CHALLENGE at the device to RESPONSE at the server, in nanoseconds.
        let answered: Int64
    }

    /// A whole join by a device that tries again on a new link until the beacon answers *valid*, as docs/proof-link.md
    /// allows it: after *busy*, *fail* and *unknown*, and if a link ends without an outcome.
    /// - Parameters:
    ///   - deviceFirst: the server asks only once the device is waiting on its link.
    ///   - asked: called between the server's request and the device's link, if the server is first.
    func join(
        _ way: Route, _ mode: Mode = .challenge, deviceFirst: Bool = false, within seconds: Double = 30,
        asked hasAsked: () throws -> Void = {}
    ) throws -> Join {
        let (value, token) = (Secret.random(), TestServer.token())
        var asked = false
        var before: [Outcome?] = []
        func ask() throws {
            if !asked { try server.observe(Node.device, value, token: token) }
            asked = true
        }
        if !deviceFirst {
            try ask()
            try hasAsked()
        }
        let deadline = bootNanoseconds() + Int64(seconds * 1e9)
        repeat {
            let end = try TestDevice.prove(
                way, value, mode: mode, waiting: { if deviceFirst { try ask() } },
                signedBy: { (try? deviceKey.signature(over: [$0[...]])) ?? [] })
            if let end, end.outcome == .valid, let challenged = end.challenged {
                _ = try server.waitForVerdict(token)
                return Join(token: token, end: end, before: before, answered: try arrival(token) - challenged)
            }
            guard [nil, .busy, .fail, .unknown].contains(end?.outcome) else {
                throw NotInTime(what: "valid: the beacon said \(end?.outcome as Any) after \(before)")
            }
            before.append(end?.outcome)
            // Once the server has its answer, no other link can get *valid* for this device.
            guard server.verdicts(token).isEmpty else {
                throw NotInTime(what: "valid: \(server.verdicts(token)) is decided, and the device heard \(before)")
            }
        } while bootNanoseconds() < deadline
        throw NotInTime(what: "valid in \(seconds) s: the device heard \(before)")
    }

    private func arrival(_ token: Token) throws -> Int64 {
        guard let arrival = server.arrival(token) else { throw NotInTime(what: "a verdict's time") }
        return arrival
    }

    /// How many observations the beacon has open.
    var openObservations: Int? { (beacon.status["observations"] as? [String: Any])?["open"] as? Int }

    /// The beacon's history of an exchange.
    func past(_ token: Token) -> [String: Any]? { beacon.history.first { $0["token"] as? String == token.description } }

    /// The beacon serves as if nothing had happened: a join over this route is answered *valid*.
    func expectService(_ way: Route, _ location: SourceLocation = #_sourceLocation) throws {
        let join = try join(way)
        #expect(server.verdicts(join.token) == [.observedJoinValid], sourceLocation: location)
        #expect(beacon.isRunning, sourceLocation: location)
    }
}
