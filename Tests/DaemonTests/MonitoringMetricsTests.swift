import BootTime
import Foundation
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Bluetooth
@testable import Daemon
@testable import EventLoop
@testable import Nearby

@Suite("Metrics of what an operator is alerted about", .blocking)
struct MonitoringMetricsTests {
    /// The lines of the metrics that begin with this.
    private func lines(_ shell: ShellFixture, _ start: String) throws -> [String] {
        try shell.on { $0.exposition }.split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("srup_beacon_" + start) }
    }

    private func value(_ line: String?) -> Int64? { line?.split(separator: " ").last.flatMap { Int64($0) } }

    @Test("a server that pauses the beacon, and resumes")
    func paused() throws {
        try TemporaryFolder.with { folder in
            let shell = try ShellFixture(folder)
            try shell.join()
            let name = "server_paused{server=\"\(ShellFixture.c2)\"}"
            #expect(try lines(shell, "server_paused") == ["srup_beacon_\(name) 0"])
            try shell.send(.action(Action.pause.rawValue), token: shell.token(1))
            #expect(try lines(shell, "server_paused") == ["srup_beacon_\(name) 1"])
            try shell.send(.action(Action.resume.rawValue), token: shell.token(2))
            #expect(try lines(shell, "server_paused") == ["srup_beacon_\(name) 0"])
        }
    }

    @Test("when it was started, which does not change, and when the broker's certificate expires")
    func times() throws {
        try TemporaryFolder.with { folder in
            let wall = WallClock()
            let shell = try ShellFixture(folder, wall: wall)
            let started = wall.microseconds / 1_000_000
            try shell.pass(.seconds(90))
            #expect(try lines(shell, "start_") == ["srup_beacon_start_timestamp_seconds \(started)"])
            #expect(
                try lines(shell, "broker_certificate") == [
                    #"srup_beacon_broker_certificate_not_after_seconds{broker="one.example:8883"} 1900000000"#
                ])
        }
    }

    @Test("when a device last connected, and last sent something, by transport; before that nothing is told")
    func traffic() throws {
        try TemporaryFolder.with { folder in
            let shell = try ShellFixture(folder)
            #expect(try lines(shell, "last_") == [])
            let device = try shell.connectDevice()
            try shell.pass(.seconds(3))
            let now = Int64(Date().timeIntervalSince1970)
            let link = try lines(shell, #"last_link_timestamp_seconds{transport="local",adapter=""}"#)
            #expect(abs((value(link.first) ?? 0) - (now - 3)) <= 2 && link.count == 1)
            #expect(try lines(shell, "last_packet") == [])
            let told = try #require(try shell.report().listening?.traffic)
            #expect(told.map(\.text) == ["local: last link 3 s ago, no packet yet"])
            device.send(.ready(mode: .challenge, device: Identifier(0xDE)))
            shell.loop.turn()
            try shell.pass(.seconds(60))
            let packet = try lines(shell, #"last_packet_timestamp_seconds{transport="local",adapter=""}"#)
            #expect(abs((value(packet.first) ?? 0) - (now - 60)) <= 5 && packet.count == 1)
            #expect(try shell.report().text.contains("\nlocal: last link 63 s ago, last packet 60 s ago"))
        }
    }

    @Test(
        "each neighbour that is named: heard, hears, when, and whether the radio is deaf; without one nothing is told")
    func neighbours() throws {
        try TemporaryFolder.with { folder in
            let plain = try ShellFixture(folder)
            #expect(try lines(plain, "neighbour") == [] && lines(plain, "radio_deaf") == [])
        }
        try TemporaryFolder.with { folder in
            let shell = try ShellFixture(folder, "[radio]\nneighbours = be01, be02")
            try shell.on { shell in
                shell.startNeighbours()
                let heard = Announcement(lePSM: 0, beacon: Identifier(0xBE01), hearing: Hearing(named: 1, heard: 0))
                shell.neighbours?.found(
                    heard.advertisement + heard.scanResponse, signal: -40,
                    by: BluetoothAddress("00:AA:01:00:00:00") ?? .any)
            }
            #expect(
                try lines(shell, "neighbour_hear") == [
                    #"srup_beacon_neighbour_heard{neighbour="000000000000be01"} 1"#,
                    #"srup_beacon_neighbour_heard{neighbour="000000000000be02"} 1"#,
                    #"srup_beacon_neighbour_hears{neighbour="000000000000be01"} 0"#,
                ])
            let last = try lines(shell, "neighbour_last_heard")
            #expect(last.count == 1 && last[0].contains(#"{neighbour="000000000000be01",adapter="00:AA:01:00:00:00"}"#))
            #expect(try lines(shell, "radio_deaf") == ["srup_beacon_radio_deaf 0"])
            let report = try #require(try shell.report().radio?.neighbours)
            #expect(report.list.map(\.id) == ["000000000000be01", "000000000000be02"] && report.limitSeconds == 600)
            let json = try encoder().encode(try shell.report())
            #expect(try decoder().decode(StatusReport.self, from: json).radio?.neighbours == report)
        }
    }

    @Test("ways that were not used for long make room: adapters come and go")
    func bounded() {
        var traffic = LinkTraffic()
        for number in 0..<40 {
            let adapter = BluetoothAddress("00:AA:01:00:00:\(String(format: "%02X", number))")
            traffic.opened(.le, over: adapter, at: Instant(.seconds(number)))
        }
        #expect(traffic.ways.count == 32 && traffic.ways.values.map(\.lastLink).min() == Instant(.seconds(8)))
        traffic.received(.rfcomm, over: nil, at: Instant(.seconds(50)))
        #expect(traffic.ways.count == 32, "a packet without a link is not counted")
    }

    @Test("a configuration that names the beacon itself as its neighbour is refused, with the line to change")
    func itself() throws {
        let own = Settings.good.compactMap { $0.wholeMatch(of: /identity = (.+)/)?.1 }.first ?? ""
        #expect(throws: (any Error).self) {
            try Settings.configuration(Settings.good.joined(separator: "\n") + "\n[radio]\nneighbours = be01, \(own)")
        }
        let named = try Settings.configuration(Settings.good.joined(separator: "\n") + "\n[radio]\nneighbours = be01")
        #expect(named.usesRadio && named.radio.neighbourLimit == .seconds(600))
    }
}
