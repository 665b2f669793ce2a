import Glibc
import ProofLink
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

private let peer = RadioAddress(BluetoothAddress("66:55:44:33:22:11") ?? .any, .leRandom)

@Suite("The management interface's packets")
struct ManagementPacketTests {
    @Test("commands are what BlueZ's doc/mgmt-api.txt says")
    func commands() {
        let wanted: [(ManagementCommand, [UInt8])] = [
            (.readIndexList, [3, 0, 1, 0, 0, 0]),
            (.setPowered(true), [5, 0, 1, 0, 1, 0, 1]),
            (.setDiscoverable(true, seconds: 0x0102), [6, 0, 1, 0, 3, 0, 1, 2, 1]),
            (.confirm(peer, true), [0x1C, 0, 1, 0, 7, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2]),
            (.confirm(peer, false), [0x1D, 0, 1, 0, 7, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2]),
            (.unpair(peer), [0x1B, 0, 1, 0, 8, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2, 1]),
            (.startDiscovery, [0x23, 0, 1, 0, 1, 0, 6]),
            (.readOutOfBand, [0x20, 0, 1, 0, 0, 0]),
            (
                .addAdvertising(instance: 3, advertisement: [2, 1], scanResponse: [7]),
                [0x3E, 0, 1, 0, 14, 0, 3, 0x0B, 0, 0, 0, 0, 0, 0, 0, 2, 1, 2, 1, 7]
            ),
        ]
        for (command, bytes) in wanted { #expect(command.encoded(for: AdapterIndex(1)) == bytes, "\(command)") }
        #expect(ManagementCommand.setName("Gate").encoded(for: AdapterIndex(0)).count == 6 + 260)
    }

    @Test("events are read, refused at every shorter length, and ignored if unknown")
    func events() throws {
        let found: [UInt8] =
            [0x12, 0, 1, 0, 16, 0] + [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2, 0xC4, 0, 0, 0, 0, 2, 0, 1, 6]
        let events: [([UInt8], ManagementEvent)] = [
            ([1, 0, 1, 0, 4, 0, 5, 0, 0x12, 9], .completed(code: 5, .blocked, reply: [9])),
            ([2, 0, 1, 0, 3, 0, 5, 0, 0x14], .completed(code: 5, .denied, reply: [])),
            ([6, 0, 1, 0, 4, 0, 1, 2, 0, 0], .settings([.powered, .le])),
            ([0x24, 0, 1, 0, 1, 0, 3], .advertisingRemoved(instance: 3)),
            (
                [0x0F, 0, 1, 0, 12, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2, 1, 0x40, 0xE2, 1, 0],
                .confirmation(peer, number: 123_456, isHint: true)
            ),
            (
                [9, 0, 1, 0, 9, 0, 1, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2, 7],
                .paired(peer, isBonded: true, isAuthenticated: false)
            ),
            (
                [9, 0, 1, 0, 9, 0, 1, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2, 8],
                .paired(peer, isBonded: true, isAuthenticated: true)
            ),
            (
                [10, 0, 1, 0, 9, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 2, 3],
                .paired(peer, isBonded: false, isAuthenticated: true)
            ),
            (found, .found(peer, signal: -60, data: [1, 6])),
        ]
        for (packet, event) in events {
            let decoded = try #require(ManagementEvent.decode(packet))
            #expect(decoded.adapter == AdapterIndex(1) && decoded.event == event)
            for length in 0..<packet.count where length < packet.count {
                #expect(ManagementEvent.decode(Array(packet[..<length])) == nil, "\(event) cut to \(length)")
            }
        }
        #expect(ManagementEvent.decode([0x77, 0, 0, 0, 0, 0]) == nil)
    }
}

@Suite("An announcement")
struct AnnouncementTests {
    private let announcement = Announcement(lePSM: 0xD5, beacon: Identifier(0xBEA0_0000_0000_0001))

    @Test("fits into an advertisement with the kernel's flags, and into a scan response")
    func lengths() {
        #expect(announcement.advertisement.count + 3 <= Announcement.maximumAdvertisement)
        #expect(announcement.scanResponse.count <= Announcement.maximumAdvertisement)
    }

