import Fetching
import OperatorText
import TestVectors
import Testing

@testable import Enrolling

@Suite("A registration code")
struct RegistrationCodeTests {
    private let hash = String(repeating: "5a", count: 32)

    @Test("is an address, and perhaps a CA's fingerprint and a token, in any order")
    func read() throws {
        let plain = try RegistrationCode("https://register.example.org/x/")
        #expect(plain.address.description == "https://register.example.org/x" && plain.authority == nil)
        #expect(plain.token == nil && plain.text == "https://register.example.org/x")
        for text in [
            "https://r.example:8443#ca=\(hash)&token=enrol-1f", "HTTPS://R.example:8443#token=enrol-1f&ca=\(hash)",
        ] {
            let code = try RegistrationCode(text)
            #expect(code.address.description == "https://r.example:8443")
            #expect(code.authority == [UInt8](repeating: 0x5A, count: 32) && code.token == "enrol-1f")
            #expect(code.text == "https://r.example:8443#ca=\(hash)&token=enrol-1f")
            #expect(try RegistrationCode(code.text) == code)
        }
        #expect(try RegistrationCode("https://r.example#token=t").text == "https://r.example#token=t")
    }

    @Test(
        "is refused with the reason if it is anything else, and nothing of it is repeated",
        arguments: [
            ("", "one line"), ("https://r example", "one line"), ("https://r.example\u{1B}[2J", "one line"),
            ("https://r.example/" + String(repeating: "a", count: 1_024), "one line"),
            ("https://r.exämple", "one line"),
            ("register.example.org", "https://"), ("ftp://secretword.example", "https://"),
            ("https://", "host"), ("https://me:secretword@r.example", "user name"), ("https://r.example:0", "port"),
            ("https://r.example/?token=secretword", "path"),
            ("https://r.example#", "neither"), ("https://r.example#ca=secretword", "64 hexadecimal digits"),
            ("https://r.example#ca=" + String(repeating: "5", count: 62), "64 hexadecimal digits"),
            ("https://r.example#ca", "64 hexadecimal digits"), ("https://r.example#token=", "token is malformed"),
            ("https://r.example#token=secretword%20", "token is malformed"),
            ("https://r.example#token=" + String(repeating: "a", count: 129), "token is malformed"),
            ("https://r.example#token=a&token=secretword", "\"token\" twice"),
            ("https://r.example#token=secretword&", "neither"), ("https://r.example#tokens=secretword", "neither"),
            ("https://r.example#token=a#token=secretword", "token is malformed"),
        ] as [(String, String)])
    func refused(text: String, reason: String) throws {
        let fault = try #require(throws: OperatorFault.self) { try RegistrationCode(text) }
        #expect(
            fault.message.hasPrefix("this is not a registration code: ") && fault.message.contains(reason),
            "\(fault.message)")
        #expect(!fault.message.contains("secretword") && OperatorTextRules.broken(by: fault) == [])
    }

    @Test("is read or refused, whatever its text, and is the same when it is read again")
    func random() throws {
        var random = Seeded(9)
        let start = Array("https://r.example:8443/p#ca=\(hash)&token=enrol-1f".utf8)
        var read = 0
        for _ in 0..<3_000 {
            var bytes = start
            for _ in 0..<random.next() % 3 {
                let place = Int(random.next() % UInt64(bytes.count))
                bytes[place] = random.bytes(1)[0] & 0x7F
            }
            guard let code = try? RegistrationCode(String(decoding: bytes, as: UTF8.self)) else { continue }
            read += 1
            #expect(try RegistrationCode(code.text) == code)
        }
        #expect((1_000..<3_000).contains(read))
    }

    @Test("holds no token with other characters than those of an address")
    func token() throws {
        let address = try WebAddress("https://r.example")
        for token in ["", "a b", "a&b", "a#b", "a%20", String(repeating: "a", count: 129)] {
            #expect(throws: OperatorFault.self) { try RegistrationCode(address: address, authority: nil, token: token) }
        }
    }
}
