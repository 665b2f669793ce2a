import Glibc
import Keys
import Links
import Logging
import Observing
import ProofLink
import SRUP

// The adapters: they come and go, are set up, advertise, fall silent (rules §7). What is to be done is `AdapterCare`'s to
// say; here it is done.
extension Shell {
    /// What we know of the radio.
    struct RadioState {
        var management: Management?
        /// Why there is no management, where there is none.
        var fault: LinkSocketError?
        var adapters: [AdapterIndex: Adapter] = [:]
        /// Adapters that were there, and since when they are not, in nanoseconds of CLOCK_BOOTTIME.
        var gone: [BluetoothAddress: Int64] = [:]
        var hasSaidThatThereIsNone = false
        var nextCount: Int64 = 0
    }

    /// One adapter.
    struct Adapter {
        var care: AdapterCare
        /// When it last carried a byte of a link, in nanoseconds of CLOCK_BOOTTIME.
        var lastByte: Int64?
        var said: AdapterCare.State?
        var faultsSaid = 0
    }

    private static let radioPause = Duration.seconds(10)
    private static let rememberedAdapters = 16
    /// The kernel answers from memory, or after one question to the controller.
    private static let signalPatience: Int64 = 500_000_000

    var usesRadio: Bool { configuration.listeners.contains { $0.address.transport != .local } }

    /// Opens the kernel's management, or says why not and comes back: a dongle may bring Bluetooth into the kernel.
    func openRadio() {
        guard usesRadio, radio.management == nil else { return }
        do throws(LinkSocketError) {
            let management = try Management(loop, given: service.management) { [unowned self] adapter, event in
                assumeIsolated { $0.happened(to: adapter, event) }
            }
            (radio.management, radio.fault) = (management, nil)
            countAdapters()
        } catch {
            // What the kernel lacks is said by the listeners, which lack it too.
            if radio.fault != error, error != .noBluetooth {
                log.warning("the adapters cannot be looked after: \(error)")
            }
            radio.fault = error
            alarms?.radio.set(after: Shell.radioPause)
        }
    }

    /// Gives bluetoothd, where it runs, a service record of the BR/EDR transports.
    func offerServiceRecord() {
        guard configuration.radio.serviceRecord,
            let record = ServiceRecord(rfcommChannel: configuration.rfcommChannel, l2capPSM: configuration.l2capPSM)
        else { return }
        let service = BluetoothService(record: record) { [unowned self] happening in
            loop.perform { self.assumeIsolated { $0.log.info("\(happening)") } }
        }
        service.start()
        bluetoothService = service
    }

    /// Which adapters there are. Asked again now and then: where more happens than the kernel keeps, it drops events.
    private func countAdapters() {
        guard let management = radio.management, bootNanoseconds() >= radio.nextCount else { return }
        radio.nextCount = bootNanoseconds() + AdapterCare.probePause
        management.send(.readIndexList, to: .none) { [unowned self] status, reply in
            assumeIsolated { shell in
                guard status == .success else { return }
                let there = AdapterInformation.indices(reply)
                for adapter in shell.radio.adapters.keys where !there.contains(adapter) { shell.disappeared(adapter) }
                for adapter in there { shell.appeared(adapter) }
                shell.sayWhereThereIsNone()
                shell.setRadioAlarm()
            }
        }
    }

