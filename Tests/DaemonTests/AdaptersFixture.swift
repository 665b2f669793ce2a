import Observing
import ProofLink
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Bluetooth
@testable import Nearby

/// The adapters of a kernel whose other end the test holds.
final class AdaptersFixture {
    let loop = Loop()
    let clock = ManualClock()
    let log = LogRecorder()
    let kernel: FakeKernel
    /// Why the management interface cannot be opened.
    var fault: LinkSocketError?
    var closed: [BluetoothAddress] = []
    var reopened = 0
    var listensOnLE = true
    var isBlocked = false
    var wish = DesiredAdapterState()
    /// Takes the advertisements that are received.
    var found: ([UInt8], Int8?, BluetoothAddress) -> Void = { _, _, _ in }
    private(set) var adapters: Adapters! = nil

    init(_ wanted: [BluetoothAddress] = [], _ kernel: FakeKernel? = nil, record: String? = nil) throws {
        self.kernel = try kernel ?? FakeKernel()
        wish.announcement = Announcement(lePSM: 0xD5, beacon: us)
        adapters = Adapters(
            wanted, clock: clock, log: log.logger,
            record: AdvertisingRecord(record, bootID: "this-boot", log: log.logger),
            outlets: Adapters.Outlets(
                open: { [unowned self] happened throws(LinkSocketError) in
                    if let fault { throw fault }
                    return try Management(loop, clock: clock, given: self.kernel.given, happened: happened)
                },
                wish: { [unowned self] in wish }, closeLinks: { [unowned self] in closed.append($0) },
                reopenListeners: { [unowned self] in reopened += 1 },
                listensOnLE: { [unowned self] _ in listensOnLE }, isBlocked: { [unowned self] _ in isBlocked },
                found: { [unowned self] in found($0, $1, $2) }))
    }

    func settle() { kernel.settle(loop) }

    /// Time passes, and the kernel answers commands meanwhile.
    func pass(_ seconds: Int) {
        for _ in 0..<seconds {
            clock.advance(by: .seconds(1))
            settle()
        }
    }

    var report: RadioReport { adapters.report { _ in 0 } }
    var states: [String] { report.adapters.map(\.state.rawValue) }
}
