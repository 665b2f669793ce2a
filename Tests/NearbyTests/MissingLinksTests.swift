import Bluetooth
import Glibc
import Nearby
import OperatorText
import ProofLink
import Testing

@Suite("What a device says about links that it does not get")
struct MissingLinksTests {
    private static let beacon = BluetoothAddress("00:AA:01:00:00:00") ?? .any
    private static let address = NearbyAddress.rfcomm(beacon, channel: 22)
    private static let other = NearbyAddress.l2cap(beacon, psm: 0x1035)

    private func none(_ cause: NoLink.Cause, _ address: NearbyAddress = address) -> LinkPlan.Ended {
        .unreachable(.noLink(NoLink(cause, address, from: .any)))
    }

    @Test("each cause of an address is said once, however often and in whatever order they come")
    func once() {
        var missing = MissingLinks()
        var lines: [String] = []
        for _ in 0..<50 {
            for cause in [NoLink.Cause.nobody, .refused] {
                if let line = missing.note(none(cause), at: Self.address) { lines.append(line) }
                if let line = missing.note(none(cause, Self.other), at: Self.other) { lines.append(line) }
            }
        }
        #expect(lines.count == 4 && Set(lines).count == 4)
        #expect(lines[0] == "no link to \(Self.beacon) channel 22: nobody answers at this address over BR/EDR")
    }

    @Test("if the join fails, the last cause of each address without a link is said with its hint")
    func last() throws {
        var missing = MissingLinks()
        _ = missing.note(none(.nobody), at: Self.address)
        _ = missing.note(none(.notPaired), at: Self.address)
        _ = missing.note(none(.nobody, Self.other), at: Self.other)
        _ = missing.note(.outcome(.unknown, proved: false), at: Self.other)
        let fault = try #require(missing.faults.first)
        #expect(missing.faults.count == 1, "there was a link to the other address")
        #expect(fault.message.hasPrefix("no link to \(Self.beacon) channel 22: the link was refused for its security"))
        #expect(fault.hint(for: .bench).contains("srup-bench pair \(Self.beacon) --kind br/edr"))
    }

    @Test("where no adapter of this machine can connect, what is wrong with it is said, and asked only then")
    func ownAdapter() {
        var missing = MissingLinks()
        var asked = 0
        let look = {
            asked += 1
            return AdapterFault.blocked(AdapterIndex(1), Self.beacon)
        }
        #expect(missing.note(none(.nobody), at: Self.address, adapters: look) != nil && asked == 0)
        let line = missing.note(none(.ownAdapter), at: Self.address, adapters: look)
        #expect(line?.hasSuffix("(hci1) is blocked by rfkill") == true && asked == 1)
        #expect(missing.faults.first?.hint(for: .bench).contains("rfkill unblock bluetooth") == true)
        #expect(
            missing.note(none(.ownAdapter), at: Self.other) != nil, "the kernel tells nothing: the general sentence")
    }

    @Test(
        "a link that is cut before HELLO, one that closes without a word, and one with too short packets are said too")
    func closed() {
        var missing = MissingLinks()
        let lines = [
            .cut(NoLink(.broken, Self.address, from: .any)), .closed, .closed,
            .unreachable(.shortPackets(ShortPackets(of: .beacon, 48))),
        ].map { missing.note($0, at: Self.address) }
        #expect(lines[0]?.contains("broke off before the beacon said anything") == true)
        #expect(lines[1]?.hasSuffix("closed the link without an outcome") == true && lines[2] == nil)
        #expect(lines[3]?.hasSuffix("accepts packets of 48 bytes only (MTU), and the proof link needs 67") == true)
        #expect(missing.faults.count == 1)
    }

    @Test("a link that says itself how it ended is not said again")
    func others() {
        var missing = MissingLinks()
        #expect(missing.note(.left("another beacon"), at: Self.address) == nil)
        for outcome in Outcome.allCases {
            #expect(missing.note(.outcome(outcome, proved: false), at: Self.address) == nil)
        }
        #expect(missing.faults.isEmpty)
    }
}
