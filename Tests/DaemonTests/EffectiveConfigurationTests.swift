import Foundation
import Glibc
import TestVectors
import Testing

@testable import Daemon

@Suite("The effective configuration")
struct EffectiveConfigurationTests {
    private static func effective(_ text: String) throws -> EffectiveConfiguration {
        try TemporaryFolder.with { try EffectiveConfiguration(file: try $0.write(Data(text.utf8), to: "beacon.conf")) }
    }

    @Test("is a configuration with the same settings: every value can be read again", arguments: Key.all)
    func readAgain(key: Key) throws {
        for (value, meaning) in key.good {
            let text = Settings.with(key.section, key.name, value).text
            let (original, printed) = (try Settings.configuration(text), try Self.effective(text).text)
            var again = try Settings.configuration(printed)
            if key.name != "client-id" { again.clientID = nil }  // the default is printed, too
            #expect(again == original, "\(key.name) = \(value): \(printed)")
            #expect(key.read(again) == meaning)
        }
    }

    @Test("has the defaults that the shipped file tells")
    func defaults() throws {
        let lines = try Settings.shipped()
        let uncommented = lines.map { line in
            Settings.isToldDefault(line) && !line.hasSuffix("=") ? String(line.dropFirst()) : line
        }
        let told = try Settings.configuration(uncommented.joined(separator: "\n")).lines
        let effective = try Self.effective(lines.joined(separator: "\n"))
        #expect(zip(told, effective.settings).allSatisfy { $0.value == $1.value && $0.key == $1.key })
        #expect(effective.settings.count == Key.all.count)
        let windows = effective.settings.first { $0.key == "window" }
        #expect(windows?.value == "120" && windows?.source == "default")
    }

    @Test("says for each value the file and the line that it comes from")
    func sources() throws {
        try TemporaryFolder.with { folder in
            mkdir(folder.path("conf.d"), 0o755)
            let file = try folder.write(Data(Settings.good.joined(separator: "\n").utf8), to: "beacon.conf")
            let fragment = try folder.write(
                Data("; ours\n[server 0C2]\ndata = no\n[broker]\naddress = a:1".utf8), to: "conf.d/a.conf")
            let effective = try EffectiveConfiguration(file: file)
            func source(_ section: String, _ key: String) -> String? {
                effective.settings.first { $0.section == section && $0.key == key }?.source
            }
            #expect(source("beacon", "identity") == "\(file):2")
            #expect(source("broker", "address") == "\(fragment):5")
            #expect(source("server c2", "data") == "\(fragment):3")
            #expect(source("server c2", "key") == "\(file):11")
            #expect(source("log", "level") == "default")
            #expect(effective.files == [file, fragment])
            #expect(effective.text.contains("address = a:1                           ; \(fragment):5\n"))
            #expect(effective.text.hasPrefix("; configuration \(effective.hash)\n"))
            let json = try effective.json()
            #expect(try decoder().decode(EffectiveConfiguration.self, from: Data(json.utf8)) == effective)
        }
    }

    @Test("says whether the running beacon has another one")
    func running() throws {
        var effective = try Self.effective(Settings.good.joined(separator: "\n"))
        effective.askRunning()
        #expect(effective.runningHash == nil && effective.difference == nil)
        effective.runningHash = effective.hash
        #expect(effective.difference == nil)
        effective.runningHash = "0123456789abcdef"
        #expect(
            effective.text.contains("; the running beacon has the configuration 0123456789abcdef: have it read again"))
    }
}

@Suite("The hash of a configuration")
struct ConfigurationHashTests {
    private static func hash(_ text: String) throws -> String { try Settings.configuration(text).hash }

    @Test("is the same however the settings are written, and wherever they stand")
    func spelling() throws {
        let plain = try Self.hash(Settings.good.joined(separator: "\n"))
        #expect(plain.wholeMatch(of: /[0-9a-f]{16}/) != nil)
        for (section, key, value) in [
            ("observation", "window", "120.0"), ("link", "l2cap", "4149"), ("server c2", "data", "yes"),
            ("observation", "limit", "0x400"),
        ] {
            #expect(try Self.hash(Settings.with(section, key, value).text) == plain, "\(key) = \(value)")
        }
    }

    @Test("changes with each setting that has another value, but for those of the beacon itself", arguments: Key.all)
    func changes(key: Key) throws {
        let plain = try Settings.configuration(Settings.good.joined(separator: "\n"))
        let name = "[\(key.section)] \(key.name)"
        let isOwn =
            Configuration.ownKeys.contains(name)
            || (key.section == "server c2" && Configuration.ownServerKeys.contains(key.name))
        for (value, _) in key.good {
            let other = try Settings.configuration(Settings.with(key.section, key.name, value).text)
            #expect((other.hash == plain.hash) == (isOwn || other == plain), "\(name) = \(value)")
        }
    }

    @Test("leaves out only keys that there are")
    func ownKeys() {
        let all = Configuration.keys.flatMap { section, keys in keys.map { "[\(section)] \($0.name)" } }
        #expect(Configuration.ownKeys.isSubset(of: all))
        #expect(Configuration.ownServerKeys.isSubset(of: Configuration.serverKeys.map(\.name)))
    }

    @Test(
        "does not tell which beacons are near",
        arguments: Key.all.filter { ["neighbours", "observer", "observer-address"].contains($0.name) })
    func near(key: Key) throws {
        let plain = try Self.hash(Settings.good.joined(separator: "\n"))
        for (value, _) in key.good { #expect(try Self.hash(Settings.with(key.section, key.name, value).text) == plain) }
    }

    @Test("is over lines that can be made by hand, as the page says")
    func text() throws {
        let text = try Settings.configuration(Settings.good.joined(separator: "\n")).hashedText
        #expect(text.hasPrefix("srup-beacon configuration 1\n[beacon] state = /var/s\n[beacon] light = off\n"))
        #expect(text.contains("\n[server c2] join = simple\n") && text.hasSuffix("\n"))
        #expect(!text.contains("bea0000000000001") && !text.contains("/etc/"))
    }
}
