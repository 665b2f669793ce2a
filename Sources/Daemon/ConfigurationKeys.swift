import Bluetooth
import Broker
import HumanView
import Nearby
import Observing
import OperatorText
import ProofLink
import SRUP

/// An invalid setting; the caller adds the line number.
struct BadSetting: OperatorError {
    let message: String
    let hint: String

    func hint(for names: SettingNames) -> String { hint }
}

/// Every key, what it sets, and its valid values.
extension Configuration {
    private typealias Set = @Sendable (inout Configuration, Setting) throws(BadSetting) -> Void

    mutating func set(_ setting: Setting) throws(BadSetting) {
        if setting.section.hasPrefix("server ") { return try setServer(setting) }
        guard let set = Configuration.keys[setting.name] else {
            let known = Configuration.keys.keys.filter { $0.hasPrefix("[\(setting.section)] ") }.sorted()
            throw BadSetting(
                message: "\(setting.name) is not a setting",
                hint: known.isEmpty
                    ? "the sections are [beacon], [broker], [server ID], [observation], [link], [radio], [update], [metrics] and [log]"
                    : "[\(setting.section)] has " + known.map { $0.split(separator: " ")[1] }.joined(separator: ", "))
        }
        try set(&self, setting)
    }

    private mutating func offer(_ mode: Modes, _ isOffered: Bool) {
        if isOffered { policy.modes.insert(mode) } else { policy.modes.remove(mode) }
    }

    private mutating func setServer(_ setting: Setting) throws(BadSetting) {
        guard let server = setting.server, server.number >= 0x10 else {
            throw BadSetting(
                message: "[\(setting.section)] does not name a server",
                hint: "write [server ID] with 1 to 16 hexadecimal digits, 10 or above")
        }
        var entry = servers[server] ?? Server(keyFile: "")
        switch setting.key {
        case "key": entry.keyFile = try setting.path()
        case "sequence-floor": entry.sequenceFloor = SequenceID(UInt64(try setting.number(0...Int(Int64.max >> 1))))
        case "join": entry.join = try setting.oneOf(["simple", "human", "observed", "no"])
        case "view":
            entry.view = HumanView(rawValue: try setting.oneOf(HumanView.allCases.map(\.rawValue))) ?? entry.view
        case "observer": entry.observer = try setting.identifier()
        case "observer-address": entry.observerAddress = try setting.nearbyAddress()
        case "join-command": entry.terms.commandsJoin = try setting.yesOrNo()
        case "deregister-command": entry.obeysDeregistration = try setting.yesOrNo()
        case "update-command": entry.terms.updates = try setting.yesOrNo()
        case "recipient": entry.terms.isAddressedToUs = try setting.oneOf(["token", "broker"]) == "token"
        case "proof": entry.takesProofs = try setting.yesOrNo()
        case "shared": entry.isShared = try setting.yesOrNo()
        default:
            throw BadSetting(
                message: "\(setting.name) is not a setting",
                hint: "a server has key, sequence-floor, join, view, observer, observer-address, join-command, "
                    + "deregister-command, update-command, recipient, proof and shared")
        }
        servers[server] = entry
    }

