import BootTime
import ProofLink

/// What happened to our advertisement, for the operator.
public enum AdvertisingNotice: Equatable, Sendable, CustomStringConvertible {
    /// Another program had removed it.
    case restored(instance: UInt8, wasIn: UInt8)
    /// Another program chose the same number at the same moment, and gets it.
    case yielded(instance: UInt8)

    /// One clause, lower case.
    public var description: String {
        switch self {
        case .restored(let instance, let former) where instance == former:
            "another program had removed the advertisement; it is sent again"
        case .restored(let instance, let former):
            "another program had removed the advertisement and uses its instance \(former); it is sent again in instance \(instance)"
        case .yielded(let instance):
            "another program uses advertising instance \(instance), too: the advertisement moves to another one"
        }
    }
}

// What is advertised, in which of the adapter's instances, and what other programs do to it.
extension AdapterSupervisor {
    /// What must be advertised: a PSM that is not listened on may be another program's (docs/proof-link.md, "Being found").
    private var announcement: Announcement? {
        desired.announcement.map {
            Announcement(lePSM: listensOnLE ? $0.lePSM : 0, beacon: $0.beacon, hearing: hearing)
        }
    }

    /// Whether it must advertise, as far as is known.
    public var shouldAdvertise: Bool {
        state != .notWanted && desired.announcement != nil && information?.current.contains(.le) == true
    }

    /// Whether the LE transport is listened on at this adapter, which the advertisement says.
    public mutating func listens(onLE isListening: Bool, at now: Instant) -> [Action] {
        guard listensOnLE != isListening else { return [] }
        listensOnLE = isListening
        return information == nil ? [] : step(at: now)
    }

    /// How many neighbours the beacon hears now, which the advertisement says.
    public mutating func hears(_ new: Hearing?, at now: Instant) -> [Action] {
        guard hearing != new else { return [] }
        hearing = new
        return information == nil ? [] : step(at: now)
    }

    /// Another program has added an advertisement.
    public mutating func advertisingAdded(_ instance: UInt8, at now: Instant) -> [Action] {
        if instance == adding {
            hasCollided = true  // ours comes after it, and replaces it
        } else if instance == addingURL {
            hasURLCollided = true  // the same
        } else if instance == instances.second, !isAdvertisingURL {
            instances.removed(instance)
        } else if instance == instances.own, !isAdvertising {
            instances.removed(instance)  // ours was gone, and now the number is the other's
        }
        instances.added(other: instance)
        return []
    }

    /// Another program has removed an advertisement: bluetoothd does so when it starts.
    public mutating func advertisingRemoved(_ removed: UInt8, at now: Instant) -> [Action] {
        let isOurs = removed == instances.own
        let isURL = removed == instances.second
        instances.removed(removed)
        if isURL { isAdvertisingURL = false }
        guard isOurs || isURL || advertisingFault != nil else { return [] }
        instances.forget()
        guard isOurs, information?.current.contains(.powered) == true else { return stepSoon(at: now) }
        (isAdvertising, lostInstance) = (false, lostInstance ?? removed)
        return stepSoon(at: now)
    }

    /// The next command for the advertisement; nil: it is as it must be, or cannot be.
    mutating func advertisingCommand(_ current: AdapterSettings) -> ManagementCommand? {
        guard current.contains(.le) else { return nil }
        guard instances.isRead else {
            let command = ManagementCommand.readAdvertisingFeatures
            return skipped.contains(command.code) ? nil : command
        }
        if let former = instances.former.first { return .removeAdvertising(instance: former) }
        return announcementCommand(current) ?? urlCommand(current)
    }

    /// The next command for the beacon's own.
    private mutating func announcementCommand(_ current: AdapterSettings) -> ManagementCommand? {
        if hasCollided || announcement == nil { return instances.own.map { .removeAdvertising(instance: $0) } }
        // The registration URL must not keep devices from finding the beacon.
        if instances.choice == nil, let second = instances.second { return .removeAdvertising(instance: second) }
        announcementFault = instances.choice == nil ? noInstance : nil
        return isAdvertising && advertised == announcement ? nil : advertising(current)
    }

    /// Why something is not advertised now, although it could be; nil: nothing is in the way.
    public var advertisingFault: String? { announcementFault ?? urlFault }

    private var noInstance: String {
        let others = instances.used.count
        let beside = others > 0 ? " beside the \(others) of other programs" : ""
        return instances.hasRefused
            ? "it does not advertise: the adapter does not take our advertisement" + beside
            : "it does not advertise: all \(instances.count) advertising instances are used by other programs"
    }

    func advertising(_ current: AdapterSettings) -> ManagementCommand? {
        guard let announcement, instances.isRead, let instance = instances.choice, current.contains(.le) else {
            return nil
        }
        // If rotation is wanted and not possible, nothing is advertised: nobody must be able to follow the adapter's own address.
        if desired.privacyKey != nil, !current.contains(.privacy) { return nil }
        let command = ManagementCommand.addAdvertising(
            instance: instance, advertisement: announcement.advertisement, scanResponse: announcement.scanResponse)
        return skipped.contains(command.code) ? nil : command
    }

    /// Before our advertisement is sent to the kernel.
    mutating func claim(_ instance: UInt8) {
        instances.claim(instance)
        (adding, advertised) = (instance, announcement)
    }

    /// The kernel has our advertisement.
    mutating func advertises(in instance: UInt8) -> [Action] {
        instances.added(ours: instance)
        (isAdvertising, hasStoppedMeanwhile) = (!hasStoppedMeanwhile, false)
        guard !hasCollided else { return [.report(.yielded(instance: instance))] }
        guard let lost = lostInstance else { return [] }
        lostInstance = nil
        return [.report(.restored(instance: instance, wasIn: lost))]
    }

    /// Our advertisement is no longer there. One that had replaced another program's is gone with it: that program sends its own
    /// again, and has the number.
    mutating func removed(own instance: UInt8) -> [Action] {
        guard instance != instances.second else {
            removed(url: instance)
            return []
        }
        isAdvertising = false
        instances.removed(instance)
        if hasCollided { instances.refuse(instance) }
        hasCollided = false
        return []
    }
}
