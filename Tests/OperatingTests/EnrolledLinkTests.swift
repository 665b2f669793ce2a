import Files
import Foundation
import Glibc
import Keys
import Nearby
import OperatorText
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import Enrolling
@testable import Operating

@Suite("The link that help texts and pages give to a device")
struct EnrolledLinkTests {
    private static let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The pages, and the sources that have the help texts of the bench kit.
    private static let texts: [String] = {
        let folder = project.appending(path: "Sources/srup-bench").path
        let help = Folder.entries(of: folder).filter { $0.hasSuffix(".swift") }.map { "Sources/srup-bench/" + $0 }
        let pages = Folder.entries(of: project.appending(path: "docs").path).filter { $0.hasSuffix(".md") }
        return (["README.md"] + pages.map { "docs/" + $0 } + help).sorted()
    }()

    /// What an enrolment writes, as the daemon reads it.
    private func enrolled() throws -> Configuration {
        try TemporaryFolder.with { files in
            let place = WrittenConfiguration(
                path: files.path("beacon.conf"), folder: CredentialFolder(path: files.path("keys")),
                state: files.path("state"))
            let broker = try #require(BrokerPlace(hostAndPort: "broker.example.org:8883"))
            try place.write(.init(identity: Identifier(0xb1), broker: broker, server: Identifier(0xc2)))
            return try Configuration(file: files.path("beacon.conf"))
        }
    }

    /// The transport and its number, without the adapter; the path of a local one.
    private func door(_ address: NearbyAddress) -> String {
        switch address {
        case .rfcomm(_, let channel): "rfcomm \(channel)"
        case .l2cap(_, let psm): "l2cap \(psm)"
        case .le(_, let psm, _): "le \(psm)"
        case .local(let path): "local \(path)"
        }
    }

    @Test(
        "is one that a beacon opens with the configuration of its enrolment, or with the one that the same page shows")
    func opened() throws {
        let doors = try enrolled().listeners.map { door($0.address) }
        #expect(!doors.isEmpty)
        var found = 0
        for name in EnrolledLinkTests.texts {
            let text = try String(contentsOf: EnrolledLinkTests.project.appending(path: name), encoding: .utf8)
            for match in text.matches(of: /--link ((local|rfcomm|l2cap|le|le-random):[^\s,.;)`"]+)/) {
                // Addresses that a script fills in, and the form of one.
                guard let address = NearbyAddress(String(match.1)), !match.1.hasSuffix("PATH") else { continue }
                found += 1
                if case .local(let path) = address, text.contains("local = \(path)") { continue }
                #expect(doors.contains(door(address)), "\(name): \(match.1)")
            }
        }
        #expect(found >= 4)
    }
}

@Suite("An enrolment as the wrong user")
struct WrongUserTests {
    @Test("is refused before anything is read or asked, with both users' names", .enabled(if: geteuid() == 0))
    func refused() throws {
        try TemporaryFolder.with { files in
            mkdir(files.path("state"), 0o700)
            #expect(chown(files.path("state"), 65_534, 65_534) == 0)
            var order = EnrolmentOrder()
            (order.configuration, order.state) = (files.path("beacon.conf"), files.path("state"))
            order.form.address = "https://127.0.0.1:1"
            order.form.token = files.path("nothing")
            let fault = try #require(throws: OperatorFault.self) { try order.rehearse { _ in } }
            #expect(fault.message == "this runs as user root, and \(files.path("state")) belongs to user nobody")
            #expect(fault.hint(for: .beacon) == "run it as that user: runuser -u nobody -- srup-beacon enrol ...")
        }
    }
}
