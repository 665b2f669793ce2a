import Testing

@testable import Bluetooth

/// github.com/google/eddystone, eddystone-url/README.md: the two tables, and the frame of protocol-specification.md.
@Suite("An Eddystone-URL")
struct EddystoneURLTests {
    @Test(
        "each scheme and each ending of the specification is one byte",
        arguments: [
            ("http://www.a", [0, 0x61]), ("https://www.a", [1, 0x61]), ("http://a", [2, 0x61]),
            ("https://a", [3, 0x61]),
            ("https://a.com/", [3, 0x61, 0]), ("https://a.org/", [3, 0x61, 1]), ("https://a.edu/", [3, 0x61, 2]),
            ("https://a.net/", [3, 0x61, 3]), ("https://a.info/", [3, 0x61, 4]), ("https://a.biz/", [3, 0x61, 5]),
            ("https://a.gov/", [3, 0x61, 6]), ("https://a.com", [3, 0x61, 7]), ("https://a.org", [3, 0x61, 8]),
            ("https://a.edu", [3, 0x61, 9]), ("https://a.net", [3, 0x61, 10]), ("https://a.info", [3, 0x61, 11]),
            ("https://a.biz", [3, 0x61, 12]), ("https://a.gov", [3, 0x61, 13]),
            // Anywhere, also inside a longer word, as decoders expand them.
            ("https://a.com.org/b.net", [3, 0x61, 7, 1, 0x62, 10]),
            ("https://a.company", [3, 0x61, 7, 0x70, 0x61, 0x6E, 0x79]),
            ("https://www.www.a", [1, 0x77, 0x77, 0x77, 0x2E, 0x61]),
            ("https://a.COM", [3, 0x61, 0x2E, 0x43, 0x4F, 0x4D]),
        ] as [(String, [UInt8])])
    func table(url: String, encoded: [UInt8]) throws {
        let made = try EddystoneURL(url)
        #expect(made.encoded == encoded && made.text == url)
        #expect(EddystoneURL(heard: made.advertisement) == made)
    }

    @Test("the frame is as in the specification's example, with room for the kernel's flags")
    func frame() throws {
        let short = try EddystoneURL("https://goo.gl/Aq18zF")
        #expect(short.advertisement.prefix(4) == [0x03, 0x03, 0xAA, 0xFE])
        #expect(
            short.advertisement[4..<11] == [UInt8(short.advertisement.count - 5), 0x16, 0xAA, 0xFE, 0x10, 0xEE, 0x03])
        #expect(String(decoding: short.advertisement[11...], as: UTF8.self) == "goo.gl/Aq18zF")
        let longest = try EddystoneURL("https://register.example.org")
        #expect(longest.encoded.count == 18 && longest.advertisement.count == 28)
    }

    @Test("17 bytes fit behind the scheme, and not one more")
    func length() throws {
        #expect(try EddystoneURL("https://" + String(repeating: "a", count: 17)).encoded.count == 18)
        #expect(throws: EddystoneURL.Fault.tooLong(bytes: 18)) {
            try EddystoneURL("https://" + String(repeating: "a", count: 18))
        }
        #expect(throws: EddystoneURL.Fault.tooLong(bytes: 22)) { try EddystoneURL("https://register.example.org:8443") }
        #expect(try EddystoneURL("https://register.example.org/").encoded.count == 18)
        #expect(throws: EddystoneURL.Fault.tooLong(bytes: 18)) { try EddystoneURL("https://register.example.org/a") }
    }

    @Test("other schemes, and what no URL may contain, are refused")
    func refused() {
        for url in ["", "a.com", "ftp://a", "HTTPS://a", " https://a"] {
            #expect(throws: EddystoneURL.Fault.scheme) { try EddystoneURL(url) }
        }
        for url in [
            "https://", "https://www.", "https://a b", "https://a\"", "https://a\\", "https://ä", "https://a\u{7}",
            "https://{a}",
        ] {
            #expect(throws: EddystoneURL.Fault.characters) { try EddystoneURL(url) }
        }
    }

    @Test("a frame from the air that is cut, too long, of another kind, or has reserved bytes is not one")
    func heard() throws {
        let good = try EddystoneURL("https://a.org").advertisement
        #expect(EddystoneURL(heard: [2, 1, 6] + good)?.text == "https://a.org")
        for length in 0..<good.count { #expect(EddystoneURL(heard: Array(good.prefix(length))) == nil) }
        func frame(_ data: [UInt8]) -> [UInt8] { [UInt8(3 + data.count), 0x16, 0xAA, 0xFE] + data }
        #expect(EddystoneURL(heard: frame([0x10, 0, 3, 0x61]))?.text == "https://a")
        for bad: [UInt8] in [
            [0x00, 0, 3, 0x61], [0x20, 0, 3, 0x61], [0x11, 0, 3, 0x61], [0x10, 0, 4, 0x61], [0x10, 0, 3], [0x10, 0], [],
            [0x10, 0, 3] + [UInt8](repeating: 0x61, count: 18),
        ] {
            #expect(EddystoneURL(heard: frame(bad)) == nil, "\(bad)")
        }
        for byte in UInt8.min ... .max {
            let isGood = byte <= 0x0D || (0x21...0x7E).contains(byte) && !"\"<>\\^`{|}".utf8.contains(byte)
            #expect((EddystoneURL(heard: frame([0x10, 0, 3, byte])) != nil) == isGood, "\(byte)")
        }
    }
}
