import Bluetooth
import CLinux
import EventLoop
import Glibc
import OperatorText

/// Pairs two devices, a person comparing numbers on both: what `authenticated` links need. Either waits for a device that
/// pairs with this machine's adapters, or pairs with one that waits. Over the kernel's management interface, for machines
/// without bluetoothd, which pairs by itself where it runs. The kernel keeps the keys until the adapter is removed or the
/// machine restarts.
///
/// `@unchecked Sendable`: used on its loop's thread only.
public final class Pairing: @unchecked Sendable {
    private let loop = Loop()
    private let wanted: [BluetoothAddress]
    private let peer: RadioAddress?
    private let seconds: UInt16
    private let say: (String) -> Void
    private var management: Management?
    private var alarm: Alarm?
    private var adapters: [AdapterIndex: AdapterInformation] = [:]
    /// What a person is looking at now.
    private var asked: (adapter: AdapterIndex, peer: RadioAddress)?
    private var confirmed: Set<BluetoothAddress> = []
    private var paired: RadioAddress?
    /// What has been seen of a pairing with `peer`, while one is under way.
    private var attempt: PairingAttempt?
    private var isEnding = false
    private var fault: PairingFault?

    private init(
        _ wanted: [BluetoothAddress], _ peer: RadioAddress?, _ seconds: UInt16, _ say: @escaping (String) -> Void
    ) {
        (self.wanted, self.peer, self.seconds, self.say) = (wanted, peer, seconds, say)
    }

    /// Opens for pairing, and closes again when one device has paired, the time limit has passed, or SIGINT or SIGTERM comes.
    /// Answers come as lines on standard input: only "yes" counts as one.
    /// - Parameters:
    ///   - wanted: the adapters; empty: all that are powered on.
    ///   - peer: a device that waits to be paired with; nil: we wait.
    ///   - say: a line for the person, questions among them.
    /// - Returns: the device that has paired, if any.
    public static func run(
        _ wanted: [BluetoothAddress], with peer: RadioAddress? = nil, seconds: UInt16, say: @escaping (String) -> Void
    ) throws(PairingFault) -> String? {
        let pairing = Pairing(wanted, peer, seconds, say)
        let signals = blockSignals()
        pairing.loop.perform { pairing.start(signals) }
        startThread("answers") {
            while let line = readLine() { pairing.loop.perform { pairing.answer(line == "yes") } }
        }
        pairing.loop.run()
        if let fault = pairing.fault { throw fault }
        return pairing.paired?.description
    }

