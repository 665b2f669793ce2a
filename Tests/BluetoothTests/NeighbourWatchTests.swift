import BootTime
import ProofLink
import SRUP
import Testing

@testable import Bluetooth

@Suite("The neighbours that a beacon listens for")
struct NeighbourWatchTests {
    private let gate = Identifier(0xBE01)
    private let yard = Identifier(0xBE02)
    private let own = BluetoothAddress("00:AA:01:00:00:00") ?? .any
    private let begin = Instant(.seconds(1000))
    private var watch: NeighbourWatch

    init() { watch = NeighbourWatch([gate, yard], limit: .seconds(600), at: begin) }

    private mutating func hear(
        _ beacon: Identifier?, _ hearing: Hearing? = nil, at seconds: Int
    ) -> [NeighbourWatch.Notice] {
        watch.heard(
            Announcement(lePSM: 0xD5, beacon: beacon, hearing: hearing), signal: -60, by: own,
            at: begin + .seconds(seconds))
    }

    private mutating func listen(at seconds: Int...) -> [NeighbourWatch.Notice] {
        seconds.flatMap { watch.listened(at: begin + .seconds($0)) }
    }

    @Test("one that is silent for the limit is reported once, and once more when it is heard again")
    mutating func silent() {
        #expect(hear(gate, at: 10) == [] && hear(yard, at: 10) == [])
        #expect(listen(at: 60, 120, 180, 240) == [])
        #expect(hear(gate, at: 500) == [])
        #expect(listen(at: 609) == [], "the limit has not passed")
        #expect(listen(at: 610, 670) == [.notHeard(yard)])
        #expect(watch.isHeard(gate) && !watch.isHeard(yard) && !watch.isDeaf)
        #expect(watch.hearing == Hearing(named: 2, heard: 1))
        #expect(hear(yard, at: 700) == [.heardAgain(yard)] && hear(yard, at: 701) == [])
        #expect(watch.hearing == Hearing(named: 2, heard: 2))
    }

    @Test("if none is heard, the radio may be deaf; that ends with the first that is heard")
    mutating func deaf() {
        #expect(listen(at: 60, 120, 599) == [] && !watch.isDeaf)
        #expect(listen(at: 600) == [.notHeard(gate), .notHeard(yard), .deaf])
        #expect(watch.isDeaf && watch.hearing?.isNone == true)
        #expect(listen(at: 700) == [])
        #expect(hear(yard, at: 800) == [.heardAgain(yard), .noLongerDeaf])
        #expect(!watch.isDeaf)
    }

    @Test("a single neighbour that falls silent is reported, and not our own radio: it may be either")
    func single() {
        var watch = NeighbourWatch([gate], limit: .seconds(600), at: begin)
        let told = [200, 400, 601].flatMap { watch.listened(at: begin + .seconds($0)) }
        #expect(told == [.notHeard(gate)] && !watch.isDeaf && watch.hearing?.isNone == true)
    }

    @Test("time in which nobody listened counts for nothing: a machine that slept accuses nobody")
    mutating func slept() {
        #expect(hear(gate, at: 10) == [] && hear(yard, at: 10) == [])
        #expect(listen(at: 5_000, 5_060) == [])
        #expect(listen(at: 5_120) == [.notHeard(gate), .notHeard(yard), .deaf])
    }

