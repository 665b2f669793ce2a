import ProofLink
import SRUP
import Testing

@testable import Links

private let second: Int64 = 1_000_000_000
private let full: AdapterSettings = [
    .powered, .connectable, .discoverable, .bondable, .simplePairing, .classic, .le, .secureConnections, .privacy,
]
private let address = BluetoothAddress("00:AA:01:00:00:00")

/// A kernel with one adapter, as a value, and the care for it. Time is a variable.
private struct Kernel {
    var care: AdapterCare
    var now: Int64 = 1000 * second
    var settings: AdapterSettings = [.classic]
    var name = ""
    var instances: Set<UInt8> = []
    /// How commands end that do not succeed.
    var faults: [UInt16: ManagementStatus] = [:]
    var sent: [ManagementCommand] = []
    var others: [AdapterCare.Deed] = []

    init(_ change: (inout AdapterWish) -> Void = { _ in }, isWanted: Bool = true) {
        var wish = AdapterWish()
        wish.announcement = Announcement(lePSM: 0xD5, beacon: Identifier(0xBEAC))
        change(&wish)
        care = AdapterCare(wish: wish) { _ in isWanted }
    }

    mutating func start() { perform(care.start(at: now)) }

    mutating func perform(_ deeds: [AdapterCare.Deed]) {
        for deed in deeds {
            guard case .send(let command) = deed else {
                others.append(deed)
                continue
            }
            sent.append(command)
            let status = faults[command.code] ?? .success
            perform(care.completed(command, status, status == .success ? reply(to: command) : [], at: now))
        }
    }

    mutating func pass(_ nanoseconds: Int64) {
        let end = now + nanoseconds
        for _ in 0..<1_000 {
            guard let next = care.nextDeadline, next <= end else { break }
            now = max(now, next)
            perform(care.tick(at: now))
        }
        now = end
    }

    /// Somebody else changes the settings.
    mutating func change(_ new: AdapterSettings) {
        settings = new
        if !new.contains(.powered) { instances = [] }
        perform(care.changed(new, at: now))
    }

    private mutating func set(_ setting: AdapterSettings, _ on: Bool) -> [UInt8] {
        if on { settings.insert(setting) } else { settings.remove(setting) }
        if !settings.contains(.powered) { instances = [] }
        return littleEndian(settings.rawValue)
    }

    private mutating func reply(to command: ManagementCommand) -> [UInt8] {
        switch command {
        case .readInformation:
            return (address?.bytes.reversed() ?? []) + [9, 0, 0] + littleEndian(full.rawValue)
                + littleEndian(settings.rawValue) + [0, 0, 0] + Array(name.utf8)
                + [UInt8](repeating: 0, count: 260 - name.utf8.count)
        case .setPowered(let on): return set(.powered, on)
        case .setConnectable(let on): return set(.connectable, on)
        case .setDiscoverable(let on, _): return set(.discoverable, on)
        case .setSimplePairing(let on): return set(.simplePairing, on)
        case .setLE(let on): return set(.le, on)
        case .setSecureConnections(let on): return set(.secureConnections, on)
        case .setPrivacy(let on, _): return set(.privacy, on)
        case .setName(let new):
            name = new
            return []
        case .readAdvertisingFeatures: return [0, 0, 0, 0, 31, 31, 3, 0]
        case .addAdvertising(let instance, _, _):
            instances.insert(instance)
            return [instance]
        default: return []
        }
    }