    private static let keys: [String: Set] = [
        "[beacon] identity": { (c, s) throws(BadSetting) in c.identity = try s.identifier() },
        "[beacon] key": { (c, s) throws(BadSetting) in c.keyFile = try s.keyPath() },
        "[beacon] state": { (c, s) throws(BadSetting) in c.stateFolder = try s.path() },

        "[beacon] light": { (c, s) throws(BadSetting) in c.lightFile = s.value == "off" ? nil : try s.path() },

        "[broker] address": { (c, s) throws(BadSetting) in c.brokers = try s.brokers() },
        "[broker] ca": { (c, s) throws(BadSetting) in c.tls.authority = try s.path() },
        "[broker] certificate": { (c, s) throws(BadSetting) in c.tls.certificate = try s.path() },
        "[broker] key": { (c, s) throws(BadSetting) in c.tls.key = try s.path() },
        "[broker] client-id": { (c, s) throws(BadSetting) in c.clientID = try s.clientID() },
        "[broker] reconnect-first": { (c, s) throws(BadSetting) in c.reconnect.first = try s.seconds(0.01...3_600) },
        "[broker] reconnect-longest": { (c, s) throws(BadSetting) in c.reconnect.longest = try s.seconds(0.01...3_600)
        },

        "[observation] window": { (c, s) throws(BadSetting) in c.policy.observationWindow = try s.seconds(1...86_400) },
        "[observation] limit": { (c, s) throws(BadSetting) in c.policy.observationLimit = try s.number(1...100_000) },
        "[observation] mismatches": { (c, s) throws(BadSetting) in c.policy.mismatchLimit = try s.number(1...100) },
        "[observation] report-evidence": { (c, s) throws(BadSetting) in c.policy.reportsEvidence = try s.yesOrNo() },

        "[link] rfcomm": { (c, s) throws(BadSetting) in
            c.rfcommChannel = try s.numberOrOff(1...30).map { UInt8($0) }
        },
        "[link] l2cap": { (c, s) throws(BadSetting) in c.l2capPSM = try s.psmOrOff() },
        "[link] le": { (c, s) throws(BadSetting) in c.lePSM = try s.numberOrOff(0x80...0xFF).map { UInt16($0) } },
        "[link] local": { (c, s) throws(BadSetting) in c.localPath = try s.socketPathOrOff() },
        "[link] value-mode": { (c, s) throws(BadSetting) in
            c.offer(.value, try s.yesOrNo())
        },
        "[link] challenge-mode": { (c, s) throws(BadSetting) in c.offer(.challenge, try s.yesOrNo()) },
        "[link] keyed-mode": { (c, s) throws(BadSetting) in c.offer(.keyed, try s.yesOrNo()) },
        "[link] links": { (c, s) throws(BadSetting) in c.policy.linkLimit = try s.number(1...1_000) },
        "[link] links-per-peer": { (c, s) throws(BadSetting) in c.policy.linksPerPeer = try s.number(1...1_000) },
        "[link] links-per-device": { (c, s) throws(BadSetting) in c.policy.linksPerDevice = try s.number(1...1_000) },
        "[link] ready-grace": { (c, s) throws(BadSetting) in c.policy.readyGrace = try s.seconds(0.01...60) },
        "[link] ready": { (c, s) throws(BadSetting) in c.policy.readyLimit = try s.seconds(0.1...60) },
        "[link] proof": { (c, s) throws(BadSetting) in c.policy.proofLimit = try s.seconds(1...60) },
        "[link] hold": { (c, s) throws(BadSetting) in c.policy.holdLimit = try s.seconds(1...65_535) },
        "[link] hold-off-first": { (c, s) throws(BadSetting) in c.policy.firstHoldOff = try s.seconds(0.01...3_600) },
        "[link] hold-off-longest": { (c, s) throws(BadSetting) in c.policy.longestHoldOff = try s.seconds(0.01...86_400)
        },
        "[link] held-off-peers": { (c, s) throws(BadSetting) in c.policy.heldOffPeers = try s.number(16...1_000_000) },
        "[link] max-round-trip": { (c, s) throws(BadSetting) in
            c.policy.maximumRoundTrip = try s.numberOrOff(1...60_000).map { .milliseconds($0) }
        },
        "[link] min-rssi": { (c, s) throws(BadSetting) in
            c.policy.minimumSignal = try s.signedNumberOrOff(-127...20).map { Int8($0) }
        },
        "[link] rfcomm-security": { (c, s) throws(BadSetting) in c.security[.rfcomm] = try s.security() },
        "[link] l2cap-security": { (c, s) throws(BadSetting) in c.security[.l2cap] = try s.security() },
        "[link] le-security": { (c, s) throws(BadSetting) in c.security[.le] = try s.security() },

        "[radio] adapters": { (c, s) throws(BadSetting) in c.radio.adapters = try s.adaptersOrAll() },
        "[radio] power": { (c, s) throws(BadSetting) in c.radio.setsUp = try s.yesOrNo() },
        "[radio] advertise": { (c, s) throws(BadSetting) in
            let words = Configuration.Radio.Advertising.allCases.map(\.rawValue)
            c.radio.advertising = .init(rawValue: try s.oneOf(words)) ?? .off
        },
        "[radio] rotate-address": { (c, s) throws(BadSetting) in c.radio.rotatesAddress = try s.yesOrNo() },
        "[radio] name": { (c, s) throws(BadSetting) in c.radio.name = try s.classicNameOrOff() },
        "[radio] sdp": { (c, s) throws(BadSetting) in c.radio.serviceRecord = try s.yesOrNo() },

        "[update] updater": { (c, s) throws(BadSetting) in c.updates.updater = s.value == "off" ? nil : try s.path() },
        "[update] ca": { (c, s) throws(BadSetting) in c.updates.authority = s.value == "system" ? nil : try s.path() },
        "[update] size-limit": { (c, s) throws(BadSetting) in
            c.updates.longestFile = Int64(try s.number(1...65_536)) << 20
        },
        "[update] time-limit": { (c, s) throws(BadSetting) in c.updates.timeLimit = try s.seconds(1...86_400) },
        "[update] allow-older": { (c, s) throws(BadSetting) in c.updates.allowsOlder = try s.yesOrNo() },

        "[metrics] file": { (c, s) throws(BadSetting) in c.metrics.file = s.value == "off" ? nil : try s.path() },
        "[metrics] interval": { (c, s) throws(BadSetting) in c.metrics.interval = try s.seconds(1...3_600) },

        "[log] level": { (c, s) throws(BadSetting) in
            c.logLevel = try s.oneOf(["debug", "info", "notice", "warning", "error"])
        },
        "[log] format": { (c, s) throws(BadSetting) in
            c.logFormat = .init(rawValue: try s.oneOf(LineLog.Format.allCases.map(\.rawValue))) ?? .auto
        },
    ]
}