    @Test("one that says that it hears none of its neighbours is reported, until it hears one or says nothing")
    mutating func doesNotHear() {
        let (none, one) = (Hearing(named: 2, heard: 0), Hearing(named: 2, heard: 1))
        #expect(hear(gate, one, at: 1) == [])
        #expect(hear(gate, none, at: 2) == [] && hear(gate, none, at: 3) == [])
        #expect(listen(at: 3, 4) == [.doesNotHear(gate)])
        #expect(
            hear(gate, one, at: 4) == [] && hear(gate, none, at: 4) == [] && listen(at: 5) == [],
            "one scan, one decision")
        #expect(hear(gate, one, at: 6) == [] && listen(at: 7) == [.hearsAgain(gate)])
        #expect(hear(gate, none, at: 8) == [] && listen(at: 9) == [.doesNotHear(gate)])
        #expect(hear(gate, nil, at: 10) == [] && listen(at: 11) == [.hearsAgain(gate)])
    }

    @Test("what one said before it fell silent is no longer told")
    mutating func outdated() {
        _ = hear(gate, Hearing(named: 2, heard: 2), at: 1)
        _ = listen(at: 200, 400, 601)
        #expect(watch.neighbours[gate]?.hearing == nil && !watch.isHeard(gate))
        #expect(watch.neighbours[gate]?.lastHeard == begin + .seconds(1))
    }

    @Test("strangers, private beacons and those that are not named are ignored")
    mutating func strangers() {
        #expect(hear(nil, at: 1) == [] && hear(Identifier(0xBAD), Hearing(named: 1, heard: 0), at: 1) == [])
        #expect(watch.neighbours.count == 2)
        #expect(listen(at: 300, 600, 601).contains(.deaf))
    }

    @Test("each of our adapters that has heard one is kept, and no more than sixteen")
    mutating func adapters() {
        for number in 0..<20 {
            let adapter = BluetoothAddress("00:AA:01:00:00:\(number < 10 ? "0" : "")\(number)") ?? .any
            _ = watch.heard(
                Announcement(lePSM: 0, beacon: gate), signal: nil, by: adapter, at: begin + .seconds(number))
        }
        let kept = watch.neighbours[gate]?.byAdapter ?? [:]
        #expect(kept.count == 16 && kept.values.min() == begin + .seconds(4))
    }
}

@Suite("What a beacon advertises about its hearing")
struct HearingTests {
    private let hearing = Hearing(named: 3, heard: 1)

    @Test(
        "it fits beside the service's UUID and the kernel's flags, and a device that knows nothing of it finds the beacon"
    )
    func advertisement() throws {
        let announcement = Announcement(lePSM: 0xD5, beacon: Identifier(0xBE01), hearing: hearing)
        let plain = Announcement(lePSM: 0xD5, beacon: Identifier(0xBE01))
        #expect(announcement.advertisement == plain.advertisement + [6, 0xFF, 0xFF, 0xFF, 1, 3, 1])
        #expect(announcement.advertisement.count + 3 <= Announcement.maximumAdvertisement)
        #expect(announcement.scanResponse == plain.scanResponse, "the service data is as it was")
        #expect(Announcement(heard: announcement.advertisement + announcement.scanResponse) == announcement)
        #expect(Announcement(heard: plain.advertisement + plain.scanResponse) == plain)
    }

    @Test(
        "anything else in its place is not taken for it, and the beacon is found all the same",
        arguments: [
            [6, 0xFF, 0xFF, 0xFF, 2, 3, 1], [6, 0xFF, 0xFF, 0xFF, 1, 3, 4], [6, 0xFF, 0xFF, 0xFF, 1, 0, 0],
            [5, 0xFF, 0xFF, 0xFF, 1, 3], [7, 0xFF, 0xFF, 0xFF, 1, 3, 1, 0], [6, 0xFF, 0x4C, 0x00, 1, 3, 1],
            [3, 0xFF, 0xFF, 0xFF], [6, 0xFF, 0xFF, 0xFF, 1, 3],
        ] as [[UInt8]])
    func others(part: [UInt8]) {
        let plain = Announcement(lePSM: 0xD5, beacon: Identifier(0xBE01))
        #expect(Announcement(heard: plain.advertisement + plain.scanResponse + part) == plain)
    }

    @Test("a supervisor advertises it again when it changes, and not otherwise")
    func changes() {
        var kernel = Kernel()
        kernel.start()
        func added() -> [[UInt8]] {
            kernel.sent.compactMap {
                if case .addAdvertising(_, let advertisement, _) = $0 { advertisement } else { nil }
            }
        }
        let before = added().count
        kernel.perform(kernel.supervisor.hears(hearing, at: kernel.now))
        #expect(added().count == before + 1 && added().last?.suffix(3) == [1, 3, 1])
        kernel.perform(kernel.supervisor.hears(hearing, at: kernel.now))
        #expect(added().count == before + 1)
        kernel.perform(kernel.supervisor.hears(nil, at: kernel.now))
        #expect(added().last?.count == 18 && kernel.supervisor.isAdvertising)
    }
}
