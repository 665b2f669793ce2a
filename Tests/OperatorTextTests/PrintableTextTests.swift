import OperatorText
import SRUP
import Testing

@Suite("Text that was received")
struct PrintableTextTests {
    @Test("prose is shown with dots for what could be mistaken for something else, and is cut after 200 characters")
    func prose() {
        #expect(printable("no such user".utf8) == "no such user")
        #expect(printable([0x1B, 0x5B, 0x32, 0x4A, 0x0A, 0x00, 0x7F, 0xC3, 0xA9]) == ".[2J.....")
        #expect(printable(repeatElement(0x61, count: 200)) == String(repeating: "a", count: 200))
        #expect(printable(repeatElement(0x61, count: 201)) == String(repeating: "a", count: 200) + "...")
        #expect(printable([]).isEmpty)
    }

    @Test("an address is shown without its query, its fragment, and a user's name and password")
    func addresses() {
        for (address, shown) in [
            ("https://x.org/a/b", "https://x.org/a/b"), ("https://x.org/a?key=s", "https://x.org/a?..."),
            ("https://x.org/a#s", "https://x.org/a?..."), ("https://u:p@x.org/a", "https://...@x.org/a"),
            ("https://u:p@q@x.org/a@b?s", "https://...@x.org/a@b?..."), ("https://x.org/a@b", "https://x.org/a@b"),
            ("?s", "?..."), ("", ""), ("//", "//"), ("no address", "no address"),
        ] { #expect(withoutSecrets(address: address) == shown) }
    }

    @Test("every byte is printable, visible or neither, as ASCII has it")
    func bytes() {
        for byte in UInt8.min...UInt8.max {
            #expect([byte].isPrintableASCII == (byte >= 0x20 && byte < 0x7F), "\(byte)")
            #expect([byte].isVisibleASCII == (byte > 0x20 && byte < 0x7F), "\(byte)")
            let isShown = byte >= 0x20 && byte < 0x7F
            #expect(readable([byte]) == (isShown ? String(UnicodeScalar(byte)) : "0x" + hexadecimal([byte])), "\(byte)")
        }
    }

    @Test("a name is shown unchanged or as hexadecimal digits, and a long one is shortened with its length")
    func names() {
        #expect(readable("srup/bea1".utf8, atMost: 9, spaces: false) == "srup/bea1")
        #expect(readable("srup/bea1".utf8, atMost: 8, spaces: false) == "0x" + hexadecimal("srup/bea1".utf8))
        #expect(readable("two words".utf8, spaces: false) == "0x" + hexadecimal("two words".utf8))
        #expect(readable("two words".utf8) == "two words")
        let long = [UInt8](repeating: 0x62, count: 97)
        #expect(readable(long, atMost: 96) == "0x" + String(repeating: "62", count: 64) + "… (97 bytes)")
        #expect(readable(long) == String(repeating: "b", count: 97))
        #expect(readable([UInt8](repeating: 0, count: 100)) == "0x" + String(repeating: "00", count: 100))
    }

    @Test("what an operator names has a length in bytes and no other characters")
    func lengths() {
        #expect("a".isPrintable(1...1, spaces: false) && !"".isPrintable(1...1, spaces: false))
        #expect(!"ab".isPrintable(1...1, spaces: false) && !"é".isPrintable(1...9, spaces: true))
        #expect("a b".isPrintable(1...3, spaces: true) && !"a b".isPrintable(1...3, spaces: false))
        #expect(!"a\n".isPrintable(1...3, spaces: true))
    }
}

@Suite("A time for people")
struct TimestampTests {
    @Test(
        "is in UTC, in the form of RFC 3339",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (1_795_370_400, "2026-11-22T18:00:00Z"), (951_827_696, "2000-02-29T12:34:56Z"),
            (-1, "1969-12-31T23:59:59Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
            (.max, "9999-12-31T23:59:59Z"), (.min, "0000-01-01T00:00:00Z"),
        ] as [(Int64, String)])
    func form(seconds: Int64, text: String) {
        let moment = Timestamp(seconds)
        #expect(moment.description == text && "\(moment.date)T\(moment.time)Z" == text)
    }

    @Test("has milliseconds if they are given", arguments: [(0, "000"), (7, "007"), (999, "999")])
    func milliseconds(number: Int, text: String) {
        #expect(Timestamp(0, milliseconds: number).description == "1970-01-01T00:00:00.\(text)Z")
    }
}
