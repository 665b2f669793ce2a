import OperatorText
import Testing

@Suite("Host and port")
struct HostAndPortTests {
    private static let long = String(repeating: "a", count: 253)

    @Test(
        "are read, and written as they are read",
        arguments: [
            ("localhost:8883", "localhost", 8_883), ("Broker.Example:1", "Broker.Example", 1),
            ("my_broker-2.example:65535", "my_broker-2.example", 65_535), ("10.0.0.1:8883", "10.0.0.1", 8_883),
            ("[::1]:8883", "::1", 8_883), ("[fe80::1]:8883", "fe80::1", 8_883),
            ("[2001:db8::10.0.0.1]:443", "2001:db8::10.0.0.1", 443), ("broker.example.:8883", "broker.example.", 8_883),
            ("_mqtt.example:8883", "_mqtt.example", 8_883), (long + ":8883", long, 8_883),
        ] as [(String, String, UInt16)])
    func good(text: String, host: String, port: UInt16) throws {
        let place = try HostAndPort(text)
        #expect(place.host == host && place.port == port)
        #expect(place.description == text)
        #expect(try HostAndPort(text[...], defaultPort: 1) == place)
    }

    @Test("a port in fewer digits than it was written with is the same port")
    func leadingZero() throws { #expect(try HostAndPort("host:08883").description == "host:8883") }

    @Test("a text without a port has the default port, where there is one")
    func defaultPort() throws {
        #expect(try HostAndPort("host", defaultPort: 8_883).description == "host:8883")
        #expect(try HostAndPort("[::1]", defaultPort: 443).description == "[::1]:443")
        for text in ["host", "[::1]", "10.0.0.1"] {
            #expect(throws: HostAndPort.Fault.port) { try HostAndPort(text) }
        }
    }

    @Test(
        "a host with anything else in it, or anything beside host and port, is refused",
        arguments: [
            "", ":8883", "[]:8883", " host:8883", "host :8883", "host: 8883", "host:8883 ", "ho st:8883", "host\n:8883",
            "host:8883\n", "host\u{0}:8883", "höst:8883", "host\u{301}:8883", "host:\u{301}8883", "host:８８８３",
            "user@host:8883", "host/path:8883", "mqtt://host:8883", "a,b:8883", "a;b:8883", "host%eth0:8883",
            "-host:8883", ".host:8883", "a..b:8883", long + "a:8883",
            // Brackets are for an IPv6 address, and only around it.
            "ho]st:8883", "ho[st:8883", "[host:8883", "host]:8883", "[host]:8883", "[[::1]]:8883", "[::1:8883",
            "::1]:8883", "[::1]8883", "[::1] :8883", "x[::1]:8883", "[::1]x:8883", "[10.0.0.1]:8883", "[::1\u{0}]:8883",
            "[fe80::1%eth0]:8883", "[1:2]:8883", "[:::]:8883", "[12345::]:8883", "[::g]:8883",
            // And an IPv6 address has them.
            "::1", "::1:8883", "fe80::1:8883", "a:b:8883",
            // What is not digits is not a port.
            "host:", "[::1]:", "host:+8883", "host:-1", "host:0x50", "host:8e3", "host:port", "host:8883:8883",
        ])
    func badHost(text: String) {
        #expect(throws: HostAndPort.Fault.host) { try HostAndPort(text) }
        #expect(throws: HostAndPort.Fault.host) { try HostAndPort(text, defaultPort: 8_883) }
    }

    @Test(
        "a number that is not 1 to 65535 is refused",
        arguments: [
            "host:0", "host:00000", "host:65536", "host:99999", "host:008883", "[::1]:0", "[::1]:70000",
            "host:184467440737095516161",
        ])
    func badPort(text: String) {
        #expect(throws: HostAndPort.Fault.port) { try HostAndPort(text) }
        #expect(throws: HostAndPort.Fault.port) { try HostAndPort(text, defaultPort: 8_883) }
    }

    /// What the configuration, the bench's options, a registry's plan and the enrolment each made of these, when each had a parser
    /// of its own: another host, a host with a bracket, a port with a sign, or nothing.
    @Test(
        "there is one answer for what four parsers disagreed about",
        arguments: [
            ("ho]st:8883", nil), ("[::1:8883", nil), ("::1:8883", nil), ("host:+8883", nil),
            ("my_host:8883", "my_host"),
        ]
            as [(String, String?)])
    func disagreements(text: String, host: String?) { #expect((try? HostAndPort(text))?.host == host) }

    @Test("a host alone is a name or an address, without brackets")
    func hosts() {
        for text in ["localhost", "10.0.0.1", "::1", "fe80::1", HostAndPortTests.long] {
            #expect(HostAndPort.isHost(text))
        }
        for text in ["", "[::1]", "host:1", "a,DNS:b", "a b", "host\n", "höst", HostAndPortTests.long + "a"] {
            #expect(!HostAndPort.isHost(text), "\(text)")
        }
    }

    @Test("an address is told from a name")
    func addresses() {
        for text in ["10.0.0.1", "0.0.0.0", "::", "fe80::1"] { #expect(HostAndPort.isAddress(text)) }
        for text in ["localhost", "10.0.1", "10.0.0.1.example", "[::1]", "", "10.0.0.1\0"] {
            #expect(!HostAndPort.isAddress(text), "\(text)")
        }
    }
}
