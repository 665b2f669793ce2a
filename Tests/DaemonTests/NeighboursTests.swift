import BootTime
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Bluetooth
@testable import Daemon
@testable import EventLoop

/// The neighbours of a beacon whose adapters are those of a kernel that the test plays.
private final class NeighboursFixture {
    static let (gate, yard) = (Identifier(0xBE01), Identifier(0xBE02))
    let radio: AdaptersFixture
    let neighbours: Neighbours
    var links = 0

    init(limit: Duration = .seconds(600), adapters: Int = 1) throws {
        radio = try AdaptersFixture()
        for index in 0..<adapters {
            radio.kernel.adapters[UInt16(index)] = .init(address: Self.address(index))
        }
        let (radio, box) = (radio, LinksBox())
        neighbours = Neighbours(
            [Self.gate, Self.yard], limit: limit, clock: radio.clock, log: radio.log.logger,
            outlets: Neighbours.Outlets(
                adapters: { radio.adapters.canSearch }, search: { radio.adapters.search($0, with: $1, then: $2) },
                links: { _ in box.count }, advertise: { radio.adapters.hearing = $0 }))
        box.owner = self
        radio.found = { [neighbours] in neighbours.found($0, signal: $1, by: $2) }
        radio.adapters.open()
        radio.settle()
        neighbours.start()
        radio.settle()
        radio.kernel.codes = []
        _ = radio.log.take()
    }

    private final class LinksBox {
        weak var owner: NeighboursFixture?
        var count: Int { owner?.links ?? 0 }
    }

    static func address(_ index: Int) -> BluetoothAddress { BluetoothAddress("00:AA:01:00:00:0\(index)") ?? .any }

    /// An advertisement arrives, as the kernel tells it (Device Found).
    func hear(_ beacon: Identifier, _ hearing: Hearing? = nil, on adapter: UInt16 = 0) {
        let announcement = Announcement(lePSM: 0xD5, beacon: beacon, hearing: hearing)
        let data = announcement.advertisement + announcement.scanResponse
        radio.kernel.tell(
            0x0012, adapter,
            [6, 5, 4, 3, 2, 1, 2, UInt8(bitPattern: -61), 0, 0, 0, 0] + littleEndian(UInt16(data.count)) + data)
        radio.settle()
    }

    /// The searches since the last call: how many were begun, and ended.
    func searches() -> (begun: Int, ended: Int) {
        defer { radio.kernel.codes = [] }
        return (radio.kernel.codes.count { $0 == 0x23 }, radio.kernel.codes.count { $0 == 0x24 })
    }

    /// What an operator reads since the last call.
    func lines() -> [String] {
        defer { _ = radio.log.take() }
        return radio.log.lines.filter { $0.level >= .notice }.map(\.text)
    }

    var report: NeighbourReport { neighbours.report(at: radio.clock.now) }

    /// The end of what the kernel advertises for us.
    var advertised: [UInt8] { Array(radio.kernel.adapters[0]?.advertised.dropFirst(11 + 18).prefix(7) ?? []) }
}

@Suite("Listening for neighbours", .blocking)
struct NeighboursTests {
    private let gate = NeighboursFixture.gate
    private let yard = NeighboursFixture.yard

    @Test(
        "it listens five seconds in a minute; a shorter limit makes it listen more often, at most half of the time",
        arguments: [(600, 60, 5), (60, 6, 3), (10, 2, 1), (86_400, 60, 5)])
    func schedule(limit: Int, pause: Int, scan: Int) {
        let schedule = Neighbours.Schedule(limit: .seconds(limit))
        #expect(schedule.pause == .seconds(pause) && schedule.scan == .seconds(scan))
    }

    @Test("each search that it has begun it also ends, with each adapter that is ready")
    func searches() throws {
        let fixture = try NeighboursFixture(adapters: 2)
        fixture.radio.pass(54)
        #expect(fixture.searches() == (0, 0))
        fixture.radio.pass(2)
        #expect(fixture.searches() == (2, 0))
        fixture.radio.pass(5)
        #expect(fixture.searches() == (0, 2))
        fixture.radio.pass(600)
        let many = fixture.searches()
        #expect(many.begun == 20 && many.ended == 20)
        fixture.radio.pass(54)
        #expect(fixture.searches().begun == 2)
        fixture.neighbours.stop()
        fixture.radio.settle()
        #expect(fixture.searches() == (0, 2), "a search that is under way ends with the beacon")
        fixture.radio.pass(200)
        #expect(fixture.searches() == (0, 0))
    }

