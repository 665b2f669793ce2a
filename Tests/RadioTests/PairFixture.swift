import Bluetooth
import Foundation
import Nearby
import ProofLink
import SystemSupport
import Testing

extension Radio {
    /// The pair hci4 and hci5 as new: hci4 is off and not set up, hci5 is on, and neither knows the other.
    static func renewPair() throws {
        try? adapter("unplug", "4")  // it may be out already
        try adapter("plug", "4", "--bare")
        try adapter("on", "5")
    }

    /// An adapter's settings, as `lab-radio` prints them.
    static func settings(of adapter: Int) throws -> Set<Substring> {
        let words = try Network.run("/usr/bin/env", ["lab-radio", "settings", "\(adapter)"])
        return Set(words.split(whereSeparator: \.isWhitespace))
    }
}

/// The output of a command of the bench kit, and its exit status.
func bench(_ words: String...) throws -> (status: Int32, text: String) { try bench(words) }

func bench(_ words: [String]) throws -> (status: Int32, text: String) {
    try Network.output(Network.products + "/srup-bench", words)
}

/// A line of `srup-bench scan --json`.
struct Seen: Decodable, Equatable {
    let beacon: String?
    let address: String
    let kind: String
    let signalDbm: Int?
    let lePsm: Int

    /// Every beacon that an adapter finds within so many seconds.
    static func by(_ adapter: BluetoothAddress, seconds: Int = 3) throws -> (all: [Seen], raw: String) {
        let reply = try bench("scan", "--json", "--seconds", "\(seconds)", "--adapter", adapter.description)
        let lines = reply.text.split(separator: "\n").filter { $0.hasPrefix("{") }
        guard (reply.status == 0) == !lines.isEmpty else { throw NotInTime(what: "an exit status for: \(reply)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return (try lines.map { try decoder.decode(Seen.self, from: Data($0.utf8)) }, reply.text)
    }

    /// The only beacon that an adapter finds. It scans again if it has found nothing: a second is short for a
    /// processor that is emulated, and busy.
    static func only(by adapter: BluetoothAddress) throws -> (seen: Seen, raw: String) {
        var heard: (all: [Seen], raw: String) = ([], "")
        try eventually("a beacon is heard") {
            heard = try by(adapter, seconds: 1)
            return !heard.all.isEmpty
        }
        guard let first = heard.all.first, heard.all.count == 1 else {
            throw NotInTime(what: "one beacon: \(heard.raw)")
        }
        return (first, heard.raw)
    }
}

/// Its own beacon on hci4, with hci5 near by, and the real commands.
final class PairFixture: @unchecked Sendable {
    private static let made = Result { try PairFixture() }
    static let (beaconIndex, deviceIndex) = (4, 5)

    let network: Network
    let beacon: BeaconProcess
    let (own, near): (BluetoothAddress, BluetoothAddress)
    private var server: Dialogue?

    private init() throws {
        network = try Network()
        beacon = try BeaconProcess(network)
        (own, near) = (try Radio.address(of: PairFixture.beaconIndex), try Radio.address(of: PairFixture.deviceIndex))
    }

    /// No beacon runs, and the adapters are not set up.
    static func fresh() throws -> PairFixture {
        RadioFixture.rest()
        try Radio.renewPair()
        return try made.get()
    }

    /// While a beacon runs with this configuration.
    func whileOpen(link: [String] = [], radio: [String] = [], hasServer: Bool = false, _ body: () throws -> Void) throws
    {
        try beacon.write([
            "link": [
                "rfcomm = \(NearbyAddress.defaultChannel)", "l2cap = \(NearbyAddress.defaultPSM)",
                "le = \(NearbyAddress.defaultLEPSM)", "local = off",
            ] + link,
            "radio": ["adapters = \(own)"] + radio,
        ])
        let before = beacon.logged.count
        defer { beacon.stop() }
        if hasServer {
            try startServer()
            try beacon.startAndJoin()
        } else {
            try beacon.start()
        }
        try eventually("the adapter is ready: \(beacon.logged.dropFirst(before))") {
            beacon.logged.dropFirst(before).contains("adapter \(own): ready")
        }
        try body()
    }

    /// The real C2 server, shared by all tests: another run of it would not know a beacon that has joined this one.
    private func startServer() throws {
        guard server == nil else { return }
        let made = try Dialogue(
            Network.products + "/srup-bench",
            ["c2"] + identity(Node.c2.topicForm)
                + ["--keyring", network.folder, "--observer", Node.beacon.topicForm])
        try made.hear("c2: ready")
        server = made
    }

    /// The server's output.
    var served: String { server?.said ?? "" }

    private func identity(_ name: String) -> [String] {
        let path = network.folder + "/"
        return [
            "--id", name, "--key", path + "\(name).key.pem", "--broker", "localhost:\(network.port)",
            "--ca", path + "ca.pem", "--cert", path + "\(name).cert.pem", "--tls-key", path + "\(name).tls.key",
        ]
    }

    /// `srup-bench device`, looking for the nearest beacon. It looks again if it found none.
    func device(_ words: String...) throws -> (status: Int32, text: String) {
        var reply: (status: Int32, text: String) = (-1, "")
        try eventually("a beacon is heard: \(reply)", within: 120) {
            reply = try deviceOnce(seconds: 1, words)
            return !reply.text.contains(/beacon( \S+)? was( not)? found/)
        }
        return reply
    }

    func deviceOnce(seconds: Int, _ words: [String]) throws -> (status: Int32, text: String) {
        try deviceOnce(
            timeout: 60,
            ["--beacon", "nearest", "--look-for", "\(seconds)", "--adapter", near.description] + words)
    }

    /// `srup-bench device` with these words, which say where the beacon is.
    func deviceOnce(timeout: Int, _ words: [String]) throws -> (status: Int32, text: String) {
        let server = Node.c2.topicForm
        return try Network.output(
            Network.products + "/srup-bench",
            ["device"] + identity(Node.device.topicForm)
                + [
                    "--server", server, "--server-key", network.folder + "/\(server).pub.pem", "--timeout",
                    "\(timeout)",
                ] + words)
    }
}
