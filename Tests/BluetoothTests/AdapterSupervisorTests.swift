import Testing

@testable import Bluetooth

@Suite("The supervisor of an adapter")
struct AdapterCareTests {
    @Test("an adapter in the kernel's initial state is set up, powered on, made connectable, and advertises")
    func fromNothing() {
        var kernel = Kernel()
        kernel.start()
        #expect(kernel.isServing)
        #expect(kernel.supervisor.isAdvertising && kernel.supervisor.faults.isEmpty)
        #expect(kernel.sent.first == .readInformation, "without it the kernel has no LE pairing")
        #expect(!kernel.settings.contains(.discoverable) && kernel.name.isEmpty)
    }

    @Test("it gets from any settings to the desired state with at most twelve commands")
    func fromAnySettings() {
        for bits in 0..<UInt32(1 << 14) where AdapterSettings(rawValue: bits).isSubset(of: everySetting) {
            var kernel = Kernel()
            kernel.settings = AdapterSettings(rawValue: bits).union(.classic)
            kernel.start()
            #expect(kernel.isServing && kernel.sent.count <= 12, "from \(bits): \(kernel.sent)")
        }
    }

    @Test("if another program powers it off, turns connectable off or removes the advertisement, all of it is restored")
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
        kernel.perform(kernel.supervisor.advertisingRemoved(3, at: kernel.now))
        kernel.pass(.seconds(1))
        #expect(kernel.isServing)
    }

    @Test("after an LE device has connected it advertises again at once, because the kernel has stopped")
    func advertisesAgain() {
        var kernel = Kernel()
        kernel.start()
        kernel.instances = []
        kernel.perform(kernel.supervisor.leConnected(at: kernel.now))
        #expect(kernel.isServing)
    }

    @Test("with power = no nothing is set, and it advertises once another program has powered it on")
    func notOurs() {
        var kernel = Kernel { $0.setsUp = false }
        kernel.start()
        #expect(kernel.supervisor.state == .off && kernel.sent == [.readInformation])
        kernel.change([.classic, .le, .powered])
        kernel.pass(.seconds(1))
        #expect(kernel.supervisor.state == .ready && kernel.supervisor.isAdvertising)
        #expect(kernel.settings == [.classic, .le, .powered])
    }

    @Test("while rfkill blocks it, only rfkill is asked, every five seconds")
    func blocked() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setPowered(true).code: .blocked]
        kernel.start()
        let before = kernel.sent.count
        kernel.pass(.seconds(60))
        #expect(kernel.supervisor.state == .blocked && kernel.sent.count == before + 12)
        kernel.faults = [:]
        kernel.pass(.seconds(5))
        #expect(kernel.isServing)
    }

    @Test("without the capability it is examined and left as it is")
    func notPermitted() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setLE(true).code: .denied]
        kernel.start()
        kernel.change([.classic, .powered])
        kernel.pass(.seconds(3600))
        #expect(kernel.supervisor.state == .notPermitted && kernel.sent == [.readInformation, .setLE(true)])
        #expect(kernel.supervisor.information?.address == adapterAddress)
    }

    @Test("an adapter that the configuration does not name is only read")
    func notWanted() {
        var kernel = Kernel(isWanted: false)
        kernel.start()
        kernel.change([])
        kernel.pass(.seconds(3600))
        #expect(kernel.supervisor.state == .notWanted && kernel.sent == [.readInformation])
    }

    @Test("missing features of an adapter are reported, and the others are used")
    func cannot() {
        for lacking in [ManagementCommand.setSecureConnections(true), .setSimplePairing(true), .setName("x")] {
            var kernel = Kernel { $0.name = "Gate" }
            kernel.faults = [lacking.code: .notSupported]
            kernel.start()
            #expect(
                kernel.supervisor.state == .ready && kernel.supervisor.isAdvertising
                    && kernel.supervisor.faults.count == 1)
            kernel.pass(.seconds(600))
            #expect(kernel.supervisor.faults.count == 1 && kernel.sent.count { $0.code == lacking.code } == 1)
        }
    }

    @Test("a name is set if the configuration has one, and an inquiry finds it")
    func name() {
        var kernel = Kernel { $0.name = "Gate 3" }
        kernel.start()
        #expect(kernel.isServing && kernel.name == "Gate 3" && kernel.settings.contains(.discoverable))
    }

    @Test("address rotation is set once, while the adapter is off; if it is not available, nothing is advertised")
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
        #expect(kernel.supervisor.state == .ready && !kernel.supervisor.isAdvertising && kernel.instances.isEmpty)
        #expect(kernel.supervisor.faults.count == 2, "the command, and what it means")
    }
}