    @Test("another program's search is used, and not ended")
    func searchOfAnother() throws {
        let fixture = try NeighboursFixture()
        fixture.radio.kernel.faults = [0x23: 0x0A]
        fixture.radio.pass(61)
        fixture.hear(gate)
        #expect(fixture.searches() == (1, 0))
        #expect(fixture.report.list.map(\.lastHeardSecondsAgo) == [0, nil] && fixture.report.fault == nil)
    }

    @Test("one that falls silent, then both, then one again: log, status and our own advertisement")
    func silence() throws {
        let fixture = try NeighboursFixture()
        #expect(fixture.advertised == [6, 0xFF, 0xFF, 0xFF, 1, 2, 2])
        for _ in 0..<11 {
            fixture.radio.pass(60)
            fixture.hear(gate)
        }
        #expect(fixture.lines() == ["neighbour \(yard): not heard for 600 s; hint: \(NeighbourReport.notHeardHint)"])
        #expect(fixture.advertised.last == 1)
        #expect(fixture.report.list.map(\.heard) == [true, false] && !fixture.report.deaf)
        #expect(fixture.report.lines[1].hasPrefix("neighbour \(yard): not heard: never heard since the start"))
        fixture.radio.pass(660)
        #expect(
            fixture.lines() == [
                "neighbour \(gate): not heard for 600 s; hint: \(NeighbourReport.notHeardHint)",
                "none of the neighbours is heard: the radio may be deaf (for 600 s); hint: \(NeighbourReport.deafHint)",
            ])
        #expect(fixture.report.deaf && fixture.advertised.last == 0)
        #expect(fixture.report.faults == ["none of the neighbours is heard: the radio may be deaf"])
        fixture.hear(yard, Hearing(named: 2, heard: 0))
        #expect(
            fixture.lines() == [
                "neighbour \(yard): heard again",
                "a neighbour is heard again: the radio is not deaf",
            ])
        #expect(fixture.advertised.last == 1)
        fixture.hear(yard, Hearing(named: 2, heard: 1))
        fixture.hear(yard, Hearing(named: 2, heard: 0))
        #expect(fixture.lines() == [], "decided once in a scan")
        fixture.radio.pass(61)
        #expect(
            fixture.lines() == [
                "neighbour \(yard): it hears none of its neighbours; hint: \(NeighbourReport.doesNotHearHint)"
            ])
        #expect(fixture.report.list[1].text.hasSuffix("by 00:AA:01:00:00:00, -61 dBm; it hears 0 of its 2 neighbours"))
        #expect(fixture.report.list[1].doesNotHear)
    }

    @Test("without an adapter that can search, nobody is accused, and why is said once")
    func noAdapter() throws {
        let fixture = try NeighboursFixture()
        fixture.radio.kernel.faults = [0x23: 0x14]
        fixture.radio.pass(1_300)
        #expect(fixture.lines() == ["the neighbours cannot be listened for: hci0 cannot search: not permitted"])
        #expect(fixture.report.list.map(\.heard) == [true, true] && !fixture.report.deaf)
        #expect(fixture.report.lines[0] == "neighbours: they cannot be listened for: hci0 cannot search: not permitted")
        fixture.radio.kernel.pullOut(0)
        fixture.radio.pass(121)
        #expect(fixture.report.fault == "no adapter with LE is ready" && !fixture.report.deaf)
    }

    @Test("an adapter that carries a link is left alone for five minutes, and no longer")
    func links() throws {
        let fixture = try NeighboursFixture()
        fixture.radio.pass(61)
        #expect(fixture.searches().begun == 1)
        fixture.links = 1
        fixture.radio.pass(270)
        #expect(fixture.searches().begun == 0)
        fixture.radio.pass(60)
        #expect(fixture.searches().begun == 1)
        fixture.radio.pass(120)
        #expect(fixture.searches().begun == 0)
        fixture.links = 0
        fixture.radio.pass(60)
        #expect(fixture.searches().begun == 1)
    }

    @Test("a search that the kernel confirms after its time is ended at once")
    func late() throws {
        let fixture = try NeighboursFixture()
        fixture.radio.kernel.ignored = [0x23]
        fixture.radio.pass(61)
        #expect(fixture.searches() == (1, 0))
        fixture.radio.kernel.tell(1, 0, littleEndian(UInt16(0x23)) + [0, 6])
        fixture.radio.settle()
        #expect(fixture.searches() == (0, 1))
    }
}
