import Glibc
import OperatorText
import ProofLink
import TestVectors
import Testing

@testable import Bluetooth
@testable import Nearby

private let beacon = BluetoothAddress("00:AA:01:00:00:00") ?? .any
private let own = BluetoothAddress("00:AA:01:01:00:01") ?? .any
private let addresses: [NearbyAddress] = [
    .rfcomm(beacon, channel: 22), .l2cap(beacon, psm: 0x1037), .le(beacon, psm: 0xD7, random: false),
    .le(beacon, psm: 0xD7, random: true),
]

@Suite("Why there is no Bluetooth link")
struct NoLinkTests {
    @Test("each number of the kernel has the cause that was seen with it, and any other number has none")
    func table() {
        let wanted: [NoLink.Cause: Set<Int32>] = [
            .refused: [ECONNREFUSED], .nobody: [EHOSTDOWN], .late: [ETIMEDOUT],
            .ownAdapter: [EHOSTUNREACH, ENODEV, ENETDOWN], .unsupported: [EOPNOTSUPP, EPROTONOSUPPORT],
            .notPaired: [EACCES], .keyMissing: [EBADE],
            .broken: [ECONNRESET, ECONNABORTED, ENOTCONN, EPIPE],
            .busy: [EAGAIN, EALREADY, EBUSY, EINTR, EMLINK, ENOMEM, ELOOP],
            .failed: [EBADRQC, EIO, ENOSYS, EPROTO],
        ]
        #expect(Set(wanted.keys) == Set(NoLink.Cause.allCases))
        let causes = Dictionary(uniqueKeysWithValues: wanted.flatMap { cause, all in all.map { ($0, cause) } })
        for number in Int32(0)...133 {
            for address in addresses {
                #expect(NoLink(errno: number, address, from: own)?.cause == causes[number], "\(number)")
            }
        }
    }

    @Test("every status of a controller that the kernel translates has a cause, so that none of them ends a join")
    func controllers() {
        // net/bluetooth/lib.c, bt_to_errno: what remains is for sockets that were used wrongly.
        let translated = [
            EBADRQC, ENOTCONN, EIO, EHOSTDOWN, EACCES, EBADE, ENOMEM, ETIMEDOUT, EMLINK, EALREADY, EBUSY, ECONNREFUSED,
            EOPNOTSUPP, ECONNRESET, ECONNABORTED, ELOOP, EPROTONOSUPPORT, EPROTO, ENOSYS,
        ]
        for number in translated {
            let error = LinkSocketError.failed(call: "connect", errno: number).ofConnect(to: addresses[0], from: own)
            var plan = LinkPlan(presentsOnce: false)
            guard case .again = plan.after(.unreachable(error)) else {
                Issue.record("\(number) ends the join")
                continue
            }
        }
    }

    @Test("each cause is a sentence with a hint, over each transport, with and without an adapter")
    func texts() {
        for (cause, address) in NoLink.Cause.allCases.flatMap({ cause in addresses.map { (cause, $0) } }) {
            for adapter in [own, .any] {
                #expect(
                    OperatorTextRules.broken(by: NoLink(cause, address, from: adapter)) == [], "\(cause) \(address)")
            }
        }
        let texts = NoLink.Cause.allCases.map { NoLink($0, addresses[0], from: own).message }
        #expect(Set(texts).count == texts.count)
    }

    @Test(
        "after a refused security the hint is the command that pairs, with the beacon's address, its kind and the adapter"
    )
    func pairing() {
        let commands = [
            "srup-bench pair \(beacon) --kind br/edr --adapter \(own)",
            "srup-bench pair \(beacon) --kind br/edr --adapter \(own)",
            "srup-bench pair \(beacon) --kind le-public --adapter \(own)",
            "srup-bench pair \(beacon) --kind le-random --adapter \(own)",
        ]
        for (address, command) in zip(addresses, commands) {
            for cause in [NoLink.Cause.notPaired, .keyMissing] {
                let hint = NoLink(cause, address, from: own).hint(for: .bench)
                #expect(
                    hint.contains(command) && hint.contains("srup-bench pair --remove \(beacon) --adapter \(own)"),
                    "\(hint)")
            }
        }
        #expect(!NoLink(.notPaired, addresses[0], from: .any).hint(for: .bench).contains("--adapter"))
    }

    @Test("an address under which nobody advertises is said with its kind")
    func kinds() {
        #expect(NoLink(.late, addresses[2], from: own).message.contains("as a public one"))
        #expect(NoLink(.late, addresses[3], from: own).message.contains("as a random one"))
    }

    @Test("what only people can change is tried again ever later, anything else within half a second")
    func pauses() {
        for cause in NoLink.Cause.allCases {
            var plan = LinkPlan(presentsOnce: false)
            let ended = LinkPlan.Ended.unreachable(.noLink(NoLink(cause, addresses[0], from: own)))
            var pauses: [Duration] = []
            for _ in 0..<8 { if case .again(let pause) = plan.after(ended) { pauses.append(pause) } }
            let people = [NoLink.Cause.notPaired, .keyMissing, .unsupported].contains(cause)
            #expect(pauses.count == 8 && pauses.last == (people ? .seconds(10) : .milliseconds(500)), "\(cause)")
        }
        var plan = LinkPlan(presentsOnce: false)
        #expect(plan.after(.cut(NoLink(.broken, addresses[0], from: own))) == .again(after: .milliseconds(500)))
        #expect(plan.after(.closed) == .again(after: .seconds(1)))
    }

    @Test("the numbers of a local link keep their meaning")
    func local() {
        let refused = LinkSocketError.failed(call: "connect", errno: EACCES)
        #expect(refused.ofConnect(to: .local(path: "/run/link"), from: .any) == refused)
    }
}