    /// A signal that ends the process must not leave the adapters open.
    private static func blockSignals() -> Int32 {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT] { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        return signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK))
    }

    private func start(_ signals: Int32) {
        _ = loop.watch(signals) { [unowned self] _ in
            var signal = signalfd_siginfo()
            if read(signals, &signal, MemoryLayout<signalfd_siginfo>.size) > 0 { giveUp() }
        }
        do throws(LinkSocketError) {
            management = try Management(loop) { [unowned self] in happened(to: $0, $1) }
        } catch {
            return fail(.noManagement(error))
        }
        alarm = Alarm(loop) { [unowned self] in
            if attempt != nil { failed(.timeout) } else { end() }
        }
        management?.send(.readIndexList, to: .none) { [unowned self] _, reply in
            open(AdapterInformation.indices(reply)[...])
        }
    }

    /// One adapter after the other.
    private func open(_ indices: ArraySlice<AdapterIndex>) {
        guard let index = indices.first else {
            alarm?.set(after: .seconds(Int64(seconds)))
            guard let adapter = adapters.keys.min() else { return fail(.noAdapter) }
            if let peer { return pair(with: peer, adapter) }
            let names = adapters.values.map(\.address.description).sorted().joined(separator: ", ")
            return say("open for pairing for \(seconds) s, as \(names)")
        }
        management?.send(.readInformation, to: index) { [unowned self] _, reply in
            guard let information = AdapterInformation(reply: reply), information.current.contains(.powered),
                wanted.isEmpty || wanted.contains(information.address)
            else { return open(indices.dropFirst()) }
            adapters[index] = information
            var steps: [ManagementCommand] = [.setCapability(.displayAndConfirm), .setBondable(true)]
            if peer == nil { steps += [.setConnectable(true), .setDiscoverable(true, seconds: seconds)] }
            send(steps[...], to: index) { [unowned self] in open(indices.dropFirst()) }
        }
    }

    private func pair(with peer: RadioAddress, _ adapter: AdapterIndex) {
        attempt = PairingAttempt(peer: peer)
        say("pairing with \(peer), from \(adapters[adapter]?.address ?? .any), for at most \(seconds) s")
        // The alarm comes first.
        management?.send(.pair(peer), to: adapter, timeout: .seconds(seconds) + Management.timeout) {
            [unowned self] status, _ in
            guard attempt != nil else { return }
            if status != .success { return failed(status) }
            attempt = nil
            alarm?.set(after: .milliseconds(500))  // the keys may come after the end
        }
    }

    /// The pairing has failed, or its time is over.
    private func failed(_ status: ManagementStatus) {
        guard let attempt else { return }
        fault = fault ?? attempt.fault(status)
        if status != .timeout { self.attempt = nil }
        giveUp()
    }

    /// The kernel would go on looking for the peer, and pair with it once it comes.
    private func giveUp() {
        guard let peer = attempt?.peer, let adapter = adapters.keys.min() else { return end() }
        attempt = nil
        management?.send(.cancelPairing(peer), to: adapter) { [unowned self] _, _ in end() }
    }

    private func send(_ steps: ArraySlice<ManagementCommand>, to index: AdapterIndex, then: @escaping () -> Void) {
        guard let step = steps.first else { return then() }
        management?.send(step, to: index) { [unowned self] status, _ in
            guard status != .denied else { return fail(.notPermitted) }
            if status != .success { say("\(index): \(step.words): \(status)") }
            send(steps.dropFirst(), to: index, then: then)
        }
    }

    private func happened(to adapter: AdapterIndex, _ event: ManagementEvent) {
        guard adapters[adapter] != nil else { return }
        switch event {
        case .confirmation(let peer, _, isHint: true):
            say("\(peer) wants to pair and has no way to show a number: refused")
            management?.send(.confirm(peer, false), to: adapter) { _, _ in }
        case .confirmation(let peer, let number, isHint: false):
            attempt?.wasAsked = true
            ask(adapter, peer, number)
        case .paired(let peer, isBonded: true, let isAuthenticated): keep(peer, adapter, isAuthenticated)
        case .pairingFailed(let peer), .disconnected(let peer):
            if asked?.peer.address == peer.address {
                asked = nil
                say("\(peer) has cancelled: the question no longer applies")
            }
        case .disappeared:
            adapters[adapter] = nil
            if adapters.isEmpty { fail(.adapterGone) }
        case .connected(let peer): if attempt?.peer == peer { attempt?.hasConnected = true }
        case .completed, .appeared, .settings, .paired, .found, .discovering, .advertisingAdded, .advertisingRemoved:
            break
        }
    }

    /// One question at a time: an answer must not be applied to a number that nobody has looked at.
    private func ask(_ adapter: AdapterIndex, _ peer: RadioAddress, _ number: UInt32) {
        guard asked == nil, !isEnding else {
            management?.send(.confirm(peer, false), to: adapter) { _, _ in }
            return
        }
        asked = (adapter, peer)
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        say("does \(peer) show \(padded)? [yes/no]")
    }

    private func answer(_ isYes: Bool) {
        guard let (adapter, peer) = asked else { return }
        asked = nil
        if !isYes { attempt?.hasDeclined = true }
        if isYes { confirmed.insert(peer.address) }
        management?.send(.confirm(peer, isYes), to: adapter) { _, _ in }
    }

    /// A key that no person has agreed to is removed at once.
    private func keep(_ peer: RadioAddress, _ adapter: AdapterIndex, _ isAuthenticated: Bool) {
        guard isAuthenticated, confirmed.contains(peer.address) else {
            say("\(peer) has paired without numbers: forgotten")
            management?.send(.unpair(peer), to: adapter) { _, _ in }
            return
        }
        // LE gives several keys, one after the other, and one for BR/EDR among them: the first is of the kind that was paired over.
        paired = paired ?? peer
        if attempt == nil { alarm?.set(after: .milliseconds(500)) }
    }

    /// Restores everything.
    private func end() {
        isEnding = true
        answer(false)
        guard let (index, before) = adapters.popFirst() else {
            management?.close()
            return loop.stop()
        }
        let steps: [ManagementCommand] = [
            .setDiscoverable(before.current.contains(.discoverable)), .setBondable(before.current.contains(.bondable)),
            .setConnectable(before.current.contains(.connectable)), .setCapability(.none),
        ]
        send(steps[...], to: index) { [unowned self] in end() }
    }

    private func fail(_ new: PairingFault) {
        fault = fault ?? new
        management?.close()
        loop.stop()
    }
}
