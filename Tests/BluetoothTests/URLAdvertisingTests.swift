import Testing

@testable import Bluetooth

@Suite("The registration URL beside the beacon's advertisement")
struct URLAdvertisingTests {
    private let url: EddystoneURL
    private let text = "https://r.example.org"

    init() throws { url = try EddystoneURL("https://r.example.org") }

    private func running(_ prepare: (inout SharedAdapter) -> Void = { _ in }) -> SharedAdapter {
        var adapter = SharedAdapter()
        prepare(&adapter)
        adapter.start(1, url: url)
        adapter.run()
        return adapter
    }

    @Test("has an instance of its own; both go when the beacon stops, and nothing is left without the setting")
    func own() {
        let adapter = running()
        #expect(adapter.beacon(in: 3) == 1 && adapter.url(in: 2) == text && adapter.instances.count == 2)
        #expect(adapter.beacons[0].isAdvertisingURL && adapter.beacons[0].advertisingFault == nil)
        #expect(adapter.beacons[0].ownInstances == [3, 2] && adapter.notices == [[]])
        #expect(
            adapter.beacons[0].shutdownCommands == [.removeAdvertising(instance: 3), .removeAdvertising(instance: 2)])
        var without = SharedAdapter()
        without.start(1)
        without.run()
        #expect(without.instances.count == 1 && !without.beacons[0].isAdvertisingURL)
    }

    @Test("is advertised alone where the beacon itself is not")
    func alone() {
        var adapter = SharedAdapter()
        adapter.start(1, advertises: false, url: url)
        adapter.run()
        #expect(adapter.url(in: 3) == text && adapter.instances.count == 1)
    }

    @Test(
        "where one instance is free the beacon has it; the URL follows when another is free", arguments: [true, false])
    func oneFree(isTold: Bool) {
        var adapter = running { $0.instances = [1: [], 2: []] }
        #expect(adapter.beacon(in: 3) == 1 && adapter.beacons[0].isAdvertising && !adapter.beacons[0].isAdvertisingURL)
        #expect(adapter.beacons[0].state == .ready)
        #expect(
            adapter.beacons[0].advertisingFault
                == "it does not advertise the registration URL: all 3 advertising instances are used")
        if isTold {
            adapter.remove(1)
            adapter.pass(.seconds(1))
        } else {
            adapter.instances[1] = nil
            adapter.pass(AdapterSupervisor.probePause + .seconds(1))
        }
        #expect(adapter.url(in: 1) == text && adapter.beacons[0].advertisingFault == nil)
    }

    @Test("a controller that takes one advertisement only has the beacon's, and is asked again every half minute")
    func fewer() {
        var adapter = running { $0.taken = 1 }
        #expect(adapter.beacon(in: 3) == 1 && adapter.instances.count == 1 && adapter.beacons[0].state == .ready)
        #expect(
            adapter.beacons[0].advertisingFault
                == "it does not advertise the registration URL: the adapter takes no further advertisement")
        adapter.taken = 2
        adapter.pass(AdapterSupervisor.probePause + .seconds(1))
        #expect(adapter.url(in: 2) == text && adapter.beacon(in: 3) == 1 && adapter.beacons[0].advertisingFault == nil)
    }

    @Test("gives its instance to the beacon where another program has taken the beacon's and no other is free")
    func gives() {
        var adapter = running { $0.instances = [1: []] }
        #expect(adapter.beacon(in: 3) == 1 && adapter.url(in: 2) == text)
        adapter.remove(3)
        adapter.instances[3] = []
        adapter.perform(adapter.beacons[0].advertisingAdded(3, at: adapter.now), of: 0)
        adapter.pass(.seconds(1))
        #expect(adapter.beacon(in: 2) == 1 && adapter.beacons[0].isAdvertising && !adapter.beacons[0].isAdvertisingURL)
        #expect(adapter.beacons[0].advertisingFault?.contains("the registration URL") == true)
    }

    @Test("is sent again where another program has removed it, and after a power cycle")
    func removed() {
        var adapter = running()
        adapter.remove(2)
        adapter.pass(.seconds(1))
        #expect(adapter.url(in: 2) == text && adapter.beacon(in: 3) == 1)
        var kernel = Kernel { $0.registrationURL = url }
        kernel.start()
        #expect(kernel.supervisor.isAdvertisingURL)
        kernel.change(kernel.settings.subtracting(.powered))
        kernel.pass(.seconds(1))
        #expect(kernel.supervisor.isAdvertising && kernel.supervisor.isAdvertisingURL)
        #expect(kernel.sent.count { if case .addBroadcast = $0 { true } else { false } } == 2)
    }

    @Test("what a killed run has left behind is removed, both advertisements")
    func leftBehind() {
        var adapter = running()
        adapter.beacons.removeAll()
        adapter.notices.removeAll()
        adapter.start(2, former: 2)
        adapter.pass(.seconds(1))
        #expect(adapter.url(in: 2) == nil)
    }

    @Test("two beacons that send it at the same moment end in instances of their own")
    func sameMoment() {
        var adapter = SharedAdapter()
        adapter.count = 5
        for identity: UInt64 in [1, 2] { adapter.start(identity, url: url) }
        adapter.pass(.seconds(3))
        #expect(adapter.instances.count == 4)
        #expect((1...5).filter { adapter.url(in: $0) == text }.count == 2)
        #expect(Set((1...5).compactMap { adapter.beacon(in: $0) }) == [1, 2])
        #expect(adapter.beacons.allSatisfy { $0.isAdvertising && $0.isAdvertisingURL })
    }

    @Test(
        "a failure of it does not make the adapter one that fails",
        arguments: [ManagementStatus.failed(1), .notSupported, .rejected])
    func fails(status: ManagementStatus) {
        var kernel = Kernel { $0.registrationURL = url }
        kernel.start()
        let broadcasts = kernel.sent.filter { if case .addBroadcast = $0 { true } else { false } }
        #expect(broadcasts.count == 1)
        kernel.perform(kernel.supervisor.advertisingRemoved(2, at: kernel.now))
        kernel.failsBroadcasts = status
        kernel.pass(.seconds(100))
        #expect(
            kernel.supervisor.state == .ready && kernel.supervisor.isAdvertising && !kernel.supervisor.isAdvertisingURL)
        #expect((kernel.supervisor.advertisingFault == nil) == (status == .rejected))
        kernel.failsBroadcasts = nil
        kernel.pass(.seconds(61))
        #expect(kernel.supervisor.isAdvertisingURL && kernel.supervisor.advertisingFault == nil)
    }

    @Test("it is not connectable, and says in which instance")
    func packet() {
        let packet = ManagementCommand.addBroadcast(instance: 2, advertisement: [9, 8]).encoded(for: AdapterIndex(4))
        #expect(packet == [0x3E, 0, 4, 0, 13, 0, 2, 0b1010, 0, 0, 0, 0, 0, 0, 0, 2, 0, 9, 8])
    }
}
