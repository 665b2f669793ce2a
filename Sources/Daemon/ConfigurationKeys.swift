import Bluetooth
import Broker
import HumanView
import Logging
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

/// Every key: what it sets, what a change of it needs, whether it is required, and its valid values.
extension Configuration {
    static let keys: [(section: String, keys: [Key])] = [
        ("beacon", beaconKeys),
        ("broker", brokerKeys),
        ("observation", observationKeys),
        ("link", linkKeys),
        ("radio", radioKeys),
        ("update", updateKeys),
        ("history", historyKeys),
        ("metrics", metricsKeys),
        ("log", logKeys),
    ]

    private static let beaconKeys: [Key] = [
        Key("identity", \.identity, .restart("[beacon]"), isRequired: true) { s throws(BadSetting) in try s.identifier()
        },
        Key("key", \.keyFile, .restart("[beacon]"), isRequired: true) { s throws(BadSetting) in try s.keyPath() },
        Key("state", \.stateFolder, .restart("[beacon]"), isRequired: true) { s throws(BadSetting) in try s.path() },
        Key("name", \.place.name) { s throws(BadSetting) in try s.placeTextOrOff(1...BeaconPlace.longestName) },
        Key("site", \.place.site) { s throws(BadSetting) in try s.placeTextOrOff(1...BeaconPlace.longestName) },
        Key("position", \.place.position) { s throws(BadSetting) in
            try s.placeTextOrOff(1...BeaconPlace.longestPosition)
        },
        Key("light", \.lightFile, .restart("[beacon]")) { s throws(BadSetting) in s.value == "off" ? nil : try s.path()
        },
    ]

    private static let observationKeys: [Key] = [
        Key("window", \.policy.observationWindow) { s throws(BadSetting) in try s.seconds(1...86_400) },
        Key("limit", \.policy.observationLimit) { s throws(BadSetting) in try s.number(1...100_000) },
        Key("mismatches", \.policy.mismatchLimit) { s throws(BadSetting) in try s.number(1...100) },
        Key("report-evidence", \.policy.reportsEvidence) { s throws(BadSetting) in try s.yesOrNo() },
    ]

    private static let linkKeys: [Key] = [
        Key("rfcomm", \.rfcommChannel, .restart("[link] transports")) { s throws(BadSetting) in
            try s.numberOrOff(1...30).map { UInt8($0) }
        },
        Key("l2cap", \.l2capPSM, .restart("[link] transports")) { s throws(BadSetting) in try s.psmOrOff() },
        Key("le", \.lePSM, .restart("[link] transports")) { s throws(BadSetting) in
            try s.numberOrOff(0x80...0xFF).map { UInt16($0) }
        },
        Key("local", \.localPath, .restart("[link] transports")) { s throws(BadSetting) in try s.socketPathOrOff() },
        Key("value-mode", \.offersValueMode) { s throws(BadSetting) in try s.yesOrNo() },
        Key("challenge-mode", \.offersChallengeMode) { s throws(BadSetting) in try s.yesOrNo() },
        Key("keyed-mode", \.offersKeyedMode) { s throws(BadSetting) in try s.yesOrNo() },
        Key("links", \.policy.linkLimit) { s throws(BadSetting) in try s.number(1...1_000) },
        Key("links-per-peer", \.policy.linksPerPeer) { s throws(BadSetting) in try s.number(1...1_000) },
        Key("links-per-device", \.policy.linksPerDevice) { s throws(BadSetting) in try s.number(1...1_000) },
        Key("ready-grace", \.policy.readyGrace) { s throws(BadSetting) in try s.seconds(0.01...60) },
        Key("ready", \.policy.readyLimit) { s throws(BadSetting) in try s.seconds(0.1...60) },
        Key("proof", \.policy.proofLimit) { s throws(BadSetting) in try s.seconds(1...60) },
        Key("hold", \.policy.holdLimit) { s throws(BadSetting) in try s.seconds(1...65_535) },
        Key("hold-off-first", \.policy.initialHoldOff) { s throws(BadSetting) in try s.seconds(0.01...3_600) },
        Key("hold-off-longest", \.policy.maximumHoldOff) { s throws(BadSetting) in try s.seconds(0.01...86_400) },
        Key("held-off-peers", \.policy.heldOffPeers) { s throws(BadSetting) in try s.number(16...1_000_000) },
        Key(
            "max-round-trip", \.policy.maximumRoundTrip,
            text: { $0.policy.maximumRoundTrip.map { String($0.wholeNanoseconds / 1_000_000) } ?? "off" }
        ) { s throws(BadSetting) in
            try s.numberOrOff(1...60_000).map { .milliseconds($0) }
        },
        Key("min-rssi", \.policy.minimumSignal) { s throws(BadSetting) in
            try s.signedNumberOrOff(-127...20).map { Int8($0) }
        },
        Key("rfcomm-security", \.security[.rfcomm], .restart("[link] transports")) { s throws(BadSetting) in
            try s.security()
        },
        Key("l2cap-security", \.security[.l2cap], .restart("[link] transports")) { s throws(BadSetting) in
            try s.security()
        },
        Key("le-security", \.security[.le], .restart("[link] transports")) { s throws(BadSetting) in try s.security() },
    ]

