import ProofLink
import SRUP
import Testing

@testable import Daemon

/// One key: its allowed values, what they set, and values that are refused.
struct Key: Sendable, CustomTestStringConvertible {
    let section: String
    let name: String
    let good: [String: String]
    let bad: [String]
    let read: @Sendable (Configuration) -> String

    init(
        _ section: String, _ name: String, good: [String: String], bad: [String],
        _ read: @escaping @Sendable (Configuration) -> String
    ) {
        (self.section, self.name, self.good, self.bad, self.read) = (section, name, good, bad, read)
    }

    var testDescription: String { "[\(section)] \(name)" }

    static let badPaths = ["", "relative/path", "~/key", "off", "pkcs11:token=gate", "handle:0x81010001"]
    static let badNumbers = ["", "x", "1.5", "1 2", "0x", "0xZZ", "--1", "١"]
    static let badSeconds = ["", "x", "nan", "inf", "-1", "0", "1 s", "1,5"]

    static func path(_ section: String, _ name: String, _ read: @escaping @Sendable (Configuration) -> String) -> Key {
        Key(section, name, good: ["/": "/", "/a b/c.pem": "/a b/c.pem"], bad: badPaths, read)
    }

    /// A text for people.
    static func place(
        _ name: String, longest: Int, _ read: @escaping @Sendable (Configuration) -> String?
    ) -> Key {
        let long = String(repeating: "x", count: longest)
        let bad = [
            "", long + "x", String(repeating: "ä", count: longest / 2 + 1), "a\u{7}b", "a\u{202E}b", "a\u{200B}b",
            "a\u{FFFD}b", "a\u{2028}b", "a\tb",
        ]
        return Key(
            "beacon", name,
            good: [
                "off": "not set", "North gate": "North gate", "Hafen Süd, Tor 3 \"alt\"": "Hafen Süd, Tor 3 \"alt\"",
                long: long,
            ],
            bad: bad
        ) { read($0) ?? "not set" }
    }

    static func number(
        _ section: String, _ name: String, _ range: ClosedRange<Int>, extra: [String] = [],
        _ read: @escaping @Sendable (Configuration) -> String
    ) -> Key {
        let (low, high) = (range.lowerBound, range.upperBound)
        return Key(
            section, name, good: ["\(low)": "\(low)", "\(high)": "\(high)", "0x" + String(high, radix: 16): "\(high)"],
            bad: badNumbers + ["\(low - 1)", "\(high + 1)", "18446744073709551616"] + extra, read)
    }

    static func seconds(
        _ section: String, _ name: String, _ range: ClosedRange<Double>,
        _ read: @escaping @Sendable (Configuration) -> Duration
    ) -> Key {
        let (low, high) = (range.lowerBound, range.upperBound)
        return Key(
            section, name,
            good: ["\(low)": "\(Duration.seconds(low))", "\(Int(high))": "\(Duration.seconds(high))"],
            bad: badSeconds + ["\(low * 0.99)", "\(high + 1)", "1e300"]
        ) { "\(read($0))" }
    }

    static func yesOrNo(_ section: String, _ name: String, _ read: @escaping @Sendable (Configuration) -> Bool) -> Key {
        Key(section, name, good: ["yes": "true", "no": "false"], bad: ["", "true", "1", "Yes", "on", "yes no"]) {
            "\(read($0))"
        }
    }

    static func security(_ name: String, _ transport: Transport) -> Key {
        Key(
            "link", name, good: ["none": "none", "encrypted": "encrypted", "authenticated": "authenticated"],
            bad: ["", "off", "low", "medium", "high", "yes"]
        ) { configuration in
            configuration.listeners.first { $0.address.transport == transport }?.security.rawValue ?? ""
        }
    }
}
