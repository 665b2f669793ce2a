import ProofLink
import SRUP
import Testing

@testable import Daemon

extension Key {
    static let all = [
        Key(
            "beacon", "identity", good: ["bea1": "000000000000bea1", "FFFFFFFFFFFFFFFF": "ffffffffffffffff"],
            bad: ["", "0", "f", "0x10", "g1", "-1", "10000000000000000", "bea 1"]
        ) { $0.identity.description },
        path("beacon", "key") { $0.keyFile },
        path("beacon", "state") { $0.stateFolder },
        place("name", longest: 64) { $0.place.name },
        place("site", longest: 64) { $0.place.site },
        place("position", longest: 128) { $0.place.position },
        Key(
            "beacon", "light",
            good: ["off": "none", "/sys/class/leds/a:b/brightness": "/sys/class/leds/a:b/brightness"],
            bad: ["", "led0", "yes"]
        ) { $0.lightFile ?? "none" },

        Key(
            "broker", "address",
            good: [
                "localhost:1": "[localhost:1]", "a:8883, b:65535": "[a:8883, b:65535]",
                "a:1,b:2": "[a:1, b:2]", "[::1]:8883": "[[::1]:8883]",
            ],
            bad: [
                "", "localhost", ":8883", "a:", "a:0", "a:65536", "a:x", ",", "a:1, b", "[]:1", "ho]st:8883", "[a]:1",
                "::1:8883", "a:+1",
            ]
        ) { "\($0.brokers)" },
        path("broker", "ca") { $0.tls.authority },
        path("broker", "certificate") { $0.tls.certificate },
        path("broker", "key") { $0.tls.key },
        Key(
            "broker", "client-id",
            good: ["b1": "b1", String(repeating: "x", count: 64): String(repeating: "x", count: 64)],
            bad: ["", "a b", "ä", String(repeating: "x", count: 65)]
        ) { $0.clientID ?? "" },
        seconds("broker", "reconnect-first", 0.01...3_600) { $0.reconnect.first },
        seconds("broker", "reconnect-longest", 0.01...3_600) { $0.reconnect.longest },
        Key(
            "broker", "order", good: ["random": "random", "listed": "listed"],
            bad: ["", "yes", "Random", "listed, random"]
        ) { $0.brokerPolicy.order.rawValue },
        number("broker", "keep-alive", 5...3_600) { "\($0.brokerPolicy.keepAlive)" },
        seconds("broker", "connect-limit", 1...600) { $0.brokerPolicy.connectLimit },
        seconds("broker", "acknowledge-limit", 1...600) { $0.brokerPolicy.acknowledgementLimit },
        Key(
            "broker", "republish", good: ["0": "\(Duration.zero)", "86400": "\(Duration.seconds(86_400))"],
            bad: ["", "x", "-1", "86401", "10 min"]
        ) { "\($0.brokerPolicy.republish)" },
        Key("broker", "sessions", good: ["each": "each", "shared": "shared"], bad: ["", "no", "Each", "each shared"]) {
            $0.brokerPolicy.sessions.rawValue
        },
        seconds("broker", "visit", 10...604_800) { $0.brokerPolicy.visit },

        path("server c2", "key") { $0.servers[Identifier(0xC2)]?.keyFile ?? "" },
        number("server c2", "sequence-floor", 0...Int(Int64.max >> 1)) {
            $0.servers[Identifier(0xC2)]?.sequenceFloor?.description ?? ""
        },

        Key(
            "server c2", "join", good: ["simple": "simple", "human": "human", "no": "simple, not by itself"],
            bad: ["", "yes", "off", "Human"]
        ) {
            let server = $0.servers[Identifier(0xC2)]
            return (server?.terms.joinMode.name ?? "") + (server?.joinsByItself == false ? ", not by itself" : "")
        },
        Key(
            "server c2", "view",
            good: [
                "words": "words", "pictograph": "pictograph", "colours": "colours", "hexadecimal": "hexadecimal",
            ], bad: ["", "hex", "qr", "Words"]
        ) { $0.servers[Identifier(0xC2)]?.view.rawValue ?? "" },
        Key("server c2", "observer", good: [:], bad: ["", "0", "f", "beacon 2"]) { _ in "" },
        Key(
            "server c2", "observer-address",
            good: [
                "rfcomm:00:11:22:33:44:55": "rfcomm:00:11:22:33:44:55/21",
                "le:00:11:22:33:44:55/0x80": "le:00:11:22:33:44:55/128", "local:/run/b": "local:/run/b",
            ],
            bad: ["", "00:11:22:33:44:55", "rfcomm:00:11:22:33:44:55/31", "usb:1"]
        ) { $0.servers[Identifier(0xC2)]?.observerAddress?.optionForm ?? "" },
        yesOrNo("server c2", "join-command") { $0.servers[Identifier(0xC2)]?.terms.commandsJoin ?? false },
        yesOrNo("server c2", "update-command") { $0.servers[Identifier(0xC2)]?.terms.updates ?? false },
        yesOrNo("server c2", "deregister-command") { $0.servers[Identifier(0xC2)]?.terms.deregisters ?? false },
        Key("server c2", "recipient", good: ["token": "true", "broker": "false"], bad: ["", "yes", "none"]) {
            "\($0.servers[Identifier(0xC2)]?.terms.isAddressedToUs ?? false)"
        },

        yesOrNo("server c2", "data") { $0.servers[Identifier(0xC2)]?.terms.takesData ?? false },
        yesOrNo("server c2", "proof") { $0.servers[Identifier(0xC2)]?.terms.takesProofs ?? false },
        yesOrNo("server c2", "shared") { $0.servers[Identifier(0xC2)]?.isShared ?? false },

        seconds("observation", "window", 1...86_400) { $0.policy.observationWindow },
        number("observation", "limit", 1...100_000) { "\($0.policy.observationLimit)" },
        number("observation", "mismatches", 1...100) { "\($0.policy.mismatchLimit)" },
        yesOrNo("observation", "report-evidence") { $0.policy.reportsEvidence },

        Key("link", "rfcomm", good: ["off": "0", "1": "1", "30": "30"], bad: ["", "0", "31", "no", "x", "-1"]) {
            "\($0.rfcommChannel ?? 0)"
        },
        Key(
            "link", "l2cap", good: ["off": "0", "0x1001": "4097", "0xFEFF": "65279", "4147": "4147"],
            bad: ["", "0x1000", "0x1002", "0x0fff", "0x1101", "0xFFFF", "0x10001", "x"]
        ) { "\($0.l2capPSM ?? 0)" },
        Key("link", "le", good: ["off": "0", "0x80": "128", "0xFF": "255"], bad: ["", "0x7F", "0x100", "x"]) {
            "\($0.lePSM ?? 0)"
        },
        Key(
            "link", "local",
            good: [
                "off": "", "/run/l": "/run/l",
                "/" + String(repeating: "x", count: 106): "/" + String(repeating: "x", count: 106),
            ],
            bad: ["", "run/l", "/" + String(repeating: "x", count: 107)]
        ) { $0.localPath ?? "" },
        yesOrNo("link", "value-mode") { $0.policy.modes.contains(.value) },
        yesOrNo("link", "challenge-mode") { $0.policy.modes.contains(.challenge) },
        yesOrNo("link", "keyed-mode") { $0.policy.modes.contains(.keyed) },
        number("link", "links", 1...1_000) { "\($0.policy.linkLimit)" },
        number("link", "links-per-peer", 1...1_000) { "\($0.policy.linksPerPeer)" },
        number("link", "links-per-device", 1...1_000) { "\($0.policy.linksPerDevice)" },
        seconds("link", "ready-grace", 0.01...60) { $0.policy.readyGrace },
        number("link", "held-off-peers", 16...1_000_000) { "\($0.policy.heldOffPeers)" },
        seconds("link", "ready", 0.1...60) { $0.policy.readyLimit },
        seconds("link", "proof", 1...60) { $0.policy.proofLimit },
        seconds("link", "hold", 1...65_535) { $0.policy.holdLimit },
        seconds("link", "hold-off-first", 0.01...3_600) { $0.policy.initialHoldOff },
        seconds("link", "hold-off-longest", 0.01...86_400) { $0.policy.maximumHoldOff },
        number("link", "max-round-trip", 1...60_000) {
            "\(($0.policy.maximumRoundTrip ?? .zero) / .milliseconds(1))".replacing(".0", with: "")
        },
        Key(
            "link", "min-rssi", good: ["off": "none", "-127": "-127", "-60": "-60", "0": "0", "20": "20"],
            bad: ["", "-128", "21", "+3", "x", "-1.5", "none"]
        ) { $0.policy.minimumSignal.map { "\($0)" } ?? "none" },
        security("rfcomm-security", .rfcomm),
        security("l2cap-security", .l2cap),
        security("le-security", .le),

        Key(
            "radio", "adapters",
            good: [
                "all": "[]", "00:11:22:33:44:55": "[00:11:22:33:44:55]",
                "00:11:22:33:44:55, aa:bb:cc:dd:ee:ff": "[00:11:22:33:44:55, AA:BB:CC:DD:EE:FF]",
            ],
            bad: ["", "hci0", "00:11:22:33:44", "all, 00:11:22:33:44:55", "00:00:00:00:00:00", ","]
                + ["00:11:22:33:44:55,00:11:22:33:44:55"]
        ) { "\($0.radio.adapters)" },
        yesOrNo("radio", "power") { $0.radio.setsUp },
        Key(
            "radio", "advertise", good: ["public": "public", "private": "private", "off": "off"],
            bad: ["", "yes", "no", "Public"]
        ) { $0.radio.advertising.rawValue },
        Key("radio", "registration-url", good: ["off": "", "https://a.org": "https://a.org"], bad: ["", "a.org"]) {
            $0.radio.registrationURL?.text ?? ""
        },
        yesOrNo("radio", "rotate-address") { $0.radio.rotatesAddress },
        Key(
            "radio", "name",
            good: [
                "off": "", "Gate 3": "Gate 3", String(repeating: "x", count: 248): String(repeating: "x", count: 248),
            ],
            bad: ["", String(repeating: "x", count: 249), String(repeating: "ä", count: 125), "a\u{7}b"]
        ) { $0.radio.name ?? "" },
        yesOrNo("radio", "sdp") { $0.radio.serviceRecord },
        Key(
            "radio", "neighbours",
            good: ["off": "[]", "be01": "[000000000000be01]", "be01, BE02": "[000000000000be01, 000000000000be02]"],
            bad: ["", ",", "yes", "f", "be01, be01", "be01, x", "off, be01"]
                + [(0..<17).map { String(0xBE00 + $0, radix: 16) }.joined(separator: ", ")]
        ) { "\($0.radio.neighbours)" },
        seconds("radio", "neighbour-limit", 10...86_400) { $0.radio.neighbourLimit },

        Key("update", "updater", good: ["off": "none", "/a b/c": "/a b/c"], bad: ["", "apt", "yes"]) {
            $0.updates.updater ?? "none"
        },
        Key("update", "ca", good: ["system": "none", "/ca.pem": "/ca.pem"], bad: ["", "off", "ca.pem"]) {
            $0.updates.authority ?? "none"
        },
        number("update", "size-limit", 1...65_536) { "\($0.updates.maximumFile >> 20)" },
        seconds("update", "time-limit", 1...86_400) { $0.updates.timeLimit },
        yesOrNo("update", "allow-older") { $0.updates.allowsOlder },
        number("history", "verdicts", 1_000...100_000_000) { "\($0.history.retention.verdicts)" },
        Key("history", "days", good: ["off": "none", "1": "1", "36500": "36500"], bad: ["", "0", "36501", "1.5"]) {
            $0.history.retention.days.map { "\($0)" } ?? "none"
        },
        number("history", "head-verdicts", 1...1_000_000) { "\($0.history.headVerdicts)" },
        seconds("history", "head-interval", 1...86_400) { $0.history.headInterval },
        Key("metrics", "file", good: ["off": "none", "/a b.prom": "/a b.prom"], bad: ["", "yes", "a.prom"]) {
            $0.metrics.file ?? "none"
        },
        seconds("metrics", "interval", 1...3_600) { $0.metrics.interval },
        Key(
            "log", "format", good: ["auto": "auto", "text": "text", "json": "json", "journal": "journal"],
            bad: ["", "xml", "JSON", "text json"]
        ) { $0.logFormat.rawValue },
        Key(
            "log", "level",
            good: ["debug": "debug", "info": "info", "notice": "notice", "warning": "warning", "error": "error"],
            bad: ["", "trace", "critical", "INFO", "7"]
        ) { $0.logLevel.rawValue },
    ]
}

