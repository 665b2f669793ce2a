import Foundation
import OperatorText
import SRUP
import TestVectors
import Testing

@testable import Daemon

@Suite("The configuration file")
struct ConfigurationTests {
    @Test("as shipped is valid, and the defaults in its comments are the real defaults")
    func shipped() throws {
        let lines = try Settings.shipped()
        let shipped = try Settings.configuration(lines.joined(separator: "\n"))
        #expect(shipped.identity == Identifier(0xbea0_0000_0000_0001))
        #expect(shipped.listeners.map(\.address.transport) == [.rfcomm, .l2cap, .le])
        #expect(shipped.policy == .init())

        let uncommented = lines.map { line in
            Settings.isToldDefault(line) && !line.hasSuffix("=") ? String(line.dropFirst()) : line
        }
        let told = zip(lines, uncommented).count { $0 != $1 }
        let given = lines.count { $0.wholeMatch(of: /[a-z0-9-]+ =.*/) != nil }
        let without = lines.count { Settings.isToldDefault($0) && $0.hasSuffix("=") }
        #expect(told + given + without == Key.all.count, "each key stands there once")
        let explicit = try Settings.configuration(uncommented.joined(separator: "\n"))
        #expect(explicit.clientID == shipped.identity.topicForm)
        let withoutClientID = uncommented.filter { !$0.hasPrefix("client-id") }
        #expect(try Settings.configuration(withoutClientID.joined(separator: "\n")) == shipped)
    }

    @Test("a long line is read completely: a truncated path would name another file")
    func longLine() throws {
        let path = "/" + String(repeating: "x", count: 4_000)
        #expect(try Settings.configuration(Settings.with("beacon", "key", path).text).keyFile == path)
    }

