import ProofLink
import SRUP
import Testing

@testable import Bluetooth

@Suite("An adapter's advertising instances")
struct AdvertisingInstanceTests {
    private func running(_ count: Int = 1, _ prepare: (inout SharedAdapter) -> Void = { _ in }) -> SharedAdapter {
        var adapter = SharedAdapter()
        prepare(&adapter)
        for number in 0..<count {
            adapter.start(UInt64(number + 1))
            adapter.run()
        }
        return adapter
    }

    @Test("a second beacon takes an instance of its own, and the first one's stays as it is")
    func twoBeacons() {
        let adapter = running(2)
        #expect(adapter.beacon(in: 3) == 1 && adapter.beacon(in: 2) == 2)
        #expect(adapter.beacons.allSatisfy { $0.isAdvertising } && adapter.notices == [[], []])
    }

    @Test("two that start at the same moment end in two instances: the later one gives way, and says so")
    func sameMoment() {
        var adapter = SharedAdapter()
        for identity: UInt64 in [1, 2] { adapter.start(identity) }
        adapter.pass(.seconds(2))
        #expect(Set([2, 3].map { adapter.beacon(in: $0) }) == [1, 2] && adapter.instances.count == 2)
        #expect(adapter.beacons.allSatisfy { $0.isAdvertising })
        #expect(adapter.notices[1] == [.yielded(instance: 3)])
        #expect(adapter.notices[0] == [.restored(instance: 3, wasIn: 3)])
    }

