import Foundation
import OperatorText
import TestVectors
import Testing

@testable import Daemon

/// `[radio] registration-url`
@Suite("The registration URL that is advertised")
struct EddystoneSettingTests {
    private func read(_ value: String) throws -> Configuration {
        try TemporaryFolder.with { folder in
            let text = "[radio]\nregistration-url = \(value)\n"
            return try Configuration(file: folder.write(Data(text.utf8), to: "beacon.conf"))
        }
    }

    private func fault(_ value: String) throws -> OperatorFault {
        let fault = try #require(throws: OperatorFault.self) { try read(value) }
        #expect(OperatorTextRules.broken(by: fault) == [])
        return fault
    }

    @Test("is refused with the number of bytes that it takes, and how to shorten it")
    func tooLong() throws {
        let fault = try fault("https://register.example.org:8443")
        #expect(fault.message.contains("has room for 17 bytes behind https:// or https://www., and it takes 22"))
        #expect(fault.hint(for: .beacon).hasPrefix("shorten it: "))
        // What follows is a fault of another line: the longest ones are taken.
        for value in ["https://register.example.org", "https://a.example:8443/p"] {
            #expect(try self.fault(value).message.contains("identity"), "\(value)")
        }
    }

    @Test(
        "never holds a token, a fingerprint, a query or a password, and a fault does not repeat one",
        arguments: [
            "https://a.org#token=hush", "https://a.org?token=hush", "https://hush@a.org", "https://a.org/#hush",
        ])
    func secrets(value: String) throws {
        let fault = try fault(value)
        #expect(
            fault.message.hasSuffix("[radio] registration-url is not an address alone: everybody nearby receives it"))
        #expect(!fault.message.contains("hush"))
    }

    @Test(
        "is an address of a service with TLS, in printable ASCII",
        arguments: [
            "http://a.org", "https://", "https://a.ö", "yes", "https:///x", "https://%%", "https://:::", "https://a:0",
        ])
    func malformed(value: String) throws {
        #expect(try fault(value).hint(for: .beacon).hasPrefix("wanted: off, or "))
    }
}