@Suite("Every key of the configuration")
struct ConfigurationKeyTests {
    @Test("accepts every permitted value", arguments: Key.all)
    func good(key: Key) throws {
        for (value, meaning) in key.good {
            let configuration = try Settings.configuration(Settings.with(key.section, key.name, value).text)
            #expect(key.read(configuration) == meaning, "\(key.name) = \(value)")
        }
    }

    @Test("with any other value is refused with its line, a sentence and a hint", arguments: Key.all)
    func bad(key: Key) throws {
        for value in key.bad {
            let (text, line) = Settings.with(key.section, key.name, value)
            let fault = try Settings.fault(text)
            expectGood(fault)
            #expect(fault.message.hasPrefix("line \(line) of "), "\(key.name) = \(value): \(fault)")
            #expect(fault.message.contains("[\(key.section)] \(key.name)"), "\(fault)")
        }
    }

    @Test("is in the table above and in the file that we ship")
    func complete() throws {
        for (section, keys) in Configuration.keys {
            #expect(keys.map(\.name).sorted() == Key.all.filter { $0.section == section }.map(\.name).sorted())
            let hint = try Settings.fault(Settings.with(section, "nonsense", "1").text).hint(for: .beacon)
            #expect(hint == "[\(section)] has " + keys.map(\.name).sorted().joined(separator: ", "))
        }
        let ofServers = Key.all.filter { $0.section == "server c2" }.map(\.name)
        #expect(Configuration.serverKeys.map(\.name).sorted() == ofServers.sorted())
        var (section, shipped) = ("", [String]())
        for line in try Settings.shipped() {
            if let name = line.wholeMatch(of: /\[([a-z]+)( [0-9a-f]+)?\]/) { section = String(name.1) }
            if let key = line.wholeMatch(of: /;?([a-z0-9-]+) =.*/) { shipped.append("[\(section)] \(key.1)") }
        }
        let table = Key.all.map { "[\($0.section.split(separator: " ")[0])] \($0.name)" }
        #expect(Set(shipped) == Set(table))
        #expect(shipped.count == table.count)
    }

    @Test(
        "an observed join needs an observer other than this beacon and the server, and an observer needs an observed join"
    )
    func observers() throws {
        func settings(_ lines: String) -> String {
            (Settings.good + [lines]).joined(separator: "\n")
        }
        let good = try Settings.configuration(settings("observer = bea2\njoin = observed"))
        #expect(good.servers[Identifier(0xC2)]?.terms.joinMode == .observed(by: Identifier(0xBEA2)))
        for bad in [
            "join = observed", "join = observed\nobserver = c2",
            "join = observed\nobserver = \(good.identity.topicForm)",
            "observer = bea2", "join = human\nobserver = bea2", "join = no\nobserver = bea2",
        ] {
            let fault = try Settings.fault(settings(bad))
            expectGood(fault)
            #expect(fault.message.hasPrefix("[server c2]"), "\(bad): \(fault)")
        }
    }
}