    @Test(
        "where none is free it does not advertise and says why, and advertises as soon as one is free",
        arguments: [true, false])
    func noneFree(isTold: Bool) {
        var adapter = running { $0.instances = [1: [], 2: [], 3: []] }
        let beacon = adapter.beacons[0]
        #expect(beacon.state == .ready && !beacon.isAdvertising && beacon.ownInstance == nil)
        #expect(
            beacon.advertisingFault == "it does not advertise: all 3 advertising instances are used by other programs")
        #expect(beacon.shutdownCommands.isEmpty && adapter.instances == [1: [], 2: [], 3: []])
        if isTold {
            adapter.remove(2)
            adapter.pass(.seconds(1))
        } else {
            adapter.instances[2] = nil  // and the event is lost
            adapter.pass(AdapterSupervisor.probePause + .seconds(1))
        }
        #expect(adapter.beacon(in: 2) == 1 && adapter.beacons[0].isAdvertising)
        #expect(adapter.beacons[0].advertisingFault == nil && adapter.notices == [[]])
    }

    @Test("a controller that takes fewer than the kernel says is a reason, too, and is asked again every half minute")
    func fewer() {
        var adapter = running { ($0.taken, $0.instances) = (1, [1: []]) }
        #expect(
            adapter.beacons[0].advertisingFault
                == "it does not advertise: the adapter does not take our advertisement beside the 1 of other programs")
        adapter.instances = [:]
        adapter.pass(AdapterSupervisor.probePause + .seconds(1))
        #expect(adapter.beacon(in: 3) == 1 && adapter.beacons[0].isAdvertising)
    }

    @Test("what a run left behind that was killed is used again, not taken for another program's")
    func leftBehind() {
        var adapter = running(2)
        adapter.beacons.removeAll()
        adapter.notices.removeAll()
        adapter.start(2, former: 2)
        adapter.run()
        #expect(adapter.beacon(in: 2) == 2 && adapter.beacon(in: 3) == 1 && adapter.instances.count == 2)
        // One that is no longer there may be anybody's next time.
        adapter.instances = [1: []]
        adapter.start(4, former: 2)
        adapter.run()
        #expect(adapter.beacons[1].ownInstance == 3)
    }

    @Test(
        "what was left behind and has become another beacon's meanwhile is removed, not overwritten: both advertise in the end"
    )
    func leftBehindAndTaken() {
        var adapter = running(1)
        #expect(adapter.beacon(in: 3) == 1)
        adapter.start(2, former: 3)
        adapter.pass(.seconds(60))
        #expect(Set([1, 2, 3].compactMap { adapter.beacon(in: $0) }) == [1, 2], "\(adapter.instances)")
        #expect(adapter.beacons.allSatisfy { $0.isAdvertising } && adapter.instances.count == 2)
    }

    @Test("a beacon that does not advertise removes what it left behind, and nothing of others")
    func doesNotAdvertise() {
        for former: UInt8? in [nil, 2] {
            var adapter = running(2)
            adapter.start(3, former: former, advertises: false)
            adapter.pass(.seconds(60))
            #expect(adapter.beacon(in: 3) == 1)
            let removals = adapter.notices[1].count  // the second beacon sends its own again where it was removed
            #expect(adapter.beacon(in: 2) == 2 && removals == (former == nil ? 0 : 1))
        }
    }

    @Test("a removal by another program is reported, also where that program has the instance now")
    func removedByAnother() {
        var adapter = running()
        adapter.remove(3)
        adapter.pass(.seconds(1))
        #expect(adapter.beacon(in: 3) == 1 && adapter.notices == [[.restored(instance: 3, wasIn: 3)]])
        adapter.remove(3)
        adapter.instances[3] = []
        adapter.perform(adapter.beacons[0].advertisingAdded(3, at: adapter.now), of: 0)
        adapter.pass(.seconds(1))
        #expect(adapter.beacon(in: 2) == 1 && adapter.instances[3] == [])
        #expect(adapter.notices[0].last == .restored(instance: 2, wasIn: 3))
        #expect(
            AdvertisingNotice.restored(instance: 2, wasIn: 3).description.contains(
                "instance 3; it is sent again in instance 2"))
    }

    @Test("what the kernel removes when the adapter is powered off is nobody's act")
    func poweredOff() {
        for removesFirst in [true, false] {
            var kernel = Kernel()
            kernel.start()
            if removesFirst { kernel.perform(kernel.supervisor.advertisingRemoved(3, at: kernel.now)) }
            kernel.change(kernel.settings.subtracting(.powered))
            if !removesFirst { kernel.perform(kernel.supervisor.advertisingRemoved(3, at: kernel.now)) }
            kernel.pass(.seconds(1))
            #expect(kernel.isServing && kernel.others == [.closeLinks])
        }
    }

    @Test("only its own advertisement is removed when a beacon stops")
    func stops() {
        let adapter = running(2)
        #expect(
            adapter.beacons.map(\.shutdownCommands)
                == [[.removeAdvertising(instance: 3)], [.removeAdvertising(instance: 2)]])
    }

    @Test("the PSM on LE is 0 while that is not listened on, and follows it")
    func psm() {
        var adapter = SharedAdapter()
        adapter.start(1, listensOnLE: false)
        adapter.run()
        #expect(adapter.announcement(in: 3) == Announcement(lePSM: 0, beacon: Identifier(1)))
        for isListening in [true, false, true] {
            adapter.perform(adapter.beacons[0].listens(onLE: isListening, at: adapter.now), of: 0)
            adapter.run()
            #expect(adapter.announcement(in: 3)?.lePSM == (isListening ? 0xD5 : 0) && adapter.instances.count == 1)
            #expect(adapter.beacons[0].isAdvertising && adapter.notices == [[]])
        }
    }

    @Test("a PSM that changes while the advertisement is on its way is sent afterwards")
    func psmMeanwhile() {
        var adapter = SharedAdapter()
        adapter.start(1, listensOnLE: false)
        adapter.run()
        adapter.perform(adapter.beacons[0].listens(onLE: true, at: adapter.now), of: 0)
        adapter.perform(adapter.beacons[0].listens(onLE: false, at: adapter.now), of: 0)
        adapter.run()
        #expect(adapter.announcement(in: 3)?.lePSM == 0)
    }
}
