import EventLoop
import Glibc
import ProofLink
import TestVectors
import Testing

@testable import Bluetooth
@testable import Nearby

private let peer = RadioAddress(BluetoothAddress("66:55:44:33:22:11") ?? .any, .lePublic)

@Suite("Why a pairing has failed", .blocking)
struct PairingFaultTests {
    /// Every status that the management interface has (BlueZ, doc/mgmt-api.txt).
    private static let statuses = (UInt8(0)...0x14).map(ManagementStatus.init)

    private func attempt(_ change: (inout PairingAttempt) -> Void = { _ in }) -> PairingAttempt {
        var attempt = PairingAttempt(peer: peer)
        change(&attempt)
        return attempt
    }

    @Test("already paired, nobody there, not open, and a no on either side are told apart")
    func kinds() {
        let rows: [(PairingAttempt, ManagementStatus, PairingFault)] = [
            (attempt(), .alreadyPaired, .alreadyPaired(peer)),
            // Over BR/EDR the controller reports it; over LE, and for another kind of address, nothing comes.
            (attempt(), .connectFailed, .nobody(peer)), (attempt(), .timeout, .nobody(peer)),
            (attempt(), .authenticationFailed, .notOpen(peer)),
            (attempt { $0.hasConnected = true }, .authenticationFailed, .notOpen(peer)),
            (attempt { $0.hasConnected = true }, .timeout, .notOpen(peer)),
            (attempt { $0.wasAsked = true }, .authenticationFailed, .declinedThere(peer)),
            (attempt { $0.wasAsked = true }, .timeout, .declinedThere(peer)),
            (attempt { ($0.wasAsked, $0.hasDeclined) = (true, true) }, .authenticationFailed, .declinedHere(peer)),
            (attempt(), .denied, .notPermitted), (attempt(), .notPowered, .adapterOff), (attempt(), .busy, .busy(peer)),
        ]
        for (attempt, status, fault) in rows { #expect(attempt.fault(status) == fault, "\(attempt) \(status)") }
    }

    @Test("no status gives a sentence with its number")
    func numbers() {
        for status in Self.statuses {
            #expect(!status.description.contains("0x"), "\(status)")
            for attempt in [attempt(), attempt { $0.wasAsked = true }] {
                let message = attempt.fault(status).message
                #expect(!message.contains("status") && !message.contains("0x"), "\(message)")
            }
        }
    }

    @Test("a machine that is already paired is told how the old pairing is removed, and a beacon how it is opened")
    func hints() {
        #expect(
            PairingFault.alreadyPaired(peer).hint(for: .bench).contains("srup-bench pair --remove 66:55:44:33:22:11"))
        #expect(PairingFault.notOpen(peer).hint(for: .bench).contains("srup-beacon pair"))
        #expect(PairingFault.nobody(peer).hint(for: .bench).contains("--kind"))
    }

    /// The kernel's end: how "Unpair Device" ends for a kind of address.
    private func kernel(_ answers: @escaping @Sendable (_ kind: UInt8) -> UInt8) throws -> Int32 {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &pair) == 0)
        let socket = pair[1]
        _ = fcntl(pair[0], F_SETFL, O_NONBLOCK)
        startThread("kernel") {
            var buffer = [UInt8](repeating: 0, count: 64)
            while recv(socket, &buffer, buffer.count, 0) == 14 {
                let packet = [1, 0, buffer[2], 0, 10, 0, buffer[0], 0, answers(buffer[12])] + buffer[6..<13]
                _ = send(socket, packet, packet.count, Int32(MSG_NOSIGNAL))
            }
            close(socket)
        }
        return pair[0]
    }

    private func remove(_ answers: @escaping @Sendable (UInt8) -> UInt8) throws -> [BluetoothAddress] {
        let given = try kernel(answers)
        defer { close(given) }
        let own = RadioSurvey.Adapter(
            index: AdapterIndex(1), information: AdapterInformation(address: peer.address, supported: [], current: []),
            isBlocked: false)
        return try PairingRemoval.run(peer.address, from: [own], given: given)
    }

    @Test("removing a pairing removes the keys of every kind, and says if there was none")
    func removal() throws {
        #expect(try remove { $0 == 2 ? 6 : 0 } == [peer.address])
        #expect(try remove { $0 == 0 ? 0 : 6 } == [peer.address])
        #expect(throws: PairingFault.notPaired(peer.address)) { try remove { _ in 6 } }
        #expect(throws: PairingFault.notPermitted) { try remove { _ in 0x14 } }
    }
}
