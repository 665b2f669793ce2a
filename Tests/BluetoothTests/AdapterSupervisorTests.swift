import Testing

@testable import Bluetooth

@Suite("The care for an adapter")
struct AdapterCareTests {
    @Test("an adapter as the kernel gives it is set up, powered on, made connectable, and advertises")
    func fromNothing() {
        var kernel = Kernel()
        kernel.start()
        #expect(kernel.isServing)
        #expect(kernel.care.isAdvertising && kernel.care.faults.isEmpty)
        #expect(kernel.sent.first == .readInformation, "without it the kernel has no LE pairing")
        #expect(!kernel.settings.contains(.discoverable) && kernel.name.isEmpty)
    }

    @Test("from any settings it comes to what is wanted, with at most a dozen commands")
    func fromAnySettings() {
        for bits in 0..<UInt32(1 << 14) where AdapterSettings(rawValue: bits).isSubset(of: everySetting) {
            var kernel = Kernel()
            kernel.settings = AdapterSettings(rawValue: bits).union(.classic)
            kernel.start()
            #expect(kernel.isServing && kernel.sent.count <= 12, "from \(bits): \(kernel.sent)")
        }
    }

    @Test("somebody powers it off, turns connectable off, takes the advertisement away: all of it comes back")
    func disturbed() {
        for disturbance in [AdapterSettings.powered, .connectable, .le, .simplePairing] {
            var kernel = Kernel()
            kernel.start()
            kernel.change(kernel.settings.subtracting(disturbance))
            #expect(kernel.others == (disturbance == .powered ? [.closeLinks] : []))
            kernel.pass(.seconds(1))
            #expect(kernel.isServing, "\(disturbance)")
        }
        var kernel = Kernel()
        kernel.start()
        kernel.instances = []
        kernel.perform(kernel.care.advertisingRemoved(3, at: kernel.now))
        kernel.pass(.seconds(1))
        #expect(kernel.isServing)
    }

    @Test("after an LE device has connected it advertises again at once: the kernel has stopped")
    func advertisesAgain() {
        var kernel = Kernel()
        kernel.start()
        kernel.instances = []
        kernel.perform(kernel.care.leConnected(at: kernel.now))
        #expect(kernel.isServing)
    }

    @Test("where it is not ours to set up, nothing is set, and it advertises once another has powered it on")
    func notOurs() {
        var kernel = Kernel { $0.setsUp = false }
        kernel.start()
        #expect(kernel.care.state == .off && kernel.sent == [.readInformation])
        kernel.change([.classic, .le, .powered])
        kernel.pass(.seconds(1))
        #expect(kernel.care.state == .ready && kernel.care.isAdvertising)
        #expect(kernel.settings == [.classic, .le, .powered])
    }

    @Test("rfkill is asked again every five seconds, and nothing else is done meanwhile")
    func blocked() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setPowered(true).code: .blocked]
        kernel.start()
        let before = kernel.sent.count
        kernel.pass(.seconds(60))
        #expect(kernel.care.state == .blocked && kernel.sent.count == before + 12)
        kernel.faults = [:]
        kernel.pass(.seconds(5))
        #expect(kernel.isServing)
    }

    @Test("without the capability it is looked at and left alone")
    func notPermitted() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setLE(true).code: .denied]
        kernel.start()
        kernel.change([.classic, .powered])
        kernel.pass(.seconds(3600))
        #expect(kernel.care.state == .notPermitted && kernel.sent == [.readInformation, .setLE(true)])
        #expect(kernel.care.information?.address == adapterAddress)
    }

    @Test("an adapter that the configuration does not name is read, and nothing more")
    func notWanted() {
        var kernel = Kernel(isWanted: false)
        kernel.start()
        kernel.change([])
        kernel.pass(.seconds(3600))
        #expect(kernel.care.state == .notWanted && kernel.sent == [.readInformation])
    }

    @Test("what an adapter cannot do is said, and the rest is done")
    func cannot() {
        for lacking in [ManagementCommand.setSecureConnections(true), .setSimplePairing(true), .setName("x")] {
            var kernel = Kernel { $0.name = "Gate" }
            kernel.faults = [lacking.code: .notSupported]
            kernel.start()
            #expect(kernel.care.state == .ready && kernel.care.isAdvertising && kernel.care.faults.count == 1)
            kernel.pass(.seconds(600))
            #expect(kernel.care.faults.count == 1 && kernel.sent.count { $0.code == lacking.code } == 1)
        }
    }

    @Test("a name is set where it is wanted, and an inquiry finds it")
    func name() {
        var kernel = Kernel { $0.name = "Gate 3" }
        kernel.start()
        #expect(kernel.isServing && kernel.name == "Gate 3" && kernel.settings.contains(.discoverable))
    }

    @Test("rotation is set while the adapter is off, once; where it cannot be had, nothing is advertised")
    func rotation() {
        let key = [UInt8](repeating: 7, count: 16)
        var kernel = Kernel { $0.privacyKey = key }
        kernel.settings = [.classic, .powered]
        kernel.start()
        #expect(kernel.isServing && kernel.settings.contains(.privacy))
        #expect(Array(kernel.sent.prefix(3)) == [.readInformation, .setPowered(false), .setPrivacy(true, key: key)])
        kernel.pass(.seconds(600))
        #expect(kernel.sent.count { $0 == .setPowered(false) } == 1)
        kernel = Kernel { $0.privacyKey = key }
        kernel.faults = [ManagementCommand.setPrivacy(true, key: key).code: .notSupported]
        kernel.start()
        kernel.pass(.seconds(60))
        #expect(kernel.care.state == .ready && !kernel.care.isAdvertising && kernel.instances.isEmpty)
        #expect(kernel.care.faults.count == 2, "the command, and what it means")
    }
}