    private static let radioKeys: [Key] = [
        Key(
            "adapters", \.radio.adapters, .restart("[radio]"),
            text: { $0.radio.adapters.isEmpty ? "all" : $0.radio.adapters.map(\.description).joined(separator: ", ") }
        ) { s throws(BadSetting) in try s.adaptersOrAll() },
        Key("power", \.radio.setsUp, .restart("[radio]")) { s throws(BadSetting) in try s.yesOrNo() },
        Key("advertise", \.radio.advertising, .restart("[radio]")) { s throws(BadSetting) in try s.word() },
        Key("registration-url", \.radio.registrationURL, .restart("[radio]")) { s throws(BadSetting) in
            try s.eddystoneURLOrOff()
        },
        Key("rotate-address", \.radio.rotatesAddress, .restart("[radio]")) { s throws(BadSetting) in try s.yesOrNo() },
        Key("name", \.radio.name, .restart("[radio]")) { s throws(BadSetting) in try s.classicNameOrOff() },
        Key("sdp", \.radio.serviceRecord, .restart("[radio]")) { s throws(BadSetting) in try s.yesOrNo() },
        Key(
            "neighbours", \.radio.neighbours, .restart("[radio]"),
            text: { $0.radio.neighbours.isEmpty ? "off" : $0.radio.neighbours.settingText }
        ) { s throws(BadSetting) in try s.neighboursOrOff() },
        Key("neighbour-limit", \.radio.neighbourLimit, .restart("[radio]")) { s throws(BadSetting) in
            try s.seconds(10...86_400)
        },
    ]

    private static let updateKeys: [Key] = [
        Key("updater", \.updates.updater) { s throws(BadSetting) in s.value == "off" ? nil : try s.path() },
        Key("ca", \.updates.authority, text: { $0.updates.authority ?? "system" }) { s throws(BadSetting) in
            s.value == "system" ? nil : try s.path()
        },
        Key("size-limit", \.updates.maximumFile, text: { String($0.updates.maximumFile >> 20) }) {
            s throws(BadSetting) in Int64(try s.number(1...65_536)) << 20
        },
        Key("time-limit", \.updates.timeLimit) { s throws(BadSetting) in try s.seconds(1...86_400) },
        Key("allow-older", \.updates.allowsOlder) { s throws(BadSetting) in try s.yesOrNo() },
    ]

    private static let historyKeys: [Key] = [
        Key("verdicts", \.history.retention.verdicts) { s throws(BadSetting) in Int64(try s.number(1_000...100_000_000))
        },
        Key("days", \.history.retention.days) { s throws(BadSetting) in try s.numberOrOff(1...36_500) },
        Key("head-verdicts", \.history.headVerdicts) { s throws(BadSetting) in Int64(try s.number(1...1_000_000)) },
        Key("head-interval", \.history.headInterval) { s throws(BadSetting) in try s.seconds(1...86_400) },
    ]

    private static let metricsKeys: [Key] = [
        Key("file", \.metrics.file) { s throws(BadSetting) in s.value == "off" ? nil : try s.path() },
        Key("interval", \.metrics.interval) { s throws(BadSetting) in try s.seconds(1...3_600) },
    ]

    private static let logKeys: [Key] = [
        Key("level", \.logLevel) { s throws(BadSetting) in try s.logLevel() },
        Key("format", \.logFormat) { s throws(BadSetting) in try s.word() },
    ]

    static let serverKeys: [ServerKey] = [
        ServerKey("key", \.keyFile, isRequired: true) { s throws(BadSetting) in try s.path() },
        ServerKey("sequence-floor", \.sequenceFloor, text: { $0.sequenceFloor.map { String($0.number) } }) {
            s throws(BadSetting) in
            SequenceID(UInt64(try s.number(0...Int(Int64.max >> 1))))
        },
        ServerKey("join", \.join) { s throws(BadSetting) in try s.word() },
        ServerKey("view", \.view) { s throws(BadSetting) in try s.word() },
        ServerKey("observer", \.observer, text: { $0.observer?.topicForm }) { s throws(BadSetting) in try s.identifier()
        },
        ServerKey("observer-address", \.observerAddress, text: { $0.observerAddress?.settingText }) {
            s throws(BadSetting) in try s.nearbyAddress()
        },
        ServerKey("join-command", \.terms.commandsJoin) { s throws(BadSetting) in try s.yesOrNo() },
        ServerKey("deregister-command", \.obeysDeregistration) { s throws(BadSetting) in try s.yesOrNo() },
        ServerKey("update-command", \.terms.updates) { s throws(BadSetting) in try s.yesOrNo() },
        ServerKey("recipient", \.terms.isAddressedToUs, text: { $0.terms.isAddressedToUs ? "token" : "broker" }) {
            s throws(BadSetting) in
            try s.oneOf(["token", "broker"]) == "token"
        },
        ServerKey("data", \.takesData) { s throws(BadSetting) in try s.yesOrNo() },
        ServerKey("proof", \.takesProofs) { s throws(BadSetting) in try s.yesOrNo() },
        ServerKey("shared", \.isShared) { s throws(BadSetting) in try s.yesOrNo() },
    ]
}

extension Setting {
    func bad(_ wanted: String) -> BadSetting {
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
        guard value.hasPrefix("/"), value.utf8.count <= NearbyAddress.maximumPath else {
            throw bad("off, or a path of at most \(NearbyAddress.maximumPath) bytes that begins with /")
        }
        return value
    }

    func nearbyAddress() throws(BadSetting) -> NearbyAddress {
        do throws(NearbyAddressFault) {
            return try NearbyAddress(checking: value)
        } catch {
            throw BadSetting(message: "\(name) is \"\(value)\": \(error.message)", hint: error.hint(for: .beacon))
        }
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

    /// One of an enum's words.
    func word<Word: CaseIterable & RawRepresentable>() throws(BadSetting) -> Word where Word.RawValue == String {
        guard let word = Word(rawValue: value) else {
            throw bad(Word.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return word
    }

    func logLevel() throws(BadSetting) -> Logger.Level {
        Logger.Level(rawValue: try oneOf(["debug", "info", "notice", "warning", "error"])) ?? .info
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
        try word()
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
}
