import Bluetooth
import BootTime
import Observing
import ProofLink

/// What `srup-beacon status` tells of the adapters.
public struct RadioReport: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Adapter: Codable, Equatable, Sendable {
        package var name: String
        package var address: String
        package var state: AdapterState
        package var hint: String?
        package var isAdvertising: Bool
        package var faults: [String]
        package var links: Int
        package var lastByteSecondsAgo: Int64?
    }

    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    public struct Gone: Codable, Equatable, Sendable {
        package var address: String
        package var secondsAgo: Int64
    }

    package var state: Condition
    package var hint: String?
    package var adapters: [Adapter]
    package var gone: [Gone]
    /// Adapters that the configuration names, and that have not been there; nil: an older beacon does not tell.
    package var missing: [String]?
    /// nil: none is named, or an older beacon does not tell.
    package var neighbours: NeighbourReport?

    /// For a person.
    package var lines: [String] {
        var lines = state == .ok ? [] : ["radio: \(state.rawValue)"]
        if let hint { lines.append("  hint: \(hint)") }
        for adapter in adapters {
            let carried = adapter.lastByteSecondsAgo.map { "last byte \($0) s ago" } ?? "no byte yet"
            lines.append(
                "adapter \(adapter.name) \(adapter.address): \(adapter.state.rawValue), \(adapter.links) links, \(carried)"
            )
            if let hint = adapter.hint { lines.append("  hint: \(hint)") }
            lines += adapter.faults.map { "  \($0)" }
        }
        lines += gone.map { "adapter \($0.address): gone for \($0.secondsAgo) s" }
        lines += (missing ?? []).map { "adapter \($0): [radio] adapters names it, and it is not there" }
        return lines + (neighbours?.lines ?? [])
    }
}

extension DaemonState {
    /// nil: no radio is used.
    var radioReport: RadioReport? {
        guard configuration.usesRadio else { return nil }
        var report = adapters.report { links.count(over: $0) }
        report.neighbours = neighbours?.report(at: now)
        return report
    }
}

extension Adapters {
    /// - Parameter links: how many links there are over an adapter.
    func report(_ links: (BluetoothAddress) -> Int) -> RadioReport {
        let now = clock.now
        let reported = adapters.sorted { $0.key < $1.key }.map { index, adapter in
            let address = adapter.supervisor.information?.address
            let isAdvertising = adapter.supervisor.isAdvertising
            let words = adapter.supervisor.state.words(isAdvertising: isAdvertising)
            return RadioReport.Adapter(
                name: index.description, address: address?.description ?? "unknown",
                state: adapter.supervisor.state == .ready
                    ? .ready(isAdvertising: isAdvertising) : .other(words.message),
                hint: words.hint, isAdvertising: isAdvertising,
                faults: adapter.supervisor.faults + [adapter.supervisor.advertisingFault].compactMap { $0 },
                links: address.map(links) ?? 0,
                lastByteSecondsAgo: adapter.lastByte.map { (now - $0).components.seconds })
        }
        let gone = gone.sorted { $0.value < $1.value }
        let (state, hint) = state
        return RadioReport(
            state: state, hint: hint, adapters: reported,
            gone: gone.map { .init(address: $0.key.description, secondsAgo: (now - $0.value).components.seconds) },
            missing: missing.filter { self.gone[$0] == nil }.map(\.description))
    }

    /// The adapters that the configuration names, and that are not there, as far as is known.
    var missing: [BluetoothAddress] {
        let there = adapters.values.map { $0.supervisor.information?.address }
        guard isCounted, !there.contains(nil) else { return [] }
        return wanted.filter { !there.contains($0) }
    }

    /// Why no adapter can be used, and what a person can do; nil: one can, or it is not known yet.
    var absence: (message: String, hint: String)? {
        if adapters.isEmpty {
            return (
                "there is no Bluetooth adapter; one that comes is used at once", "plug one in; see: lsusb, rfkill list"
            )
        }
        guard adapters.values.allSatisfy({ $0.supervisor.state == .notWanted }) else { return nil }
        return (
            "none of the adapters that [radio] adapters names is there; one that comes is used at once",
            "plug it in, or name another one: srup-beacon doctor lists those that are there"
        )
    }

    /// What the radio as a whole lacks, and what a person can do.
    private var state: (RadioReport.Condition, String?) {
        switch fault {
        case .noBluetooth:
            return (
                .lacking("this machine's kernel has no Bluetooth, so no device can come near by radio; all else works"),
                "load the modules: modprobe bluetooth; or turn rfcomm, l2cap and le off in [link]"
            )
        case .some(let fault): return (.lacking("the adapters cannot be managed: \(fault)"), nil)
        case nil: break
        }
        return absence.map { (.lacking($0.message), $0.hint) } ?? (.ok, nil)
    }
}

extension AdapterSupervisor.State {
    /// The adapter's state, and what a person can do about it.
    func words(isAdvertising: Bool) -> (message: String, hint: String?) {
        switch self {
        case .unknown: ("nothing is known of it yet", nil)
        case .settling: ("being set up", nil)
        case .ready: (RadioReport.AdapterState.ready(isAdvertising: isAdvertising).rawValue, nil)
        case .off: ("powered off, and [radio] power = no", "power it on")
        case .blocked: ("blocked by rfkill", "run: rfkill unblock bluetooth")
        case .notPermitted:
            ("cannot be set up or advertise: the beacon lacks permission", "run it with the capability CAP_NET_ADMIN")
        case .silent(1): ("does not answer; its links are closed, its listening sockets reopened", nil)
        case .silent(2): ("does not answer; it is powered off and on", nil)
        case .silent: ("does not answer, and a power cycle did not help", "unplug it, or replace it")
        case .failing(let fault): (fault, "see the kernel's log: journalctl -k")
        case .notWanted: ("not used: [radio] adapters does not name it", nil)
        }
    }
}