@Suite("What is wrong with this machine's adapters")
struct AdapterFaultTests {
    private func survey(_ adapters: (settings: AdapterSettings, isBlocked: Bool)...) -> RadioSurvey {
        var survey = RadioSurvey()
        survey.isComplete = true
        for (number, adapter) in adapters.enumerated() {
            let address = BluetoothAddress(leastFirst: [UInt8(number), 0, 0, 0, 0, 2])
            survey.adapters.append(
                RadioSurvey.Adapter(
                    index: AdapterIndex(UInt16(number)),
                    information: AdapterInformation(
                        address: address, supported: [.powered, .le, .classic], current: adapter.settings),
                    isBlocked: adapter.isBlocked))
        }
        return survey
    }

    private func address(_ number: UInt8) -> BluetoothAddress { BluetoothAddress(leastFirst: [number, 0, 0, 0, 0, 2]) }

    @Test("one that is missing, off, blocked or without LE is told by its own sentence and the command that fixes it")
    func faults() throws {
        let survey = survey(
            ([.powered, .le, .classic], false), ([.le, .classic], false), ([.powered, .le], true),
            ([.powered, .classic], false))
        #expect(survey.fault(address(0), isLE: true) == nil)
        let wanted: [(UInt8, AdapterFault, String)] = [
            (1, .off(AdapterIndex(1), address(1)), "btmgmt --index 1 power on"),
            (2, .blocked(AdapterIndex(2), address(2)), "rfkill unblock bluetooth"),
            (3, .lacks(AdapterIndex(3), address(3), isLE: true, canHave: true), "btmgmt --index 3 le on"),
            (9, .missing(address(9), present: (0...3).map { address($0) }), "\(address(0)), \(address(1))"),
        ]
        for (number, fault, command) in wanted {
            let found = try #require(survey.fault(address(number), isLE: true))
            #expect(found == fault && found.hint(for: .bench).contains(command), "\(found)")
        }
        #expect(survey.fault(address(3), isLE: false) == nil)
    }

    @Test("without a choice, any that works is enough; otherwise the first is named, or that there is none")
    func anyAdapter() {
        let off: AdapterSettings = [.le, .classic]
        #expect(survey((off, false), ([.powered, .le], false)).fault(.any, isLE: true) == nil)
        #expect(survey((off, false), ([.powered, .le], false)).usable(.any, isLE: true).map(\.index.number) == [1])
        #expect(survey((off, false), (off, true)).fault(.any, isLE: true) == .off(AdapterIndex(0), address(0)))
        #expect(survey().fault(.any, isLE: true) == AdapterFault.none)
        #expect(survey().fault(address(1), isLE: true) == AdapterFault.none)
        #expect(RadioSurvey().fault(.any, isLE: true) == .unknown, "the kernel has not told")
    }

    @Test("each has a message and a hint that keep the rules for texts")
    func texts() {
        let (index, own) = (AdapterIndex(1), address(1))
        let faults: [AdapterFault] = [
            .none, .unknown, .missing(own, present: [address(0)]), .off(index, own), .blocked(index, own),
            .lacks(index, own, isLE: true, canHave: true), .lacks(index, own, isLE: false, canHave: false),
        ]
        let numbers = faults.map { fault in
            switch fault {
            case .none: 0
            case .missing: 1
            case .off: 2
            case .blocked: 3
            case .lacks: 4
            case .unknown: 5
            }
        }
        #expect(Set(numbers) == Set(0...5))
        for fault in faults { #expect(OperatorTextRules.broken(by: fault) == []) }
    }
}

@Suite("The longest packets of a link")
struct PacketSizesTests {
    @Test(
        "a device leaves one that accepts less than 67 bytes, and knows that itself must accept 36; the beacon the same"
    )
    func bounds() {
        #expect((PacketSizes.device, PacketSizes.beacon) == (36, 67))
        let rows: [(device: Int, beacon: Int, fault: ShortPackets?)] = [
            (36, 67, nil), (672, 672, nil), (35, 67, ShortPackets(of: .device, 35)),
            (36, 66, ShortPackets(of: .beacon, 66)),
            (23, 23, ShortPackets(of: .device, 23)), (48, 48, ShortPackets(of: .beacon, 48)),
        ]
        for row in rows {
            let device = PacketSizes(sent: row.beacon, received: row.device)
            #expect(device.fault(forDeviceWith: [.keyed, .challenge]) == row.fault)
            #expect(PacketSizes(sent: row.device, received: row.beacon).faultForBeacon == row.fault)
        }
        #expect(PacketSizes(sent: 23, received: 36).fault(forDeviceWith: [.value]) == nil)
        #expect(PacketSizes(sent: 23, received: 35).fault(forDeviceWith: [.value]) != nil)
    }

    @Test("both ends say it in the same sentence, with both numbers")
    func texts() {
        for end in ShortPackets.End.allCases { #expect(OperatorTextRules.broken(by: ShortPackets(of: end, 23)) == []) }
        #expect(
            ShortPackets(of: .device, 23).message
                == "the device accepts packets of 23 bytes only (MTU), and the proof link needs 36")
        #expect(
            ShortPackets(of: .beacon, 48).message
                == "the beacon accepts packets of 48 bytes only (MTU), and the proof link needs 67")
    }
}