    @Test("may have line ends of either kind, surrounding spaces, and comments")
    func spelling() throws {
        let plain = try Settings.configuration(Settings.good.joined(separator: "\n"))
        let others = [
            Settings.good.joined(separator: "\r\n") + "\r\n",
            Settings.good.joined(separator: "\n\n; a comment\n# another\n"),
            Settings.good.map { "  " + $0.replacing(" = ", with: "=") + "  " }.joined(separator: "\n"),
            "\u{FEFF}" + Settings.good.joined(separator: "\n"),
        ]
        for text in others { #expect(try Settings.configuration(text) == plain, "\(text)") }
    }

    @Test(
        "with an unknown or misplaced entry is refused with the line",
        arguments: [
            ("window = 3", 1, "[] window"), ("[observation]\nwindows = 3", 2, "[observation] windows"),
            ("[observations]\nwindow = 3", 2, "[observations] window"), ("[server x]\nkey = /k", 2, "[server x]"),
            ("[server c2]\nkeys = /k", 2, "[server c2] keys"), ("[server]\nkey = /k", 2, "[server] key"),
            ("[server 12345678901234567]\nkey = /k", 2, "server"), ("[link]\nlinks", 2, "neither"),
            ("[link\nlinks = 3", 1, "neither"), ("\n\nnonsense", 3, "neither"),
            ("[link]\n" + String(repeating: "x", count: 5_000) + " = 1", 2, "too long"),
            ("[link]\nlinks = 1\u{0}2", 2, "zero byte"), ("[link]\nlinks = 2\n\nlinks = 2", 4, "line 2"),
        ])
    func misplaced(text: String, line: Int, named: String) throws {
        let fault = try Settings.fault(text + "\n" + Settings.good.joined(separator: "\n"))
        expectGood(fault)
        #expect(fault.message.hasPrefix("line \(line) of "), "\(fault)")
        #expect(fault.message.contains(named), "\(fault)")
    }

    @Test(
        "without a required entry is refused, and the fault names the entry",
        arguments: [
            (2, "[beacon] identity"), (3, "[beacon] key"), (4, "[beacon] state"), (6, "[broker] address"),
            (7, "[broker] ca"), (8, "[broker] certificate"), (9, "[broker] key"),
        ])
    func missing(line: Int, name: String) throws {
        var lines = Settings.good
        lines.remove(at: line - 1)
        let fault = try Settings.fault(lines.joined(separator: "\n"))
        expectGood(fault)
        #expect(fault.message.contains("\(name) is missing"))
    }

    @Test(
        "whose parts do not fit together is refused",
        arguments: [
            (Settings.good.dropLast().joined(separator: "\n"), "names no server"),
            (
                Settings.good.dropLast().joined(separator: "\n") + "\nsequence-floor = 3",
                "[server c2] key is missing"
            ),
            (Settings.with("server bea0000000000001", "key", "/k").text, "own identity"),
            (
                Settings.good.joined(separator: "\n") + "\n[link]\nrfcomm = off\nl2cap = off\nle = off\n",
                "every transport"
            ), ("", "is missing"), ("\n\n", "is missing"), ("; only a comment", "is missing"),
            (String(repeating: "; far too long\n", count: 80_000), "too long"),
        ])
    func whole(text: String, named: String) throws {
        let fault = try Settings.fault(text)
        expectGood(fault)
        #expect(fault.message.contains(named), "\(fault)")
    }

    @Test("that does not exist, or is a folder, is refused with its path")
    func notThere() throws {
        try TemporaryFolder.with { folder in
            for path in [folder.path("nothing.conf"), folder.url.path] {
                let fault = try #require(throws: OperatorFault.self) { try Configuration(file: path) }
                expectGood(fault)
                #expect(fault.message.contains("\(path) cannot be read"), "\(fault)")
            }
        }
    }

    @Test("that this user may not read is refused with its path", .enabled(if: geteuid() != 0, "root reads every file"))
    func unreadable() throws {
        try TemporaryFolder.with { folder in
            let path = try folder.write(Data(), to: "closed.conf", mode: 0o000)
            let fault = try #require(throws: OperatorFault.self) { try Configuration(file: path) }
            expectGood(fault)
            #expect(fault.message.contains("\(path) cannot be read"))
        }
    }

    @Test("with one server in two spellings is refused")
    func oneServerTwice() throws {
        for other in ["server C2", "server 0c2", "server 00000000000000c2"] {
            let fault = try Settings.fault(Settings.with(other, "key", "/k").text)
            #expect(fault.message.contains("stands in line 11 already"), "\(fault)")
        }
    }

    @Test("says which of its changes need a restart")
    func restart() throws {
        let old = try Settings.configuration(Settings.good.joined(separator: "\n"))
        func differences(_ section: String, _ key: String, _ value: String) throws -> [String] {
            let new = try Settings.configuration(Settings.with(section, key, value).text)
            #expect(new != old, "[\(section)] \(key)")
            return new.differencesThatNeedARestart(from: old)
        }
        for (key, value) in [("identity", "b1"), ("key", "/k"), ("state", "/s")] {
            #expect(try differences("beacon", key, value) == ["[beacon]"])
        }
        let broker = [
            ("address", "b:1"), ("ca", "/c"), ("certificate", "/d"), ("key", "/e"), ("client-id", "x"),
            ("reconnect-first", "2"), ("reconnect-longest", "3"),
        ]
        for (key, value) in broker { #expect(try differences("broker", key, value) == ["[broker]"]) }
        for (key, value) in [("rfcomm", "off"), ("l2cap", "off"), ("le", "off"), ("local", "/l")] {
            #expect(try differences("link", key, value) == ["[link] transports"])
        }
        let others = [
            ("server c2", "key", "/k"), ("server c3", "key", "/k"), ("server c2", "sequence-floor", "3"),
            ("observation", "window", "3"), ("link", "value-mode", "yes"), ("link", "links", "3"),
            ("link", "max-round-trip", "3"), ("log", "level", "debug"),
        ]
        for (section, key, value) in others { #expect(try differences(section, key, value).isEmpty) }
    }
}