    @Test("is found in received data, whatever surrounds it", arguments: [true, false])
    func roundTrip(isPrivate: Bool) {
        var announcement = announcement
        if isPrivate { announcement.beacon = nil }
        let heard = [2, 1, 6] + announcement.advertisement + [5, 9, 71, 97, 116, 101] + announcement.scanResponse
        #expect(Announcement(heard: heard) == announcement)
        #expect(Announcement(heard: heard + [0, 0, 0]) == announcement)
    }

    @Test("in private mode does not reveal which beacon it is")
    func isPrivate() {
        let hidden = Announcement(lePSM: 0xD5, beacon: nil)
        #expect(hidden.encoded == [1, 0, 0xD5])
        let other = Announcement(lePSM: 0xD5, beacon: nil)
        #expect(hidden.scanResponse == other.scanResponse && hidden.advertisement == other.advertisement)
    }

    @Test("is not read from another service's data, from a truncated or other version's, or from arbitrary bytes")
    func others() {
        let heard = announcement.scanResponse
        for length in 0..<heard.count { #expect(Announcement(heard: Array(heard[..<length])) == nil) }
        for index in 0..<18 {
            var bent = heard
            bent[index] ^= 1
            #expect(Announcement(heard: bent) == nil, "bit flipped in byte \(index)")
        }
        var next = announcement.encoded
        next[0] = 2
        #expect(Announcement(serviceData: next) == nil)
        #expect(Announcement(serviceData: announcement.encoded + [0]) == nil)
        for seed in 0..<2_000 {
            var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15
            let bytes = (0..<(seed % 62)).map { _ -> UInt8 in
                state = state &* 6_364_136_223_846_793_005 &+ 1
                return UInt8(state >> 56)
            }
            #expect(Announcement(heard: bytes) == nil)
        }
    }
}

@Suite("The management interface after it was closed", .blocking)
struct ManagementEndTests {
    @Test("answers each waiting caller exactly once: no caller waits forever")
    func close() throws {
        final class Answers: Sendable { let list = Mutex<[ManagementStatus]>([]) }
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        defer { for end in ends { Glibc.close(end) } }
        let (loop, given, answers) = (Loop(), ends[0], Answers())
        startThread("test loop") { loop.run() }
        defer { loop.stop() }
        loop.performAndWait {
            let management = try? Management(loop, given: given) { _, _ in }
            for _ in 0..<2 {
                management?.send(.readConnection(peer), to: AdapterIndex(0), timeout: .milliseconds(200)) { status, _ in
                    answers.list.withLock { $0.append(status) }
                }
            }
            management?.close(telling: true)
        }
        for _ in 0..<100 where answers.list.withLock({ $0.count < 2 }) { usleep(10_000) }
        usleep(300_000)
        loop.performAndWait {}
        let told = answers.list.withLock { $0 }
        #expect(told.count == 2 && !told.contains(.success), "\(told)")
    }

    @Test("a kernel that is silent has timed out after the time that the caller gave, or after 12 s")
    func timeouts() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0)
        defer { for end in ends { Glibc.close(end) } }
        let (loop, clock) = (Loop(), ManualClock())
        let management = try Management(loop, clock: clock, given: ends[0]) { _, _ in }
        var told: [String] = []
        management.send(.readIndexList, to: .none) { status, _ in told.append("list \(status)") }
        management.send(.readConnection(peer), to: AdapterIndex(0), timeout: .milliseconds(500)) { status, _ in
            told.append("connection \(status)")
        }
        clock.advance(by: .milliseconds(499))
        #expect(told == [])
        clock.advance(by: .milliseconds(1))
        #expect(told == ["connection \(ManagementStatus.timeout)"])
        clock.advance(by: .milliseconds(11_499))
        #expect(told.count == 1)
        clock.advance(by: .milliseconds(1))
        #expect(told.last == "list \(ManagementStatus.timeout)" && told.count == 2)
        loop.turn()
        clock.advance(by: .seconds(60))
        #expect(told.count == 2, "each once")
    }
}
