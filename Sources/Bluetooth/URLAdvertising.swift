import BootTime

// The registration URL, in an advertising instance of its own beside the beacon's. Whatever goes wrong with it, the beacon's goes first.
extension AdapterSupervisor {
    /// The next command for it; nil: it is as it must be, or cannot be.
    mutating func urlCommand(_ current: AdapterSettings) -> ManagementCommand? {
        guard let url = desired.registrationURL, !hasURLCollided else {
            return instances.second.map { .removeAdvertising(instance: $0) }
        }
        // If rotation is wanted and not possible, nothing is advertised: see `advertising`.
        guard !isAdvertisingURL, desired.privacyKey == nil || current.contains(.privacy) else { return nil }
        guard let instance = instances.secondChoice else {
            urlFault =
                instances.hasRefused
                ? "it does not advertise the registration URL: the adapter takes no further advertisement"
                : "it does not advertise the registration URL: all \(instances.count) advertising instances are used"
            return nil
        }
        return .addBroadcast(instance: instance, advertisement: url.advertisement)
    }

    /// Before it is sent to the kernel.
    mutating func claim(url instance: UInt8) {
        instances.claim(second: instance)
        addingURL = instance
    }

    /// The kernel has it.
    mutating func advertisesURL(in instance: UInt8) {
        instances.added(second: instance)
        (isAdvertisingURL, urlFault) = (true, nil)
    }

    /// It is no longer there. One that had replaced another program's is tried in another instance.
    mutating func removed(url instance: UInt8) {
        isAdvertisingURL = false
        instances.removed(instance)
        if hasURLCollided { instances.refuse(instance) }
        hasURLCollided = false
    }

    /// It could not be added, for a reason that another instance does not change: the rest continues, and it is tried again later.
    mutating func urlFailed(_ instance: UInt8, _ status: ManagementStatus, at now: Instant) {
        instances.giveUp(instance)
        hasURLCollided = false
        urlFault = "it does not advertise the registration URL: \(status)"
        settled(at: now)
    }
}