    /// Whether bluetoothd sets adapters up beside us, and has somebody to confirm pairings. Seen in /proc, since asking the
    /// bus may take seconds.
    private static var bluetoothdRuns: Bool {
        guard let folder = opendir("/proc") else { return false }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.first?.isNumber == true, let words = readSmallFile("/proc/\(name)/comm") else { continue }
            if words.starts(with: "bluetoothd".utf8) { return true }
        }
        return false
    }

    private func sayWhereThereIsNone() {
        guard radio.adapters.isEmpty, !radio.hasSaidThatThereIsNone else { return }
        radio.hasSaidThatThereIsNone = true
        log.notice("there is no Bluetooth adapter; one that comes is used at once")
    }

    private func happened(to adapter: AdapterIndex, _ event: ManagementEvent) {
        let now = bootNanoseconds()
        switch event {
        case .appeared: appeared(adapter)
        case .disappeared: disappeared(adapter)
        case .settings(let settings): care(for: adapter) { $0.changed(settings, at: now) }
        case .advertisingRemoved(let instance):
            care(for: adapter) { $0.advertisingRemoved(instance, at: now) }
        case .connected(let peer) where peer.kind != .classic: care(for: adapter) { $0.leConnected(at: now) }
        case .connected: radio.adapters[adapter]?.care.heard(at: now)
        case .disconnected: care(for: adapter) { $0.disconnected(at: now) }
        // Others' commands, searches and pairings.
        case .completed, .confirmation, .pairingFailed, .paired, .found, .discovering: break
        }
    }

    private func appeared(_ adapter: AdapterIndex) {
        guard radio.adapters[adapter] == nil else { return }
        var wish = AdapterWish()
        wish.classic = configuration.rfcommChannel != nil || configuration.l2capPSM != nil
        wish.le = configuration.lePSM != nil || configuration.announcement != nil
        (wish.setsUp, wish.name) = (configuration.radio.setsUp, configuration.radio.name)
        (wish.announcement, wish.privacyKey) = (configuration.announcement, privacyKey)
        wish.isAlone = !Shell.bluetoothdRuns
        let wanted = configuration.radio.adapters
        radio.adapters[adapter] = Adapter(
            care: AdapterCare(wish: wish) { wanted.isEmpty || wanted.contains($0) })
        care(for: adapter) { $0.start(at: bootNanoseconds()) }
    }

    /// Bound to the identity key, so that devices that have paired know the beacon again after a restart, and nobody else
    /// can tell that two addresses are one beacon's.
    private var privacyKey: [UInt8]? {
        guard configuration.radio.rotatesAddress else { return nil }
        guard let signature = try? key.signature(over: [Array("srup-beacon: LE identity resolving key".utf8)[...]]),
            let secret = Secret(signature.prefix(Secret.length))
        else { Shell.endWithout(key, "sign") }
        return Array(hmacSHA256(secret, signature).prefix(16))
    }

    private func disappeared(_ adapter: AdapterIndex) {
        guard let gone = radio.adapters.removeValue(forKey: adapter) else { return }
        guard let address = gone.care.information?.address, gone.care.state != .notWanted else { return }
        closeLinks(over: address)
        radio.gone[address] = bootNanoseconds()
        if radio.gone.count > Shell.rememberedAdapters, let oldest = radio.gone.min(by: { $0.value < $1.value }) {
            radio.gone[oldest.key] = nil
        }
        log.warning("adapter \(address): gone")
        lookAfterRadio()
    }

    /// Lets the care for an adapter decide, and does what it says.
    private func care(for adapter: AdapterIndex, _ decide: (inout AdapterCare) -> [AdapterCare.Deed]) {
        guard var care = radio.adapters[adapter]?.care else { return }
        let deeds = decide(&care)
        radio.adapters[adapter]?.care = care
        for deed in deeds {
            switch deed {
            case .send(let command): send(command, to: adapter)
            case .closeLinks:
                guard let address = radio.adapters[adapter]?.care.information?.address else { continue }
                if radio.adapters[adapter]?.said == .ready { log.warning("adapter \(address): its links are closed") }
                closeLinks(over: address)
            case .reopenListeners: reopenListeners()
            }
        }
        sayHowItIs(adapter)
        setRadioAlarm()
    }

    private func send(_ command: ManagementCommand, to adapter: AdapterIndex) {
        guard let management = radio.management else { return }
        management.send(command, to: adapter) { [unowned self, weak management] status, reply in
            assumeIsolated { shell in
                // What was sent before a restart of the radio says nothing about the adapters that are known now.
                guard shell.radio.management === management else { return }
                // Not its parameters: one is a key.
                shell.log.debug("\(adapter): \(command.words): \(status)")
                shell.care(for: adapter) { $0.completed(command, status, reply, at: bootNanoseconds()) }
            }
        }
    }

    /// Nobody is to be called to a door without a house.
    func stopAdvertising() {
        for (adapter, state) in radio.adapters {
            for command in state.care.farewell { radio.management?.send(command, to: adapter) { _, _ in } }
        }
        // What has been written is done all the same; a CHALLENGE that waits for a signal strength goes without one.
        radio.management?.close(telling: true)
        radio.management = nil
    }

    /// Listeners, advertisement and what we know of the adapters are made anew; links that are open stay.
    /// - Returns: whether anything listens on a radio now.
    func restartRadio() -> Bool {
        guard usesRadio else { return false }
        stopAdvertising()
        radio.adapters = [:]
        (radio.hasSaidThatThereIsNone, radio.nextCount) = (false, 0)
        reopenListeners()
        openRadio()
        return listeners.contains { $0.wanted.address.transport != .local && $0.socket != nil }
    }

    func lookAfterRadio() {
        openRadio()
        countAdapters()
        let now = bootNanoseconds()
        for (adapter, state) in radio.adapters where state.care.nextDeadline.map({ $0 <= now }) ?? false {
            care(for: adapter) { $0.tick(at: now) }
        }
        setRadioAlarm()
    }

    private func setRadioAlarm() {
        guard radio.management != nil else { return }
        alarms?.radio.set(
            at: Instant(
                nanoseconds: radio.adapters.values.compactMap(\.care.nextDeadline).reduce(radio.nextCount, min)))
    }

    // MARK: - Links over an adapter

    /// Bytes have come or gone over an adapter: it lives.
    func carried(_ address: BluetoothAddress) {
        guard let adapter = index(of: address) else { return }
        let now = bootNanoseconds()
        radio.adapters[adapter]?.lastByte = now
        radio.adapters[adapter]?.care.heard(at: now)
    }

    private func index(of address: BluetoothAddress) -> AdapterIndex? {
        radio.adapters.first { $0.value.care.information?.address == address }?.key
    }

    private func closeLinks(over address: BluetoothAddress) {
        for (id, connection) in connections where connection.adapter == address {
            handle(.disconnected(id))
            close(id)
        }
    }

    /// Asks for the signal strength of a link's connection.
    /// - Returns: false where there is nobody to ask; else `then` is called later, exactly once.
    func measureSignal(_ connection: Connection, then: @escaping @Sendable (isolated Shell, Int8?) -> Void) -> Bool {
        // BR/EDR controllers tell how far the signal is outside of a wanted range (HCI, Read RSSI), which is no dBm.
        guard let management = radio.management, let peer = connection.radioPeer, peer.kind != .classic,
            let adapter = connection.adapter.flatMap(index), radio.adapters[adapter]?.care.state != .notPermitted
        else { return false }
        management.send(.readConnection(peer), to: adapter, patience: Shell.signalPatience) {
            [unowned self] status, reply in
            assumeIsolated { then($0, status == .success ? AdapterInformation.signal(reply) : nil) }
        }
        return true
    }

    // MARK: - What the operator hears

    private func sayHowItIs(_ adapter: AdapterIndex) {
        guard var entry = radio.adapters[adapter], let address = entry.care.information?.address else { return }
        let state = entry.care.state
        if radio.gone.removeValue(forKey: address) != nil { log.notice("adapter \(address): it is back") }
        if state != entry.said, state != .settling {
            entry.said = state
            let level: Logger.Level =
                switch state {
                case .ready: .notice
                case .unknown, .settling, .notWanted: .debug
                case .off, .blocked, .notPermitted, .failing: .warning
                case .silent(let rung): rung == 3 ? .error : rung < 3 ? .warning : .debug
                }
            let words = state.words(isAdvertising: entry.care.isAdvertising)
            log.log(level: level, "adapter \(address): \(words.sentence)\(words.hint.map { "; hint: \($0)" } ?? "")")
        }
        for fault in entry.care.faults.dropFirst(entry.faultsSaid) { log.warning("adapter \(address): \(fault)") }
        entry.faultsSaid = entry.care.faults.count
        radio.adapters[adapter] = entry
    }
}
