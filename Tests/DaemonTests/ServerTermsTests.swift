import OperatorText
import ProofLink
import SRUP
import Testing

@testable import Daemon

/// What a server may do and what it receives, as configured.
@Suite("Servers and modes in the configuration")
struct ServerTermsTests {
    private func configuration(_ lines: String...) throws -> Configuration {
        try Settings.configuration((Settings.good + lines).joined(separator: "\n"))
    }

    private func fault(_ lines: String...) throws -> OperatorFault {
        try Settings.fault((Settings.good + lines).joined(separator: "\n"))
    }

    private let second = "[server c3]\nkey = /etc/c3"

    @Test(
        "a server whose commands name no device may not destroy the keys, and gets no proofs, unless configured",
        arguments: [
            ("", true, true), ("recipient = token", true, true), ("recipient = broker", false, false),
            ("recipient = broker\nderegister-command = yes", true, false),
            ("deregister-command = yes\nrecipient = broker", true, false),
            ("recipient = broker\nproof = yes", false, true), ("deregister-command = no", false, true),
            ("proof = no", true, false),
        ])
    func defaults(lines: String, deregisters: Bool, takesProofs: Bool) throws {
        let terms = try #require(try configuration(lines).servers[Identifier(0xC2)]?.terms)
        #expect(terms.deregisters == deregisters && terms.takesProofs == takesProofs)
    }

    @Test(
        "a server whose commands name no device gets no DATA that it has not asked for, nor proofs, unless configured",
        arguments: [
            ("", true, true), ("recipient = broker", false, false), ("recipient = broker\ndata = yes", true, true),
            ("data = no", false, false), ("data = no\nproof = yes", false, true),
        ])
    func data(lines: String, takesData: Bool, takesProofs: Bool) throws {
        let terms = try #require(try configuration(lines).servers[Identifier(0xC2)]?.terms)
        #expect(terms.takesData == takesData && terms.takesProofs == takesProofs)
    }

    @Test("writing down a default does not change the configuration")
    func writtenDown() throws {
        #expect(
            try configuration("deregister-command = yes", "data = yes", "proof = yes", "shared = no") == configuration()
        )
        #expect(
            try configuration("recipient = broker", "deregister-command = no", "data = no", "proof = no")
                == configuration("recipient = broker"))
    }

    @Test("a server with recipient = broker next to another is refused without shared = yes")
    func sharing() throws {
        let fault = try fault("recipient = broker", second)
        expectGood(fault)
        #expect(fault.message.contains("[server c2]") && fault.hint(for: .beacon).contains("shared = yes"), "\(fault)")
        // Also where it is the second, and where only the other one says that it is shared.
        #expect(try self.fault(second, "recipient = broker").message.contains("[server c3]"))
        #expect(try self.fault("recipient = broker", second, "shared = yes").message.contains("[server c2]"))
        #expect(try configuration("recipient = broker\nshared = yes", second).servers.count == 2)
        #expect(try configuration("recipient = broker").servers.count == 1)
        #expect(try configuration(second).servers.count == 2)
    }

    @Test(
        "the modes are those that are on, and none at all is refused",
        arguments: [
            ("", [.challenge, .keyed]), ("value-mode = yes", [.value, .challenge, .keyed]),
            ("keyed-mode = no", .challenge), ("challenge-mode = no", .keyed),
            ("value-mode = yes\nchallenge-mode = no\nkeyed-mode = no", .value),
        ] as [(String, Modes)])
    func modes(lines: String, modes: Modes) throws {
        #expect(try configuration("[link]", lines).policy.modes == modes)
    }

    @Test("every mode off is refused")
    func noMode() throws {
        let fault = try fault("[link]", "challenge-mode = no", "keyed-mode = no")
        expectGood(fault)
        #expect(fault.message.contains("every mode"))
    }

    @Test("a beacon that is not public does not say who it is where it may", arguments: ["public", "private", "off"])
    func hiding(advertising: String) throws {
        let configuration = try configuration("[radio]", "advertise = \(advertising)")
        #expect(configuration.policy.hidesIdentity == (advertising != "public"))
    }
}
