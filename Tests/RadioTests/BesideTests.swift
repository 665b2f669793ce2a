import Foundation
import Keys
import ProofLink
import SystemSupport
import Testing

extension RadioTests {
    /// Alongside BlueZ's daemon, as on most machines: Scripts/lab --bluetoothd --adapters 4.
    @Suite(
        "Beside bluetoothd", .serialized, .enabled(if: Radio.hasService, "needs bluetoothd: Scripts/lab --bluetoothd"))
    struct BesideTests {
        let field: RadioFixture

        init() throws { field = try RadioFixture.with() }

        /// The device's route. bluetoothd keeps an LE connection of devices that know each other, and only one kind of
        /// connection may be there at a time.
        private func way(_ transport: Transport) throws -> Route {
            try disconnect()
            return try Radio.deviceWay(transport)
        }

        private func disconnect() throws {
            try Radio.adapter("off", "1")
            try Radio.adapter("on", "1")
        }

        /// What a device finds when it browses the beacon's adapter.
        private func browse() throws -> String {
            try disconnect()
            return try Network.output(
                "/usr/bin/env", ["sdptool", "-i", "hci1", "browse", "--xml", "\(try Radio.address(of: 0))"]
            ).text.lowercased()
        }

        /// The service's UUID, the RFCOMM channel and the L2CAP PSM, as sdptool prints them.
        private func isOurs(_ found: String) -> Bool {
            found.contains(Announcement.serviceText) && found.contains("0x15") && found.contains("0x1035")
        }

        private func isHeard() throws -> Bool {
            try Seen.by(try Radio.address(of: 1)).all.contains { $0.beacon == Node.beacon.description }
        }

        @Test("joins succeed over each transport", arguments: Radio.transports)
        func served(_ transport: Transport) throws {
            try field.expectService(try way(transport))
        }

        @Test(
            "a device that browses finds the service with its UUID, channel and PSM; one that scans receives the beacon"
        )
        func found() throws {
            let found = try browse()
            #expect(isOurs(found), "\(found)")
            #expect(try isHeard())
        }

        @Test(
            "bluetoothd is killed and restarted: advertisement, connectable and record are restored, and a new join works"
        )
        func restarted() throws {
            let link = try TestDevice(try way(.l2cap))
            link.send(.ready(mode: .challenge, device: Node.device))
            guard case .hello? = try link.receive(), case .wait? = try link.receive() else {
                Issue.record("no HELLO and WAIT")
                return
            }
            let before = field.beacon.logged.count
            func new(_ words: String) -> Bool { field.beacon.logged.dropFirst(before).contains(words) }
            try Service.kill()
            try eventually("the record is gone") { new("and the SDP record with it") }
            #expect(throws: NotInTime.self, "the link goes on without bluetoothd") { try link.receive(within: 0.5) }
            let service = try Service.start()
            #expect(service.isRunning)
            try eventually("the record is back", within: 60) { new("the SDP record is registered") }
            try eventually("connectable is back", within: 60) {
                try Radio.settings(of: 0).isSuperset(of: ["powered", "connectable", "le"])
            }
            try eventually("the advertisement is back", within: 60) { try isHeard() }
            let found = try browse()
            #expect(isOurs(found), "\(found)")
            for transport in Radio.transports { try field.expectService(try way(transport)) }
        }
    }
}

extension Radio {
    static var hasService: Bool { FileManager.default.fileExists(atPath: Service.log) }
}

/// BlueZ's daemon, as the lab starts it.
private enum Service {
    static let log = "/run/lab/bluetoothd"

    /// The process of this name; nil if there is none.
    private static func find() throws -> pid_t? {
        let numbers = try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }
        return numbers.first {
            (try? String(contentsOfFile: "/proc/\($0)/comm", encoding: .utf8)) == "bluetoothd\n"
        }
    }

    static func kill() throws {
        let process = try #require(try find(), "bluetoothd runs")
        Glibc.kill(process, SIGKILL)
    }

    static func start() throws -> Child {
        let paths = ["/usr/libexec/bluetooth/bluetoothd", "/usr/lib/bluetooth/bluetoothd"]
        let program = try #require(paths.first { FileManager.default.isExecutableFile(atPath: $0) })
        return try Child(program, ["-n"], output: log)
    }
}
