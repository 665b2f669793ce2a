import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

@Suite("What adapters do, in log and status", .blocking)
struct AdapterChangesTests {
    private let address = BluetoothAddress("00:AA:01:00:00:00") ?? .any
    private let other = BluetoothAddress("00:AA:01:00:00:01") ?? .any

    private func fixture(
        with adapters: BluetoothAddress..., wanted: [BluetoothAddress] = [],
        _ prepare: (AdaptersFixture) -> Void = { _ in }
    ) throws -> AdaptersFixture {
        let fixture = try AdaptersFixture(wanted)
        for (index, address) in adapters.enumerated() {
            fixture.kernel.adapters[UInt16(index)] = .init(address: address)
        }
        prepare(fixture)
        fixture.adapters.open()
        fixture.settle()
        return fixture
    }

    /// The lines since the last call that an operator sees.
    private func lines(_ fixture: AdaptersFixture) -> [String] {
        defer { _ = fixture.log.take() }
        return fixture.log.lines.filter { $0.level >= .notice }.map(\.text)
    }

    @Test("one that was powered off and is set up again is said to be ready again, each time")
    func recovered() throws {
        let fixture = try fixture(with: address)
        _ = fixture.log.take()
        for _ in 0..<2 {
            fixture.kernel.change(0, to: [.classic, .le])
            fixture.settle()
            fixture.pass(1)
            #expect(
                lines(fixture) == [
                    "adapter \(address): its links are closed", "adapter \(address): ready, advertising",
                ])
        }
    }

    @Test("one that was silent is said to be ready again")
    func answersAgain() throws {
        let fixture = try fixture(with: address)
        fixture.kernel.faults = [0x003E: 0x08, 0x0020: 0x08, 0x0004: 0x08, 0x0005: 0x08]
        fixture.pass(35)
        fixture.kernel.faults = [:]
        _ = fixture.log.take()
        fixture.pass(60)
        #expect(lines(fixture) == ["adapter \(address): ready, advertising"])
    }

    @Test(
        "rfkill is reported once for each change, whatever status the kernel gives", arguments: [0x12, 0x03] as [UInt8])
    func blocked(status: UInt8) throws {
        let fixture = try fixture(with: address)
        for _ in 0..<2 {
            _ = fixture.log.take()
            (fixture.isBlocked, fixture.kernel.faults[0x0005]) = (true, status)
            fixture.kernel.change(0, to: [.classic, .le])
            fixture.settle()
            fixture.pass(60)
            #expect(
                lines(fixture) == [
                    "adapter \(address): its links are closed",
                    "adapter \(address): blocked by rfkill; hint: run: rfkill unblock bluetooth",
                ])
            #expect(fixture.states == ["blocked by rfkill"])
            (fixture.isBlocked, fixture.kernel.faults) = (false, [:])
            fixture.pass(6)
            #expect(lines(fixture) == ["adapter \(address): ready, advertising"])
        }
    }

    @Test("rfkill is reported with power = no, too, and that the adapter is only off when it lets go")
    func blockedAndNotOurs() throws {
        let fixture = try fixture(with: address) { ($0.wish.setsUp, $0.isBlocked) = (false, true) }
        #expect(lines(fixture) == ["adapter \(address): blocked by rfkill; hint: run: rfkill unblock bluetooth"])
        fixture.isBlocked = false
        fixture.pass(6)
        #expect(lines(fixture) == ["adapter \(address): powered off, and [radio] power = no; hint: power it on"])
    }

    @Test("that there is no adapter is reported each time that the last one goes")
    func none() throws {
        let none = "there is no Bluetooth adapter; one that comes is used at once"
        let fixture = try fixture()
        for _ in 0..<2 {
            #expect(lines(fixture).last == none && fixture.report.state.rawValue == none)
            fixture.pass(65)
            #expect(lines(fixture).isEmpty)
            fixture.kernel.plugIn(0, .init(address: address))
            fixture.settle()
            #expect(lines(fixture).last == "adapter \(address): ready, advertising" && fixture.report.state == .ok)
            fixture.kernel.pullOut(0)
            fixture.settle()
        }
    }

    @Test("an adapter that the configuration names and that is not there is reported, and that no other can be used")
    func missing() throws {
        let fixture = try fixture(with: address, wanted: [other])
        let none = "none of the adapters that [radio] adapters names is there; one that comes is used at once"
        let missing = "adapter \(other): [radio] adapters names it, and it is not there"
        #expect(Set(lines(fixture)) == [none, missing])
        #expect(fixture.report.state.rawValue == none && fixture.report.hint != nil)
        #expect(fixture.report.missing == ["\(other)"] && fixture.report.lines.contains(missing))
        fixture.pass(65)
        #expect(lines(fixture).isEmpty)
        fixture.kernel.plugIn(1, .init(address: other))
        fixture.settle()
        #expect(fixture.report.state == .ok && fixture.report.missing == [])
        _ = fixture.log.take()
        fixture.kernel.pullOut(1)
        fixture.settle()
        #expect(lines(fixture) == ["adapter \(other): gone", none])
        #expect(fixture.report.missing == [] && fixture.report.gone.map(\.address) == ["\(other)"])
    }

    // MARK: - Advertising

    @Test("an adapter whose instances are all taken is not shown as advertising, and what changes is reported once")
    func noInstance() throws {
        let fixture = try fixture(with: address) { $0.kernel.adapters[0]?.instances = [1, 2, 3] }
        let fault = "it does not advertise: all 3 advertising instances are used by other programs"
        #expect(fixture.states == ["ready"] && fixture.report.adapters[0].faults == [fault])
        fixture.pass(65)
        #expect(lines(fixture) == ["adapter \(address): ready", "adapter \(address): \(fault)"])
        fixture.kernel.adapters[0]?.instances = [1, 3]
        fixture.kernel.tell(0x24, 0, [2])
        fixture.pass(2)
        #expect(fixture.states == ["ready, advertising"] && fixture.kernel.adapters[0]?.instances == [1, 2, 3])
        #expect(lines(fixture) == ["adapter \(address): an advertising instance is free again"])
    }

    @Test("a removal by another program is reported")
    func removed() throws {
        let fixture = try fixture(with: address)
        _ = fixture.log.take()
        fixture.kernel.adapters[0]?.instances = []
        fixture.kernel.tell(0x24, 0, [3])
        fixture.pass(2)
        #expect(
            lines(fixture) == ["adapter \(address): another program had removed the advertisement; it is sent again"])
    }

    @Test(
        "a beacon that was killed uses its instance again; one that was stopped has left none; another takes a free one"
    )
    func leftBehind() throws {
        try TemporaryFolder.with { folder in
            let kernel = try FakeKernel()
            kernel.adapters[0] = .init(address: address)
            func run(_ name: String) throws -> AdaptersFixture {
                let fixture = try AdaptersFixture([], kernel, record: folder.path(name))
                fixture.adapters.open()
                fixture.settle()
                #expect(fixture.states == ["ready, advertising"])
                return fixture
            }
            _ = try run("one")  // and it is killed
            #expect(kernel.adapters[0]?.instances == [3])
            let again = try run("one")
            #expect(kernel.adapters[0]?.instances == [3])
            let second = try run("two")
            #expect(kernel.adapters[0]?.instances == [2, 3])
            again.adapters.stopAdvertising()
            again.settle()
            #expect(kernel.adapters[0]?.instances == [2])
            second.adapters.stopAdvertising()
            second.settle()
            #expect(kernel.adapters[0]?.instances == [])
            #expect(try run("one").kernel.adapters[0]?.instances == [3])
        }
    }

    @Test("the advertisement says at once whether LE is listened on")
    func psm() throws {
        let fixture = try fixture(with: address) { $0.listensOnLE = false }
        func psm() -> UInt16? {
            // Instance 1, flags 4, duration 2, timeout 2, two lengths, the advertisement, and the scan response.
            fixture.kernel.adapters[0].flatMap { Announcement(heard: Array($0.advertised.dropFirst(11))) }?.lePSM
        }
        #expect(psm() == 0)
        for isListening in [true, false] {
            fixture.listensOnLE = isListening
            fixture.adapters.advertisementChanged()
            fixture.settle()
            #expect(psm() == (isListening ? 0xD5 : 0) && fixture.states == ["ready, advertising"])
        }
    }
}
