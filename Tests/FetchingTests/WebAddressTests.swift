import Fetching
import Testing

@Suite("A web address")
struct WebAddressTests {
    @Test(
        "is split into its parts and put together again",
        arguments: [
            ("https://host", "https://host"), ("HTTPS://Host.Example/", "https://host.example"),
            ("https://host:443/a/b/", "https://host/a/b"), ("https://host:8443", "https://host:8443"),
            ("https://[::1]:8443/x", "https://[::1]:8443/x"), ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("https://host/a%20b", "https://host/a%20b"),
        ])
    func good(text: String, whole: String) throws {
        let address = try WebAddress(text)
        #expect(address.description == whole)
        #expect(try WebAddress(address.description) == address)
    }

    @Test(
        "that could be misread is refused",
        arguments: [
            ("", .scheme), ("host", .scheme), ("ftp://host", .scheme), ("file:///etc/passwd", .scheme),
            ("https://user:secret@host", .credentials), ("https://", .host), ("https://ho st", .host),
            ("https://host\n.evil", .host), ("https://-host", .host), ("https://a:b:c", .host), ("https://[::1", .host),
            ("https://[host]", .host), ("https://ünicode", .host), ("https://\u{212A}elvin", .host),
            ("https://host:0", .port),
            ("https://host:65536", .port), ("https://host:", .host), ("https://host:-1", .host),
            ("https://host/../x", .path), ("https://host/a?b=c", .path), ("https://host/a#b", .path),
            ("https://host/a b", .path), ("https://host/a\r\nX: y", .path),
        ] as [(String, WebAddress.Fault)])
    func bad(text: String, fault: WebAddress.Fault) {
        #expect(throws: fault) { try WebAddress(text) }
    }

    @Test("names this machine only by its usual names")
    func loopback() throws {
        for text in ["http://localhost", "http://127.0.0.1:8080", "http://[::1]"] {
            #expect(try WebAddress(text).isLoopback)
        }
        for text in ["http://localhost.evil", "http://127.0.0.1.evil", "http://10.0.0.1"] {
            #expect(try !WebAddress(text).isLoopback)
        }
    }
}
