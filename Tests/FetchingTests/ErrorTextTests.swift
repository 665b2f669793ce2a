import Fetching
import OperatorText
import TestVectors
import Testing

@Suite("What is said about requests")
struct ErrorTextTests {
    @Test("a failed request has a message and a hint that keep the rules for texts")
    func requests() {
        let faults: [HTTPFault] = [
            .noLibrary, .notSecure("http://host"), .redirected(to: "https://other"), .tooLong(limit: 8), .headTooLong,
            .tooSlow("why"), .unknownHost("host"), .unreachable("why"), .untrusted("why"), .badAuthorityFile("/ca.pem"),
            .notWritten("why"), .cannotResume, .failed("why"), .interrupted("why"),
        ]
        // A new case does not build until it is counted here, and then the table lacks it.
        let numbers = faults.map { fault in
            switch fault {
            case .noLibrary: 0
            case .notSecure: 1
            case .redirected: 2
            case .tooLong: 3
            case .headTooLong: 4
            case .tooSlow: 5
            case .unknownHost: 6
            case .unreachable: 7
            case .untrusted: 8
            case .badAuthorityFile: 9
            case .notWritten: 10
            case .cannotResume: 11
            case .failed: 12
            case .interrupted: 13
            }
        }
        #expect(numbers == Array(0...13) && Set(faults.map(\.message)).count == faults.count)
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }

    @Test("an unknown authority is given with the option that the verb has for it")
    func authority() {
        var names = SettingNames.bench
        names.registryAuthority = "--registry-ca"
        #expect(HTTPFault.untrusted("why").hint(for: .beacon).contains(" --ca FILE"))
        #expect(HTTPFault.untrusted("why").hint(for: names).contains(" --registry-ca FILE"))
    }

    @Test("so has an address that is not one")
    func addresses() {
        let faults: [WebAddress.Fault] = [.scheme, .credentials, .host, .port, .path]
        let numbers = faults.map { fault in
            switch fault {
            case .scheme: 0
            case .credentials: 1
            case .host: 2
            case .port: 3
            case .path: 4
            }
        }
        #expect(numbers == Array(0...4) && Set(faults.map(\.message)).count == faults.count)
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }
}
