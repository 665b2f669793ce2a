import Bluetooth
import Nearby
import OperatorText
import ProofLink
import TestVectors
import Testing

@Suite("What is said about links and pairing")
struct ErrorTextTests {
    private static let sockets: [LinkSocketError] = [
        .noBluetooth, .pathTooLong("/run/link"), .notASocket("/run/link"), .failed(call: "connect", errno: 111),
        .noLink(NoLink(.nobody, .rfcomm(.any, channel: 21), from: .any)), .shortPackets(ShortPackets(of: .device, 23)),
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
            case .noLink: 4
            case .shortPackets: 5
            }
        }
        #expect(numbers == Array(0...5))
        for error in ErrorTextTests.sockets { #expect(OperatorTextRules.broken(by: error) == []) }
        #expect(LinkSocketError.noBluetooth.hint(for: .bench).hasSuffix("--link local:PATH"))
        #expect(LinkSocketError.noBluetooth.hint(for: .beacon).hasSuffix("[link] local"))
    }

    @Test("so has a pairing's")
    func pairing() {
        let peer = RadioAddress(BluetoothAddress("66:55:44:33:22:11") ?? .any, .leRandom)
        let faults: [PairingFault] =
            [
                .noAdapter, .notPermitted, .adapterGone, .alreadyPaired(peer), .notPaired(peer.address), .nobody(peer),
                .notOpen(peer), .declinedHere(peer), .declinedThere(peer), .busy(peer), .adapterOff,
            ] + ErrorTextTests.sockets.map { .noManagement($0) }
        let numbers = faults.map { fault in
            switch fault {
            case .noAdapter: 0
            case .notPermitted: 1
            case .adapterGone: 2
            case .noManagement: 3
            case .alreadyPaired: 4
            case .notPaired: 5
            case .nobody: 6
            case .notOpen: 7
            case .declinedHere: 8
            case .declinedThere: 9
            case .busy: 10
            case .adapterOff: 11
            }
        }
        #expect(Set(numbers) == Set(0...11))
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }
}
