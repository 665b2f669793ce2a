import EventLoop
import Glibc
import OperatorText
import ProofLink
import SRUP
import Synchronization
import TestVectors
import Testing

@testable import Bench
@testable import Bluetooth
@testable import Nearby

/// The kernel's end of the management socket, with two adapters that search.
private final class SearchingKernel: Sendable {
    /// For `Scan`.
    let given: Int32
    private let socket: Int32
    private let statuses: [UInt16: UInt8]
    /// Adapters and the commands that they got, in order.
    let commands = Mutex<[String]>([])

    /// - Parameter statuses: how "Start Discovery" ends at an adapter; success where it is not named.
    init(_ statuses: [UInt16: UInt8] = [:], hears: [(adapter: UInt16, [UInt8])]) throws {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &pair) == 0)
        (given, socket, self.statuses) = (pair[0], pair[1], statuses)
        _ = fcntl(given, F_SETFL, O_NONBLOCK)
        startThread("kernel") { [self] in serve(hears) }
    }

    private func serve(_ hears: [(adapter: UInt16, [UInt8])]) {
        var buffer = [UInt8](repeating: 0, count: 512)
        while recv(socket, &buffer, buffer.count, 0) >= 6 {
            let (code, adapter) = (UInt16(buffer[0]), UInt16(buffer[2]))
            commands.withLock { $0.append("\(code == 0x23 ? "start" : "stop") hci\(adapter)") }
            let status = code == 0x23 ? statuses[adapter] ?? 0 : 0
            tell(1, adapter, [UInt8(code), 0, status, 6])
            guard code == 0x23, status == 0 || status == 0x0A else { continue }
            for heard in hears where heard.adapter == adapter { tell(0x12, adapter, heard.1) }
        }
        close(socket)
    }

    private func tell(_ code: UInt8, _ adapter: UInt16, _ parameters: [UInt8]) {
        let packet = [code, 0, UInt8(adapter), 0, UInt8(parameters.count), 0] + parameters
        _ = send(socket, packet, packet.count, Int32(MSG_NOSIGNAL))
    }

    deinit { close(given) }
}

@Suite("A scan for beacons", .blocking)
struct ScanTests {
    private static let named = Announcement(lePSM: 0xD5, beacon: Identifier(0xBEA0_0000_0000_0001))
    private static let nameless = Announcement(lePSM: 0xD5, beacon: nil)

    private static func adapter(_ number: UInt8) -> RadioSurvey.Adapter {
        RadioSurvey.Adapter(
            index: AdapterIndex(UInt16(number)),
            information: AdapterInformation(
                address: own(number), supported: [.powered, .le], current: [.powered, .le]),
            isBlocked: false)
    }

    private static func own(_ number: UInt8) -> BluetoothAddress {
        BluetoothAddress(leastFirst: [number, 0, 0, 0, 0, 2])
    }

    /// "Device Found": an advertisement of a peer.
    private static func heard(_ peer: UInt8, _ signal: Int8, _ announcement: Announcement) -> [UInt8] {
        let data = announcement.advertisement + announcement.scanResponse
        return [peer, 0, 0, 0, 0, 4, 1, UInt8(bitPattern: signal), 0, 0, 0, 0, UInt8(data.count), 0] + data
    }

    private func scan(_ kernel: SearchingKernel, _ numbers: UInt8...) throws -> [Sighting] {
        try Scan.run(numbers.map(Self.adapter), for: .milliseconds(300), given: kernel.given).beacons
    }

    @Test("lists the URLs that are advertised beside the beacons, each sender's latest, and nothing that is not one")
    func urls() throws {
        func heard(_ peer: UInt8, _ signal: Int8, _ data: [UInt8]) -> [UInt8] {
            [peer, 0, 0, 0, 0, 4, 2, UInt8(bitPattern: signal), 0, 0, 0, 0, UInt8(data.count), 0] + data
        }
        let (first, second) = (try EddystoneURL("https://r.example.org/a"), try EddystoneURL("https://r.example.org/b"))
        let kernel = try SearchingKernel(hears: [
            (0, heard(1, -60, first.advertisement)), (0, heard(1, -70, second.advertisement)),
            (0, heard(2, -50, first.advertisement)), (0, heard(3, -40, [2, 1, 6])),
            (0, heard(4, -40, Array(first.advertisement.dropLast()))),
            (0, Self.heard(5, -55, Self.named)),
        ])
        let found = try Scan.run([Self.adapter(0)], for: .milliseconds(300), given: kernel.given)
        #expect(found.urls.map(\.url) == [first, second] && found.urls.map(\.signal) == [-50, -70])
        #expect(found.beacons.count == 1)
        #expect(found.urls[0].text.hasPrefix("https://r.example.org/a  "))
        #expect(found.urls[0].json.hasPrefix("{\"url\":\"https://r.example.org/a\",\"address\":"))
    }

