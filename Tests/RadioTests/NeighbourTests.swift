import Foundation
import Nearby
import ProofLink
import SystemSupport
import Testing

extension RadioTests {
    /// Two beacons on a linked pair, each of which names the other as its neighbour.
    @Suite("Neighbours", .serialized)
    struct NeighbourTests {
        private let door: PairFixture
        private let second: BeaconProcess
        /// How long a neighbour may be silent, in seconds.
        private let limit = 10

        init() throws {
            door = try PairFixture.fresh()
            let id = Node.second.topicForm
            let keys = door.network.folder + "/\(id)"
            second = try BeaconProcess(
                door.network, name: "neighbour",
                settings: [
                    "beacon": ["identity = \(id)", "key = \(keys).key.pem"],
                    "broker": ["certificate = \(keys).cert.pem", "key = \(keys).tls.key"],
                    "link": ["rfcomm = 5", "l2cap = 0x1037", "le = 0x81", "local = off"],
                    "radio": [
                        "adapters = \(door.near)", "neighbours = \(Node.beacon.topicForm)",
                        "neighbour-limit = \(limit)",
                    ],
                ])
        }

        private func neighbour(of beacon: BeaconProcess) -> [String: Any] {
            let radio = beacon.status["radio"] as? [String: Any]
            return ((radio?["neighbours"] as? [String: Any])?["list"] as? [[String: Any]])?.first ?? [:]
        }

        private func metric(_ line: String) throws -> Bool {
            try door.beacon.command("metrics").text.split(separator: "\n").contains { $0.hasPrefix(line) }
        }

        private var isHearing: Bool {
            [door.beacon, second].allSatisfy { neighbour(of: $0)["hears"] as? Int == 1 }
        }

        @Test(
            "two beacons hear each other, and devices join meanwhile; one that stops is reported within the limit: log, status, metrics, doctor"
        )
        func silence() throws {
            let settings = ["neighbours = \(Node.second.topicForm)", "neighbour-limit = \(limit)"]
            try door.whileOpen(radio: settings) {
                try second.start()
                defer { second.stop(with: SIGKILL) }
                try eventually("they hear each other: \(neighbour(of: door.beacon)) \(second.logged)", within: 120) {
                    isHearing
                }
                #expect(try metric("srup_beacon_neighbour_heard{neighbour=\"\(Node.second)\"} 1"))
                #expect(try metric("srup_beacon_radio_deaf 0"))
                // A limit of 10 s makes it search half of the time.
                for _ in 0..<4 {
                    let link = try TestDevice(
                        Route(.le(door.own, psm: NearbyAddress.defaultLEPSM, random: false), from: door.near))
                    guard case .hello? = try link.receive() else {
                        Issue.record("no HELLO while it searches")
                        return
                    }
                }
                let told = try door.beacon.command("status").text
                #expect(told.contains(try Regex("le on \(door.own) +last link ")), "\(told)")
                second.stop(with: SIGTERM)
                let stopped = Date()
                try eventually("it is reported: \(neighbour(of: door.beacon))", within: 120) {
                    door.beacon.logged.contains("neighbour \(Node.second): not heard for")
                        && neighbour(of: door.beacon)["heard"] as? Bool == false
                }
                let seconds = Date().timeIntervalSince(stopped)
                print("a neighbour that stopped was reported after \(Int(seconds)) s, with a limit of \(limit) s")
                #expect(try metric("srup_beacon_neighbour_heard{neighbour=\"\(Node.second)\"} 0"))
                // With a single neighbour, it may as well be the neighbour that does not send.
                #expect(try metric("srup_beacon_radio_deaf 0"))
                let doctor = try door.beacon.command("doctor", "--no-visit")
                let isWarned = doctor.text.contains("not heard") && !doctor.text.contains("BAD      neighbours")
                #expect(isWarned, "\(doctor.text)")
            }
        }
    }
}
