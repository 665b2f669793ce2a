import BootTime
import ProofLink
import SRUP

@testable import Bluetooth

/// One adapter, and the supervisors of several beacons that use it: a model of what the kernel does with advertising instances.
struct SharedAdapter {
    var beacons: [AdapterSupervisor] = []
    var notices: [[AdvertisingNotice]] = []
    var now = Instant(.seconds(1000))
    /// The service data in each instance. Those of other programs have none.
    var instances: [UInt8: [UInt8]] = [:]
    var count: UInt8 = 3
    /// How many the controller takes, whatever the kernel says.
    var taken = 9
    private var queue: [(beacon: Int, command: ManagementCommand)] = []
    private let settings: AdapterSettings = [.powered, .connectable, .simplePairing, .classic, .le, .secureConnections]

    /// A beacon comes; `run` lets its commands be done.
    mutating func start(
        _ identity: UInt64 = 0xBEAC, former: UInt8? = nil, advertises: Bool = true, listensOnLE: Bool = true,
        url: EddystoneURL? = nil
    ) {
        var desired = DesiredAdapterState()
        (desired.isAlone, desired.setsUp) = (false, false)
        if advertises { desired.announcement = Announcement(lePSM: 0xD5, beacon: Identifier(identity)) }
        desired.registrationURL = url
        beacons.append(
            AdapterSupervisor(
                desired: desired, isWanted: { _ in true }, formerInstances: { _ in [former].compactMap { $0 } }))
        notices.append([])
        let index = beacons.count - 1
        _ = beacons[index].listens(onLE: listensOnLE, at: now)
        perform(beacons[index].start(at: now), of: index)
    }

    mutating func perform(_ actions: [AdapterSupervisor.Action], of beacon: Int) {
        for action in actions {
            switch action {
            case .send(let command): queue.append((beacon, command))
            case .report(let notice): notices[beacon].append(notice)
            case .closeLinks, .reopenListeners: break
            }
        }
    }

    /// The kernel does the commands in their order, and tells the others what has changed.
    mutating func run() {
        while !queue.isEmpty {
            let (beacon, command) = queue.removeFirst()
            var (status, reply) = (ManagementStatus.success, [UInt8]())
            switch command {
            case .readInformation:
                reply = (adapterAddress?.bytes.reversed() ?? []) + [9, 0, 0] + littleEndian(settings.rawValue)
                reply += littleEndian(settings.rawValue) + [UInt8](repeating: 0, count: 263)
            case .readAdvertisingFeatures: reply = advertisingFeatures(of: count, used: instances.keys)
            case .addAdvertising(let instance, _, let data), .addBroadcast(let instance, let data):
                if instances[instance] == nil, instances.count >= taken {
                    status = .noResources
                } else {
                    // Without a word to the one whose advertisement it replaces.
                    if instances[instance] == nil { tell(beacon) { $0.advertisingAdded(instance, at: $1) } }
                    instances[instance] = data
                }
            case .removeAdvertising(let instance): remove(instance, by: beacon)
            default: break
            }
            perform(beacons[beacon].completed(command, status, reply, at: now), of: beacon)
        }
    }

    /// A program that is not a beacon, or the beacon of this number, removes an instance.
    mutating func remove(_ instance: UInt8, by beacon: Int? = nil) {
        instances[instance] = nil
        tell(beacon) { $0.advertisingRemoved(instance, at: $1) }
    }

    private mutating func tell(
        _ sender: Int?, _ event: (inout AdapterSupervisor, Instant) -> [AdapterSupervisor.Action]
    ) {
        for other in beacons.indices where other != sender { perform(event(&beacons[other], now), of: other) }
    }

    mutating func pass(_ duration: Duration) {
        let end = now + duration
        run()
        for _ in 0..<1_000 {
            guard let next = beacons.compactMap(\.nextDeadline).min(), next <= end else { break }
            now = max(now, next)
            for index in beacons.indices { perform(beacons[index].tick(at: now), of: index) }
            run()
        }
        now = end
    }

    /// The identity in an instance; nil: it is not a beacon's, or says nothing.
    func beacon(in instance: UInt8) -> UInt64? { announcement(in: instance)?.beacon?.number }

    func url(in instance: UInt8) -> String? { instances[instance].flatMap { EddystoneURL(heard: $0) }?.text }

    func announcement(in instance: UInt8) -> Announcement? { instances[instance].flatMap { Announcement(heard: $0) } }
}