    @Test("listens with all adapters, and a beacon has the adapter that received its strongest signal")
    func all() throws {
        let kernel = try SearchingKernel(hears: [
            (0, Self.heard(1, -80, Self.named)), (1, Self.heard(1, -50, Self.named)),
            (1, Self.heard(2, -70, Self.nameless)),
        ])
        let found = try scan(kernel, 0, 1)
        #expect(found.map(\.adapter) == [Self.own(1), Self.own(1)] && found.map(\.signal) == [-50, -70])
        #expect(kernel.commands.withLock { $0 } == ["start hci0", "start hci1", "stop hci0", "stop hci1"])
        #expect(found[0].text.hasSuffix("heard by \(Self.own(1))"))
    }

    @Test("goes on with the others if one adapter cannot search, and leaves another program's search running")
    func some() throws {
        let kernel = try SearchingKernel([0: 0x03, 1: 0x0A], hears: [(1, Self.heard(1, -50, Self.named))])
        #expect(try scan(kernel, 0, 1).map(\.adapter) == [Self.own(1)])
        #expect(kernel.commands.withLock { $0 } == ["start hci0", "start hci1"])
    }

    @Test("ends with the reason if none can search, and says how to get the permission")
    func faults() throws {
        let rows: [([UInt16: UInt8], message: String, hint: String)] = [
            ([0: 0x0F, 1: 0x0F], "the adapter \(Self.own(1)) (hci1) is powered off", "btmgmt --index 1 power on"),
            ([0: 0x14], "no permission to scan for beacons", "CAP_NET_ADMIN"),
        ]
        for (statuses, message, hint) in rows {
            do {
                _ = try scan(try SearchingKernel(statuses, hears: []), 0, 1)
                Issue.record("no fault")
            } catch let fault as OperatorFault {
                #expect(fault.message == message && fault.hint(for: .bench).contains(hint), "\(fault)")
            }
        }
    }

    private func sighting(_ peer: UInt8, _ signal: Int8?, _ announcement: Announcement) -> Sighting {
        Sighting(
            announcement: announcement,
            address: RadioAddress(BluetoothAddress(leastFirst: [peer, 0, 0, 0, 0, 4]), .lePublic),
            signal: signal, adapter: Self.own(0))
    }

    @Test(
        "a named beacon may be any that advertises its identity, or a private one: the strongest first, at most eight")
    func candidates() {
        let other = Announcement(lePSM: 0xD5, beacon: Identifier(7))
        let found = [
            sighting(1, -90, Self.named), sighting(2, -40, other), sighting(3, nil, Self.nameless),
            sighting(4, -60, Self.named),
            sighting(5, -50, Self.nameless),
        ]
        func peers(_ beacon: Identifier?) -> [UInt8?] {
            found.candidates(for: beacon).map(\.address.address.bytes.last)
        }
        #expect(peers(Self.named.beacon) == [4, 1, 5, 3])
        #expect(peers(Identifier(9)) == [5, 3])
        #expect(peers(nil) == [2], "the nearest of all, and nothing else that has its identity")
        let many = (0..<100).map { sighting($0, -50, Self.nameless) }
        #expect(many.candidates(for: Identifier(9)).count == 8 && many.candidates(for: nil).count == 1)
        #expect([Sighting]().candidates(for: nil).isEmpty)
    }

    @Test(
        "an advertised PSM that no LE link can have is not tried", arguments: [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF])
    func psm(number: UInt16) {
        let found = sighting(1, -50, Announcement(lePSM: number, beacon: Identifier(7)))
        #expect((found.link(over: .le) != nil) == (0x80...0xFF).contains(number))
    }
}