    var isServing: Bool {
        settings.isSuperset(of: [.powered, .connectable, .le, .simplePairing]) && instances == [3]
            && care.state == .ready
    }
}

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
        for bits in 0..<UInt32(1 << 14) where AdapterSettings(rawValue: bits).isSubset(of: full) {
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
            kernel.pass(second)
            #expect(kernel.isServing, "\(disturbance)")
        }
        var kernel = Kernel()
        kernel.start()
        kernel.instances = []
        kernel.perform(kernel.care.advertisingRemoved(3, at: kernel.now))
        kernel.pass(second)
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
        kernel.pass(second)
        #expect(kernel.care.state == .ready && kernel.care.isAdvertising)
        #expect(kernel.settings == [.classic, .le, .powered])
    }

    @Test("rfkill is asked again every five seconds, and nothing else is done meanwhile")
    func blocked() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setPowered(true).code: .blocked]
        kernel.start()
        let before = kernel.sent.count
        kernel.pass(60 * second)
        #expect(kernel.care.state == .blocked && kernel.sent.count == before + 12)
        kernel.faults = [:]
        kernel.pass(5 * second)
        #expect(kernel.isServing)
    }

    @Test("without the capability it is looked at and left alone")
    func notPermitted() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setLE(true).code: .denied]
        kernel.start()
        kernel.change([.classic, .powered])
        kernel.pass(3600 * second)
        #expect(kernel.care.state == .notPermitted && kernel.sent == [.readInformation, .setLE(true)])
        #expect(kernel.care.information?.address == address)
    }

    @Test("an adapter that the configuration does not name is read, and nothing more")
    func notWanted() {
        var kernel = Kernel(isWanted: false)
        kernel.start()
        kernel.change([])
        kernel.pass(3600 * second)
        #expect(kernel.care.state == .notWanted && kernel.sent == [.readInformation])
    }

    @Test("what an adapter cannot do is said, and the rest is done")
    func cannot() {
        for lacking in [ManagementCommand.setSecureConnections(true), .setSimplePairing(true), .setName("x")] {
            var kernel = Kernel { $0.name = "Gate" }
            kernel.faults = [lacking.code: .notSupported]
            kernel.start()
            #expect(kernel.care.state == .ready && kernel.care.isAdvertising && kernel.care.faults.count == 1)
            kernel.pass(600 * second)
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
        kernel.pass(600 * second)
        #expect(kernel.sent.count { $0 == .setPowered(false) } == 1)
        kernel = Kernel { $0.privacyKey = key }
        kernel.faults = [ManagementCommand.setPrivacy(true, key: key).code: .failed(3)]
        kernel.start()
        kernel.pass(60 * second)
        #expect(kernel.care.state == .ready && !kernel.care.isAdvertising && kernel.instances.isEmpty)
        #expect(kernel.care.faults.count == 1)
    }

    // MARK: - The ladder (rules §7)

    @Test(
        "the kernel's stumble over an advertisement that is no more counts as done: it is made connectable, and advertises"
    )
    func stumble() {
        var kernel = Kernel()
        kernel.settings = full
        kernel.faults[ManagementCommand.setConnectable(true).code] = .failed(0x0D)
        kernel.start()
        #expect(kernel.care.state == .ready)
        #expect(kernel.care.isAdvertising)
        let switched = kernel.sent.filter(\.isSetConnectable)
        #expect(switched == [.setConnectable(false), .setConnectable(true)])
    }

    @Test("a silent adapter climbs the ladder: reopen, power cycle, unhealthy; and is served again when it answers")
    func ladder() {
        var kernel = Kernel()
        kernel.start()
        let everything = Set((0..<0x40).map { UInt16($0) })
        kernel.faults = Dictionary(uniqueKeysWithValues: everything.map { ($0, .timeout) })
        kernel.sent = []
        kernel.pass(AdapterCare.probePause)
        #expect(kernel.sent.map(\.code) == [0x3E] && kernel.care.state == .silent(rung: 1))
        #expect(kernel.others == [.closeLinks, .reopenListeners])
        kernel.pass(2 * second)
        #expect(kernel.sent.contains(.setPowered(false)))
        guard case .silent(let rung) = kernel.care.state else {
            Issue.record("\(kernel.care.state)")
            return
        }
        #expect(rung >= 2)
        kernel.pass(3600 * second)
        #expect(kernel.sent.count < 200, "ever slower: \(kernel.sent.count) commands in an hour")
        #expect(kernel.others == [.closeLinks, .reopenListeners])
        kernel.faults = [:]
        kernel.pass(60 * second)
        #expect(kernel.isServing)
    }

    @Test("an adapter over which bytes come is not asked whether it lives")
    func traffic() {
        var kernel = Kernel()
        kernel.start()
        kernel.sent = []
        for _ in 0..<100 {
            kernel.care.heard(at: kernel.now)
            kernel.pass(10 * second)
        }
        #expect(kernel.sent.isEmpty)
        kernel.pass(61 * second)
        #expect((1...2).contains(kernel.sent.count) && kernel.sent.allSatisfy { $0.code == 0x3E })
    }

    @Test("an adapter that does not advertise is asked something else, and one that cannot answer that has answered")
    func quietOnes() {
        for status in [ManagementStatus.success, .notSupported, .failed(1)] {
            var kernel = Kernel { $0.announcement = nil }
            kernel.faults = [ManagementCommand.readOutOfBand.code: status]
            kernel.start()
            kernel.sent = []
            kernel.pass(AdapterCare.probePause + second)
            #expect(kernel.care.state == .ready && kernel.sent == [.readOutOfBand], "\(status)")
        }
    }

    @Test("the kernel's word for a controller that does not answer is «authentication failed»")
    func kernelsWord() {
        var kernel = Kernel()
        kernel.start()
        kernel.faults = [0x3E: .authenticationFailed]
        kernel.pass(AdapterCare.probePause)
        #expect(kernel.care.state == .silent(rung: 1))
    }

    @Test(
        "a step that fails is tried ever more seldom, up to a minute, and an instance that is taken is left to its owner"
    )
    func failing() {
        var kernel = Kernel()
        kernel.faults = [ManagementCommand.setPowered(true).code: .failed(3)]
        kernel.start()
        kernel.pass(3600 * second)
        #expect(kernel.care.state == .failing("powering on: failed with status 0x3"))
        #expect(kernel.sent.count < 80)
        kernel = Kernel()
        kernel.faults = [0x3E: .failed(3)]
        kernel.start()
        kernel.faults = [:]
        kernel.pass(2 * second)
        #expect(kernel.instances == [2] && kernel.care.state == .ready)
    }
}
