import Bluetooth
import Daemon
import Glibc
import Nearby
import ProofLink

// The adapters, and a link from one to the other.
extension Doctor {
    func radio(_ configuration: Configuration) -> [CheckResult] {
        let wanted = configuration.listeners.filter { $0.address.transport.isRadio }
        guard !wanted.isEmpty else {
            return [.init("radio", .skipped, "[link]", "no radio transport is on")]
        }
        let survey: RadioSurvey
        do throws(LinkSocketError) {
            survey = try RadioSurvey.take()
        } catch {
            return [
                .init(
                    "radio", .bad, "the kernel", error.description,
                    do: "modprobe bluetooth; or turn rfcomm, l2cap and le off in [link]")
            ]
        }
        guard !survey.adapters.isEmpty else {
            return [
                .init("radio", .bad, "the kernel", "there is no Bluetooth adapter", do: "plug one in; see lsusb, dmesg")
            ]
        }
        let own = configuration.radio.adapters
        var findings = survey.adapters.map { adapter in
            self.adapter(adapter, isOurs: own.isEmpty || own.contains(adapter.information.address))
        }
        for address in own where !survey.adapters.contains(where: { $0.information.address == address }) {
            findings.append(
                .init("adapter", .bad, "\(address)", "[radio] adapters names it, and it is not there", do: "plug it in")
            )
        }
        return findings + [loopBack(survey, own, wanted)]
    }

    private func adapter(_ adapter: RadioSurvey.Adapter, isOurs: Bool) -> CheckResult {
        let (information, name) = (adapter.information, "\(adapter.index) \(adapter.information.address)")
        guard isOurs else { return .init("adapter", .skipped, name, "[radio] adapters does not name it") }
        if adapter.isBlocked {
            return .init("adapter", .bad, name, "blocked by rfkill", do: "rfkill unblock bluetooth")
        }
        let kinds = [
            information.supported.contains(.classic) ? "BR/EDR" : nil, information.supported.contains(.le) ? "LE" : nil,
        ]
        let can = kinds.compactMap { $0 }.joined(separator: " and ")
        // The running beacon's own report takes precedence: it also knows whether it advertises, and whether it answers.
        if let told = status?.radio?.adapters.first(where: { $0.address == information.address.description }) {
            let isReady = told.state.isReady
            return .init(
                "adapter", isReady && told.faults.isEmpty ? .good : isReady ? .warning : .bad, name,
                ([told.state.rawValue, can] + told.faults).joined(separator: "; "), do: told.hint)
        }
        let isOn = information.current.contains(.powered)
        return .init(
            "adapter", isOn ? .good : .warning, name, "\(isOn ? "powered on" : "powered off"); \(can)",
            do: isOn ? nil : "the beacon powers it on when it starts, unless [radio] power = no")
    }

    /// Where there are two adapters that are on, a link from one that the beacon does not use, or any other, to one that it
    /// uses: until HELLO.
    private func loopBack(
        _ survey: RadioSurvey, _ own: [BluetoothAddress], _ wanted: [Configuration.Listening]
    ) -> CheckResult {
        let on = survey.adapters.filter { $0.information.current.contains(.powered) }.map(\.information.address)
        guard status != nil else { return .init("loop-back", .skipped, "link", "no beacon runs") }
        // A failed connect can crash such a kernel.
        guard Doctor.kernel(runningKernel).verdict == .good else {
            return .init("loop-back", .skipped, "link", "not tried on this kernel")
        }
        guard on.count > 1, let listening = wanted.first(where: { $0.security == .none })?.address
        else {
            return .init(
                "loop-back", .skipped, "link",
                "it takes two adapters that are powered on, and a transport without pairing")
        }
        var last = "no two of them hear each other"
        for to in on where own.isEmpty || own.contains(to) {
            for from in on where from != to {
                let way = listening.at(to)
                switch RadioSurvey.hello(from: way, over: from) {
                case .success(let beacon) where beacon.description == status?.identity:
                    return .init(
                        "loop-back", .good, "\(from) to \(way.transport.rawValue) \(way)", "this beacon says HELLO")
                case .success(let beacon): last = "\(way) is answered by \(beacon)"
                case .failure(let fault): last = "\(way): \(fault)"
                }
            }
        }
        return .init(
            "loop-back", .warning, listening.transport.rawValue, last,
            do: "check that both adapters are in reach of each other; a device tells more: srup-bench scan")
    }
}

extension NearbyAddress {
    /// The same of another adapter.
    fileprivate func at(_ adapter: BluetoothAddress) -> NearbyAddress {
        switch self {
        case .rfcomm(_, let channel): .rfcomm(adapter, channel: channel)
        case .l2cap(_, let psm): .l2cap(adapter, psm: psm)
        case .le(_, let psm, let random): .le(adapter, psm: psm, random: random)
        case .local: self
        }
    }
}
