import Testing

@testable import Bluetooth

/// The recovery levels (reopen, power cycle, report unhealthy), and what can go wrong at each.
@Suite("An adapter that fails")
struct AdapterHealingTests {
    @Test(
        "a silent adapter is recovered level by level: reopen, power cycle, unhealthy; it is used again when it answers"
    )
    func ladder() {
        var kernel = Kernel()
        kernel.start()
        let everything = Set((0..<0x40).map { UInt16($0) })
        kernel.faults = Dictionary(uniqueKeysWithValues: everything.map { ($0, .timeout) })
        kernel.faults[ManagementCommand.readInformation.code] = nil  // the kernel answers that by itself
        kernel.sent = []
        kernel.pass(AdapterSupervisor.probePause)
        #expect(kernel.supervisor.state == .silent(level: 1))
        #expect(kernel.others == [.closeLinks, .reopenListeners])
        kernel.pass(.seconds(2))
        #expect(kernel.sent.contains(.setPowered(false)))
        guard case .silent(let level) = kernel.supervisor.state else {
            Issue.record("\(kernel.supervisor.state)")
            return
        }
        #expect(level >= 2)
        kernel.pass(.seconds(3600))
        #expect(kernel.sent.count < 200, "ever slower: \(kernel.sent.count) commands in an hour")
        kernel.faults = [:]
        kernel.pass(.seconds(60))
        #expect(kernel.isServing)
    }

    @Test("an adapter that delivers bytes is not asked whether it works")
    func traffic() {
        var kernel = Kernel()
        kernel.start()
        kernel.sent = []
        for _ in 0..<100 {
            kernel.supervisor.heard(at: kernel.now)
            kernel.pass(.seconds(10))
        }
        #expect(kernel.sent.isEmpty)
        kernel.pass(.seconds(61))
        #expect(kernel.sent.first == .readInformation && kernel.sent.contains { $0.code == 0x3E })
    }

    @Test("an adapter that does not advertise gets another query, and an error reply also counts as an answer")
    func quietOnes() {
        for status in [ManagementStatus.success, .notSupported, .failed(1)] {
            var kernel = Kernel { $0.announcement = nil }
            kernel.faults = [ManagementCommand.readOutOfBand.code: status]
            kernel.start()
            kernel.sent = []
            kernel.pass(AdapterSupervisor.probePause + .seconds(1))
            #expect(kernel.supervisor.state == .ready && kernel.sent.last == .readOutOfBand, "\(status)")
        }
    }

    @Test("the kernel's error for a controller that does not answer is \"authentication failed\"")
    func kernelsWord() {
        var kernel = Kernel()
        kernel.start()
        kernel.faults = [0x3E: .authenticationFailed]
        kernel.pass(AdapterSupervisor.probePause)
        #expect(kernel.supervisor.state == .silent(level: 1))
    }

    @Test("a step that fails is retried with growing pauses up to a minute")
    func failing() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setPowered(true).code: .failed(3)]
        kernel.start()
        kernel.pass(.seconds(3600))
        #expect(kernel.supervisor.state == .failing("powering on: failed"))
        #expect(kernel.sent.count < 80)
    }

    @Test(
        "changes that the kernel did not report are found at the next check: powered off, another name")
    func lostEvents() {
        var kernel = Kernel { $0.name = "Gate" }
        kernel.start()
        kernel.settings.remove(.powered)
        (kernel.instances, kernel.name, kernel.sent) = ([], "localhost", [])
        kernel.pass(AdapterSupervisor.probePause)
        #expect(kernel.isServing && kernel.name == "Gate" && kernel.others == [.closeLinks])
    }

    @Test("an adapter that cannot advertise during a connection advertises when the connection ends")
    func advertisesAfterwards() {
        var kernel = Kernel()
        kernel.start()
        (kernel.instances, kernel.faults) = ([], [0x3E: .rejected])
        kernel.perform(kernel.supervisor.leConnected(at: kernel.now))
        kernel.pass(.seconds(60))
        #expect(
            kernel.supervisor.state == .ready && !kernel.supervisor.isAdvertising && kernel.supervisor.faults.isEmpty)
        #expect(kernel.sent.count < 30)
        kernel.faults = [:]
        kernel.perform(kernel.supervisor.disconnected(at: kernel.now))
        kernel.pass(.seconds(1))
        #expect(kernel.isServing, "and in the same instance")
    }

    @Test("features that are wanted and missing are reported: no BR/EDR, no LE")
    func lacks() {
        for lacking in [AdapterSettings.classic, .le] {
            var kernel = Kernel()
            kernel.supported.remove(lacking)
            kernel.settings = []
            kernel.start()
            kernel.pass(.seconds(60))
            #expect(
                kernel.supervisor.state == .ready && kernel.supervisor.faults.count == 1, "\(kernel.supervisor.faults)")
        }
    }

    @Test("the kernel's error about an advertisement that has ended does not keep the adapter from being connectable")
    func stumbling() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setConnectable(true).code: .invalid]
        kernel.start()
        kernel.pass(.seconds(1))
        #expect(kernel.supervisor.state == .ready && kernel.supervisor.isAdvertising)
    }

    @Test("a step that fails temporarily is tried again")
    func passing() {
        let key = [UInt8](repeating: 7, count: 16)
        var kernel = Kernel { $0.privacyKey = key }
        kernel.faults = [ManagementCommand.setPrivacy(true, key: key).code: .rejected]
        kernel.start()
        kernel.faults = [:]
        kernel.pass(.seconds(2))
        #expect(kernel.isServing && kernel.settings.contains(.privacy) && kernel.supervisor.faults.isEmpty)
    }
}
