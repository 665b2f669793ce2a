import Foundation
import Glibc
import Keys
import OperatorText
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import Enrolling
@testable import Operating

@Suite("An enrolment beside a conf.d")
struct FragmentEnrolmentTests {
    /// Writes the configuration of an enrolment where conf.d has this file.
    private func enrol(_ fragment: String, _ body: (WrittenConfiguration, TemporaryFolder) throws -> Void) throws {
        try TemporaryFolder.with { folder in
            mkdir(folder.path("conf.d"), 0o755)
            try folder.write(Data(fragment.utf8), to: "conf.d/10.conf", mode: 0o644)
            try body(
                WrittenConfiguration(
                    path: folder.path("beacon.conf"), folder: CredentialFolder(path: folder.path("keys")),
                    state: folder.path("state")), folder)
        }
    }

    private func write(_ place: WrittenConfiguration) throws {
        let broker = try #require(BrokerPlace(hostAndPort: "broker.example.org:8883"))
        try place.write(.init(identity: Identifier(0xb1), broker: broker, server: Identifier(0xc2)))
    }

    @Test("writes its file although the others add a server and replace the broker, and the beacon reads all")
    func written() throws {
        try enrol("[broker]\naddress = a:1\n[server c3]\nkey = /etc/c3") { place, folder in
            try place.checkPlace()
            try write(place)
            let all = try Configuration(file: folder.path("beacon.conf"))
            #expect(all.brokers.map(\.description) == ["a:1"] && all.servers.count == 2)
            #expect(place.found(Identifier(0xb1)) == .ours)
        }
    }

    @Test("is refused before anything is done where the beacon could not start with them")
    func refused() throws {
        try enrol("[broker]\naddres = a:1") { place, _ in
            let fault = try #require(throws: OperatorFault.self) { try place.checkPlace() }
            #expect(fault.message.hasPrefix("line 2 of ") && fault.message.contains("conf.d/10.conf"))
        }
    }

    @Test("is refused where one of them makes it another beacon, and leaves no file")
    func other() throws {
        try enrol("[beacon]\nidentity = b2") { place, folder in
            let fault = try #require(throws: OperatorFault.self) { try write(place) }
            #expect(fault.message.contains("of another beacon"))
            #expect(OperatorTextRules.broken(by: fault) == [])
            #expect(access(folder.path("beacon.conf"), F_OK) != 0 && access(folder.path("beacon.conf.new"), F_OK) != 0)
        }
    }
}
