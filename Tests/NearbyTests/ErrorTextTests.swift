import Nearby
import OperatorText
import TestVectors
import Testing

@Suite("What is said about links and pairing")
struct ErrorTextTests {
    private static let sockets: [LinkSocketError] = [
        .noBluetooth, .pathTooLong("/run/link"), .notASocket("/run/link"), .failed(call: "connect", errno: 111),
    ]

    @Test("a socket's error has a message and a hint that keep the rules for texts")
    func links() {
        // A new case does not build until it is counted here, and then the table lacks it.
        let numbers = ErrorTextTests.sockets.map { error in
            switch error {
            case .noBluetooth: 0
            case .pathTooLong: 1
            case .notASocket: 2
            case .failed: 3
            }
        }
        #expect(numbers == Array(0...3))
        for error in ErrorTextTests.sockets { #expect(OperatorTextRules.broken(by: error) == []) }
        #expect(LinkSocketError.noBluetooth.hint(for: .bench).hasSuffix("--link local:PATH"))
        #expect(LinkSocketError.noBluetooth.hint(for: .beacon).hasSuffix("[link] local"))
    }

    @Test("so has a pairing's")
    func pairing() {
        let faults: [PairingFault] =
            [.noAdapter, .notPermitted, .adapterGone] + ErrorTextTests.sockets.map { .noManagement($0) }
        let numbers = faults.map { fault in
            switch fault {
            case .noAdapter: 0
            case .notPermitted: 1
            case .adapterGone: 2
            case .noManagement: 3
            }
        }
        #expect(Set(numbers) == Set(0...3))
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }
}
