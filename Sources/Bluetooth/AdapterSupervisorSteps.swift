import BootTime
import ProofLink

// The next command, from the state and the desired, and the handling of commands that fail.
extension AdapterSupervisor {
    /// One command from the present state towards the wanted one; nil: nothing to do before `due`.
    mutating func nextCommand(at now: Instant) -> ManagementCommand? {
        guard let information else { return .readInformation }
        guard isWanted(information.address) else {
            state = .notWanted
            return nil
        }
        let isQuiet = state == .ready && (lastAlive ?? .boot) + AdapterSupervisor.probePause <= now
        if isQuiet, !informationIsFresh { return .readInformation }
        let (current, can) = (information.current, information.supported)
        if desired.setsUp, let command = setUp(current, can) { return command }
        guard current.contains(.powered) else {
            state = isBlocked ? .blocked : .off
            if isBlocked { due = now + .seconds(5) }  // the kernel does not tell when rfkill lets go
            return nil
        }
        if let command = makeDiscoverable(current, information.name) { return command }
        if level > 0 || isQuiet { return probe(current) }
        recordMissingFeatures(current)
        settled(at: now)
        return nil
    }

    /// Power, and what must be set before it or right after it, in this order.
    private func setUp(_ current: AdapterSettings, _ can: AdapterSettings) -> ManagementCommand? {
        func missing(_ setting: AdapterSettings) -> Bool { can.contains(setting) && !current.contains(setting) }
        let (isOn, classic) = (current.contains(.powered), desired.classic && current.contains(.classic))
        let canRotate = can.contains(.privacy) && !skipped.contains(ManagementCommand.setPrivacy(true, key: []).code)
        let key = canRotate && !(privacyIsSet && current.contains(.privacy)) ? desired.privacyKey : nil
        let steps: [(Bool, ManagementCommand)] = [
            (key != nil && isOn, .setPowered(false)),  // rotation can only be set while it is off
            (key != nil, .setPrivacy(true, key: key ?? [])),
            (desired.le && missing(.le), .setLE(true)),
            (desired.classic && missing(.classic), .setClassic(true)),
            (current.contains(.classic) && missing(.simplePairing), .setSimplePairing(true)),
            (missing(.secureConnections), .setSecureConnections(true)),
            // By default the kernel expects a person to confirm: links without a pairing would wait for one.
            (desired.isAlone && !capabilityIsSet, .setCapability(.none)),
            (!isOn, .setPowered(true)),
            (classic && missing(.connectable), .setConnectable(true)),
            // After a power cycle the kernel may leave page scan off although the setting says connectable.
            (classic && !pageScanIsFresh, .setConnectable(false)),
        ]
        return first(of: steps)
    }

    private func first(of steps: [(Bool, ManagementCommand)]) -> ManagementCommand? {
        steps.first { $0.0 && !skipped.contains($0.1.code) }?.1
    }

    private mutating func makeDiscoverable(_ current: AdapterSettings, _ name: String) -> ManagementCommand? {
        if desired.setsUp, desired.classic, let wanted = desired.name, current.contains(.classic) {
            let steps: [(Bool, ManagementCommand)] = [
                (name != wanted, .setName(wanted)), (!current.contains(.discoverable), .setDiscoverable(true)),
            ]
            if let command = first(of: steps) { return command }
        }
        return advertisingCommand(current)
    }

    /// A command that the controller must answer and that changes nothing. Advertising again restores what it may have lost.
    private func probe(_ current: AdapterSettings) -> ManagementCommand { advertising(current) ?? .readOutOfBand }

    /// What is wanted and missing, although no command has failed.
    private mutating func recordMissingFeatures(_ current: AdapterSettings) {
        let lacks = [
            (desired.classic && !current.contains(.classic), "it has no BR/EDR, or that is off: no rfcomm, no l2cap"),
            (desired.le && !current.contains(.le), "it has no LE, or that is off"),
            (
                desired.privacyKey != nil && !current.contains(.privacy),
                "its address does not rotate: it does not advertise"
            ),
        ]
        for (isLacking, message) in lacks where isLacking && !faults.contains(message) { faults.append(message) }
    }

    // MARK: - Failures

    /// Tries again, at growing intervals, up to a minute.
    mutating func failed(_ command: ManagementCommand, _ status: ManagementStatus, at now: Instant) -> [Action] {
        switch (command, status) {
        // An adapter that does not support these data has answered all the same.
        case (.readOutOfBand, _):
            (level, failures, lastAlive) = (0, 0, now)
            settled(at: now)
            return []
        // Many cannot advertise beside a connection. It is tried again when that ends, and now and then.
        case (.addAdvertising, .rejected), (.addBroadcast, .rejected):
            (hasCollided, hasURLCollided) = (false, false)
            settled(at: now)
            due = now + .seconds(5)
            return []
        // The controller has fewer than the kernel says, or takes no further one.
        case (.addAdvertising(let instance, _, _), .noResources), (.addAdvertising(let instance, _, _), .invalid):
            instances.refuse(instance)
            hasCollided = false
            return step(at: now)
        case (.addBroadcast(let instance, _), .noResources), (.addBroadcast(let instance, _), .invalid):
            instances.refuse(instance)
            hasURLCollided = false
            return step(at: now)
        case (.addBroadcast(let instance, _), _):
            urlFailed(instance, status, at: now)
            return []
        // It is gone already.
        case (.removeAdvertising(let instance), .invalid): return removed(own: instance) + step(at: now)
        // It was only to make sure of page scan.
        case (.setConnectable(false), _):
            pageScanIsFresh = true
            return step(at: now)
        // The number may be another program's now: it is chosen again.
        case (.addAdvertising(let instance, _, _), _) where hasCollided:
            hasCollided = false
            instances.giveUp(instance)
        default: break
        }
        failures += 1
        let isImpossible = status == .notSupported || status == .invalid
        if command.mayBeSkipped, isImpossible || failures > 3 {
            skipped.insert(command.code)
            let message = "\(command.words): \(status)"
            if !faults.contains(message) { faults.append(message) }  // it is reported, and the rest continues
            failures = 0
            return step(at: now)
        }
        if failures > 3 { state = .failing("\(command.words): \(status)") }
        due = now + min(AdapterSupervisor.maximumPause, .seconds(1 << min(failures - 1, 6)))
        return []
    }

    /// Recovery: reopen → power cycle → report unhealthy; then further power cycles, at growing intervals.
    mutating func escalate(at now: Instant) -> [Action] {
        level += 1
        state = .silent(level: level)
        (isAdvertising, isAdvertisingURL) = (false, false)
        guard level > 1 else {
            due = now + .seconds(2)
            return [.closeLinks, .reopenListeners]
        }
        due = now + min(AdapterSupervisor.maximumPause, .seconds(1 << min(level, 6)))
        guard desired.setsUp, level.isMultiple(of: 2) else { return [] }
        isBusy = true
        return [.send(.setPowered(false))]
    }
}
