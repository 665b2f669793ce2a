import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Daemon
@testable import Operating

@Suite("What an operator is told about a beacon that was deregistered", .blocking)
struct DeregisteredTests {
    /// A state folder with the note, and no keys.
    private func withFolder(_ body: (BeaconFiles, _ state: String) throws -> Void) throws {
        try BeaconFiles.with { files in
            let state = files.state
            try FileManager.default.createDirectory(
                atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try "by server c2 on 2026-11-30".write(toFile: state + "/deregistered", atomically: true, encoding: .utf8)
            for key in ["identity.pem", "tls.key"] {
                try FileManager.default.removeItem(atPath: files.folder.path(key))
            }
            try body(files, state)
        }
    }

    @Test("the doctor says only that, and not that keys are missing")
    func doctor() throws {
        try withFolder { files, state in
            let file = try files.configuration()
            let doctor = Doctor(configurationFile: file, visits: false) { _ in }
            let found = doctor.keys(try Configuration(file: file))
            #expect(found.map(\.check) == ["deregistered"] && found.first?.hint?.contains("--replace") == true)
        }
    }

    @Test("a command that finds no running beacon does not say that it should be started")
    func silent() throws {
        try withFolder { _, state in
            let fault = #expect(throws: OperatorFault.self) { try Control.ask(state + "/control", .status) }
            #expect(fault?.message.contains("was taken out of the system by server c2") == true)
            try FileManager.default.removeItem(atPath: state + "/deregistered")
            let other = #expect(throws: OperatorFault.self) { try Control.ask(state + "/control", .status) }
            #expect(other?.hint(for: .beacon) == "start it: srup-beacon run --config FILE")
        }
    }

    @Test("an enrolment that would go on with the old identity is refused before the service is asked")
    func enrolling() throws {
        try withFolder { files, state in
            var order = EnrolmentOrder()
            (order.configuration, order.state) = (files.folder.path("new.conf"), state)
            order.form.address = "https://localhost:1"
            let fault = #expect(throws: OperatorFault.self) { try order.perform { _ in } }
            #expect(fault?.hint(for: .beacon).contains("srup-beacon enrol URL --replace") == true, "\(fault as Any)")
        }
    }
}
