import Observing
import ProofLink
import SRUP
import Testing
import TestVectors

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

@Suite("The adapters", .blocking)
struct AdaptersTests {
    private let address = BluetoothAddress("00:AA:01:00:00:00") ?? .any
    private let other = BluetoothAddress("00:AA:01:00:00:01") ?? .any
    private var peer: RadioAddress { RadioAddress(BluetoothAddress("66:55:44:33:22:11") ?? .any, .leRandom) }

    private func fixture(with adapters: BluetoothAddress..., wanted: [BluetoothAddress] = []) throws -> AdaptersFixture
    {
        let fixture = try AdaptersFixture(wanted)
        for (index, address) in adapters.enumerated() {
            fixture.kernel.adapters[UInt16(index)] = .init(address: address)
        }
        fixture.adapters.open()
        fixture.settle()
        return fixture
    }

    @Test("an adapter is set up and advertises")
    func setUp() throws {
        let fixture = try fixture(with: address)
        #expect(fixture.states == ["ready, advertising"] && fixture.report.state == .ok)
        #expect(fixture.kernel.adapters[0]?.instances == [3])
        #expect(
            fixture.log.lines.filter { $0.level >= .notice }.map(\.text) == ["adapter \(address): ready, advertising"])
    }

    @Test("without an adapter this is reported once, and one that appears is used at once")
    func comes() throws {
        let fixture = try fixture()
        fixture.pass(65)
        #expect(fixture.log.take() == ["there is no Bluetooth adapter; one that comes is used at once"])
        #expect(fixture.report.state.rawValue == "there is no Bluetooth adapter; one that comes is used at once")
        fixture.kernel.plugIn(0, .init(address: address))
        fixture.settle()
        #expect(fixture.states == ["ready, advertising"])
    }

    @Test("one that disappears loses its links, and is remembered until it is back")
    func comesBack() throws {
        let fixture = try fixture(with: address)
        _ = fixture.log.take()
        fixture.kernel.pullOut(0)
        fixture.settle()
        #expect(fixture.closed == [address] && fixture.log.take().contains("adapter \(address): gone"))
        fixture.pass(7)
        #expect(fixture.report.gone.map(\.address) == ["\(address)"] && fixture.report.gone.map(\.secondsAgo) == [7])
        fixture.kernel.plugIn(1, .init(address: address))
        fixture.settle()
        #expect(fixture.report.gone.isEmpty && fixture.states == ["ready, advertising"])
        #expect(fixture.log.texts.contains("adapter \(address): it is back"))
    }

    @Test("only the newest adapters that have disappeared are remembered")
    func rememberedAdapters() throws {
        let fixture = try fixture()
        for number in 0..<20 {
            let address = try #require(BluetoothAddress("00:AA:01:00:00:" + (number < 10 ? "0" : "") + "\(number)"))
            fixture.kernel.plugIn(0, .init(address: address))
            fixture.settle()
            fixture.kernel.pullOut(0)
            fixture.settle()
            fixture.pass(1)
        }
        #expect(fixture.report.gone.count == Adapters.rememberedAdapters)
        #expect(fixture.report.gone.first?.address == "00:AA:01:00:00:04")
    }

    @Test("adapters are counted every half minute, in case the kernel has dropped events")
    func counted() throws {
        let fixture = try fixture(with: address)
        fixture.kernel.adapters = [5: .init(address: other)]
        fixture.pass(31)
        #expect(fixture.report.adapters.map(\.name) == ["hci5"] && fixture.report.gone.map(\.address) == ["\(address)"])
    }

    @Test("an adapter that the configuration does not name is left alone")
    func notWanted() throws {
        let fixture = try fixture(with: address, other, wanted: [other])
        #expect(fixture.states == ["not used: [radio] adapters does not name it", "ready, advertising"])
        #expect(fixture.kernel.adapters[0]?.settings == [.classic])
        fixture.kernel.pullOut(0)
        fixture.settle()
        #expect(fixture.closed == [] && fixture.report.gone.isEmpty)
    }

    @Test("an adapter that another program powers off loses its links and is set up again")
    func poweredOff() throws {
        let fixture = try fixture(with: address)
        fixture.kernel.change(0, to: [.classic, .le])
        fixture.settle()
        #expect(fixture.closed == [address])
        #expect(fixture.log.texts.contains("adapter \(address): its links are closed"))
        fixture.pass(1)
        #expect(fixture.states == ["ready, advertising"])
    }

    @Test("an adapter that does not answer is recovered level by level, with one log line for each level")
    func silent() throws {
        let fixture = try fixture(with: address)
        _ = fixture.log.take()
        fixture.kernel.faults = [0x003E: 0x08, 0x0020: 0x08, 0x0004: 0x08, 0x0005: 0x08]
        fixture.pass(35)
        #expect(fixture.closed == [address] && fixture.reopened == 1)
        fixture.pass(120)
        let levels = fixture.log.lines.filter { $0.text.contains("does not answer") && $0.level >= .warning }
        #expect(levels.map(\.level) == [.warning, .warning, .error])
        fixture.kernel.faults = [:]
        fixture.pass(120)
        #expect(fixture.states == ["ready, advertising"])
    }

    @Test("missing features of an adapter are reported once, and the others are used")
    func lacks() throws {
        let fixture = try AdaptersFixture()
        var adapter = FakeKernel.Adapter(address: address)
        adapter.supported.remove(.le)
        fixture.kernel.adapters[0] = adapter
        fixture.adapters.open()
        fixture.settle()
        fixture.pass(120)
        #expect(fixture.states == ["ready"])
        #expect(fixture.report.adapters[0].faults == ["it has no LE, or that is off"])
        #expect(fixture.log.texts.count { $0 == "adapter \(address): it has no LE, or that is off" } == 1)
    }

    @Test("a missing capability is reported")
    func notPermitted() throws {
        let fixture = try AdaptersFixture()
        fixture.kernel.adapters[0] = .init(address: address)
        fixture.kernel.faults = [0x0005: 0x14, 0x000D: 0x14]
        fixture.adapters.open()
        fixture.settle()
        #expect(fixture.report.adapters.map(\.hint) == ["run it with the capability CAP_NET_ADMIN"])
        #expect(fixture.log.lines.last?.level == .warning)
        #expect(!fixture.adapters.measureSignal(of: peer, over: address) { _ in })
    }

    @Test(
        "if the management socket cannot be opened, it is tried again every ten seconds; each reason is reported once")
    func noManagement() throws {
        let fixture = try AdaptersFixture()
        fixture.fault = .failed(call: "the management socket", errno: 1)
        fixture.adapters.open()
        fixture.clock.advance(by: .seconds(30))
        let sentence = "the adapters cannot be managed: the management socket: Operation not permitted"
        #expect(fixture.log.take() == [sentence] && fixture.report.state.rawValue == sentence)
        fixture.fault = .noBluetooth
        fixture.clock.advance(by: .seconds(10))
        #expect(fixture.log.take() == [] && fixture.report.hint?.contains("modprobe bluetooth") == true)
        fixture.fault = nil
        fixture.kernel.adapters[0] = .init(address: address)
        fixture.pass(10)
        #expect(fixture.states == ["ready, advertising"])
    }

    @Test("signal strength is measured at the connection's adapter; BR/EDR has none")
    func signal() throws {
        let fixture = try fixture(with: address)
        let box = Signals()
        #expect(fixture.adapters.measureSignal(of: peer, over: address) { box.add($0) })
        #expect(box.all == [])
        fixture.settle()
        fixture.kernel.faults[0x0031] = 0x02
        #expect(fixture.adapters.measureSignal(of: peer, over: address) { box.add($0) })
        fixture.settle()
        #expect(box.all == [-55, nil])
        #expect(!fixture.adapters.measureSignal(of: peer, over: other) { box.add($0) })
        #expect(
            !fixture.adapters.measureSignal(of: RadioAddress(peer.address, .classic), over: address) { box.add($0) })
        #expect(box.all.count == 2)
    }

    @Test("when the beacon stops, the advertisement is removed, and pending measurements are abandoned")
    func stops() throws {
        let fixture = try fixture(with: address)
        let box = Signals()
        fixture.kernel.ignored = [0x0031]
        _ = fixture.adapters.measureSignal(of: peer, over: address) { box.add($0) }
        fixture.adapters.stopAdvertising()
        fixture.settle()
        #expect(fixture.kernel.adapters[0]?.instances == [] && box.all == [nil])
    }

    @Test("a restart makes listeners and advertisement again, and answers to older commands are ignored")
    func restart() throws {
        let fixture = try fixture(with: address)
        fixture.kernel.codes.removeAll()
        fixture.kernel.change(0, to: [.classic])
        fixture.clock.advance(by: .seconds(1))
        fixture.adapters.restart()
        #expect(fixture.reopened == 1 && fixture.states == [])
        fixture.settle()
        #expect(fixture.states == ["ready, advertising"] && fixture.kernel.adapters[0]?.instances == [3])
    }

    @Test("bytes over an adapter appear in the report")
    func carried() throws {
        let fixture = try fixture(with: address)
        #expect(fixture.report.adapters[0].lastByteSecondsAgo == nil)
        fixture.adapters.carried(address)
        fixture.adapters.carried(other)
        fixture.clock.advance(by: .seconds(4))
        #expect(fixture.report.adapters[0].lastByteSecondsAgo == 4)
        #expect(fixture.adapters.report { $0 == address ? 3 : 0 }.adapters[0].links == 3)
    }

    /// Used on one thread.
    private final class Signals: @unchecked Sendable {
        private(set) var all: [Int8?] = []
        func add(_ signal: Int8?) { all.append(signal) }
    }
}