extension Setting {
    private func bad(_ wanted: String) -> BadSetting {
        BadSetting(message: "\(name) is \"\(value)\"", hint: "wanted: \(wanted)")
    }

    func identifier() throws(BadSetting) -> Identifier {
        guard let identifier = Identifier(hexadecimal: value), identifier.number >= 0x10 else {
            throw bad("an identity of 1 to 16 hexadecimal digits, 10 or above")
        }
        return identifier
    }

    func path() throws(BadSetting) -> String {
        guard value.hasPrefix("/") else { throw bad("a path that begins with /") }
        return value
    }

    func keyPath() throws(BadSetting) -> String {
        // The value may contain a PIN, and the fault is logged: so it is left out.
        guard value.hasPrefix("/") else {
            throw BadSetting(
                message: "\(name) is not the path of a file",
                hint:
                    "wanted: a path that begins with /; a line that names a key in hardware stands in a file of its own, for its owner only"
            )
        }
        return value
    }

    func socketPathOrOff() throws(BadSetting) -> String? {
        if value == "off" { return nil }
        guard value.hasPrefix("/"), value.utf8.count <= NearbyAddress.longestPath else {
            throw bad("off, or a path of at most \(NearbyAddress.longestPath) bytes that begins with /")
        }
        return value
    }

    func nearbyAddress() throws(BadSetting) -> NearbyAddress {
        guard let address = NearbyAddress(value) else {
            throw bad("rfcomm:AA:BB:CC:DD:EE:FF[/CHANNEL], l2cap:ADDR[/PSM], le:ADDR[/PSM] or local:PATH")
        }
        return address
    }

    func yesOrNo() throws(BadSetting) -> Bool {
        switch value {
        case "yes": return true
        case "no": return false
        default: throw bad("yes or no")
        }
    }

    func oneOf(_ words: [String]) throws(BadSetting) -> String {
        guard words.contains(value) else { throw bad(words.joined(separator: ", ")) }
        return value
    }

    func number(_ range: ClosedRange<Int>) throws(BadSetting) -> Int {
        let parsed = value.hasPrefix("0x") ? Int(value.dropFirst(2), radix: 16) : Int(value)
        guard let parsed, range.contains(parsed), value.first?.isNumber == true else {
            throw bad("a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return parsed
    }

    func numberOrOff(_ range: ClosedRange<Int>) throws(BadSetting) -> Int? { value == "off" ? nil : try number(range) }

    func signedNumberOrOff(_ range: ClosedRange<Int>) throws(BadSetting) -> Int? {
        if value == "off" { return nil }
        guard let number = Int(value), range.contains(number), value.first != "+" else {
            throw bad("off, or a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func security() throws(BadSetting) -> LinkSecurity {
        LinkSecurity(rawValue: try oneOf(LinkSecurity.allCases.map(\.rawValue))) ?? .authenticated
    }

    func adaptersOrAll() throws(BadSetting) -> [BluetoothAddress] {
        if value == "all" { return [] }
        let parts = value.split(whereSeparator: { $0 == "," || $0 == " " })
        let adapters = parts.compactMap { BluetoothAddress($0) }
        guard !adapters.isEmpty, adapters.count == parts.count, Set(adapters).count == adapters.count,
            !adapters.contains(.any)
        else { throw bad("all, or the adapters' addresses, as 00:11:22:33:44:55, with commas between them") }
        return adapters
    }

    func classicNameOrOff() throws(BadSetting) -> String? {
        if value == "off" { return nil }
        guard (1...248).contains(value.utf8.count), value.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
            throw bad("off, or a name of 1 to 248 bytes")
        }
        return value
    }

    func psmOrOff() throws(BadSetting) -> UInt16? {
        guard let psm = try numberOrOff(0x1001...0xFFFF) else { return nil }
        guard psm & 0x0101 == 0x0001 else { throw bad("off, or an odd PSM from 0x1001 whose upper byte is even") }
        return UInt16(psm)
    }

    func seconds(_ range: ClosedRange<Double>) throws(BadSetting) -> Duration {
        guard let seconds = Double(value), range.contains(seconds) else {
            throw bad("seconds from \(range.lowerBound) to \(range.upperBound)")
        }
        return .seconds(seconds)
    }

    func clientID() throws(BadSetting) -> String {
        guard (1...64).contains(value.utf8.count), value.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw bad("1 to 64 printable characters without spaces")
        }
        return value
    }

    func brokers() throws(BadSetting) -> [BrokerAddress] {
        var brokers: [BrokerAddress] = []
        for part in value.split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let place = try? HostAndPort(part) else {
                throw bad("host:port, or several with commas between them")
            }
            brokers.append(BrokerAddress(place))
        }
        guard !brokers.isEmpty else { throw bad("host:port, or several with commas between them") }
        return brokers
    }
}
