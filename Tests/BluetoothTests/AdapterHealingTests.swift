import Testing

@testable import Bluetooth

/// rules §7: reopen → power cycle → report unhealthy, and all that can go wrong on the way.
@Suite("An adapter that fails")
struct AdapterHealingTests {
    @Test("a silent adapter climbs the ladder: reopen, power cycle, unhealthy; and is served again when it answers")
    func ladder() {
        var kernel = Kernel()
        kernel.start()
        let everything = Set((0..<0x40).map { UInt16($0) })
        kernel.faults = Dictionary(uniqueKeysWithValues: everything.map { ($0, .timeout) })
        kernel.faults[ManagementCommand.readInformation.code] = nil  // the kernel answers that by itself
        kernel.sent = []
        kernel.pass(AdapterSupervisor.probePause)
        #expect(kernel.care.state == .silent(level: 1))
        #expect(kernel.others == [.closeLinks, .reopenListeners])
        kernel.pass(.seconds(2))
        #expect(kernel.sent.contains(.setPowered(false)))
        guard case .silent(let level) = kernel.care.state else {
            Issue.record("\(kernel.care.state)")
            return
        }
        #expect(level >= 2)
        kernel.pass(.seconds(3600))
        #expect(kernel.sent.count < 200, "ever slower: \(kernel.sent.count) commands in an hour")
        kernel.faults = [:]
        kernel.pass(.seconds(60))
        #expect(kernel.isServing)
    }

    @Test("an adapter over which bytes come is not asked whether it lives")
    func traffic() {
        var kernel = Kernel()
        kernel.start()
        kernel.sent = []
        for _ in 0..<100 {
            kernel.care.heard(at: kernel.now)
            kernel.pass(.seconds(10))
        }
        #expect(kernel.sent.isEmpty)
        kernel.pass(.seconds(61))
        #expect(kernel.sent.first == .readInformation && kernel.sent.contains { $0.code == 0x3E })
    }

    @Test("an adapter that does not advertise is asked something else, and one that cannot answer that has answered")
    func quietOnes() {
        for status in [ManagementStatus.success, .notSupported, .failed(1)] {
            var kernel = Kernel { $0.announcement = nil }
            kernel.faults = [ManagementCommand.readOutOfBand.code: status]
            kernel.start()
            kernel.sent = []
            kernel.pass(AdapterSupervisor.probePause + .seconds(1))
            #expect(kernel.care.state == .ready && kernel.sent.last == .readOutOfBand, "\(status)")
        }
    }

    @Test("the kernel's word for a controller that does not answer is «authentication failed»")
    func kernelsWord() {
        var kernel = Kernel()
        kernel.start()
        kernel.faults = [0x3E: .authenticationFailed]
        kernel.pass(AdapterSupervisor.probePause)
        #expect(kernel.care.state == .silent(level: 1))
    }

    @Test(
        "a step that fails is tried ever more seldom, up to a minute, and an instance that is taken is left to its owner"
    )
    func failing() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setPowered(true).code: .failed(3)]
        kernel.start()
        kernel.pass(.seconds(3600))
        #expect(kernel.care.state == .failing("powering on: failed with status 0x3"))
        #expect(kernel.sent.count < 80)
        kernel = Kernel()
        kernel.faults = [0x3E: .noResources]
        kernel.start()
        kernel.faults = [:]
        kernel.pass(.seconds(2))
        #expect(kernel.instances == [2] && kernel.care.state == .ready)
    }

    @Test(
        "what the kernel did not tell is found at the next look: powered off, another name")
    func lostEvents() {
        var kernel = Kernel { $0.name = "Gate" }
        kernel.start()
        kernel.settings.remove(.powered)
        (kernel.instances, kernel.name, kernel.sent) = ([], "localhost", [])
        kernel.pass(AdapterSupervisor.probePause)
        #expect(kernel.isServing && kernel.name == "Gate" && kernel.others == [.closeLinks])
    }

    @Test("an adapter that cannot advertise beside a connection does so when that ends")
    func advertisesAfterwards() {
        var kernel = Kernel()
        kernel.start()
        (kernel.instances, kernel.faults) = ([], [0x3E: .rejected])
        kernel.perform(kernel.care.leConnected(at: kernel.now))
        kernel.pass(.seconds(60))
        #expect(kernel.care.state == .ready && !kernel.care.isAdvertising && kernel.care.faults.isEmpty)
        #expect(kernel.sent.count < 30)
        kernel.faults = [:]
        kernel.perform(kernel.care.disconnected(at: kernel.now))
        kernel.pass(.seconds(1))
        #expect(kernel.isServing, "and in the same instance")
    }

    @Test("what is wanted and cannot be had is said: no BR/EDR, no LE")
    func lacks() {
        for lacking in [AdapterSettings.classic, .le] {
            var kernel = Kernel()
            kernel.supported.remove(lacking)
            kernel.settings = []
            kernel.start()
            kernel.pass(.seconds(60))
            #expect(kernel.care.state == .ready && kernel.care.faults.count == 1, "\(kernel.care.faults)")
        }
    }

    @Test("the kernel's complaint about an advertisement that is no more does not keep it from being connectable")
    func stumbling() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setConnectable(true).code: .invalid]
        kernel.start()
        kernel.pass(.seconds(1))
        #expect(kernel.care.state == .ready && kernel.care.isAdvertising)
    }

    @Test("a step that fails for a moment is not given up")
    func passing() {
        let key = [UInt8](repeating: 7, count: 16)
        var kernel = Kernel { $0.privacyKey = key }
        kernel.faults = [ManagementCommand.setPrivacy(true, key: key).code: .rejected]
        kernel.start()
        kernel.faults = [:]
        kernel.pass(.seconds(2))
        #expect(kernel.isServing && kernel.settings.contains(.privacy) && kernel.care.faults.isEmpty)
    }
}
