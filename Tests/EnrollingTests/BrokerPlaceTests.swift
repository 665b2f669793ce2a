import Enrolling
import Testing

@Suite("The broker's address in a service's reply")
struct BrokerPlaceTests {
    @Test(
        "is a host and a port, with TLS for every scheme",
        arguments: [
            ("mqtt://broker.example", "broker.example:8883"), ("mqtts://Broker:1234", "broker:1234"),
            ("ssl://10.0.0.1/", "10.0.0.1:8883"), ("MQTT://[fe80::1]:8884", "[fe80::1]:8884"),
        ])
    func good(text: String, place: String) { #expect(BrokerPlace(text)?.description == place) }

    @Test(
        "with anything else is refused",
        arguments: [
            "", "broker", "http://broker", "mqtt://", "mqtt://user:secret@broker", "mqtt://broker/topic",
            "mqtt://broker:0", "mqtt://broker:70000", "mqtt://broker:88 83", "mqtt://../../etc",
            "mqtt://broker\n[server 10]", "mqtt://broker\nkey = /etc/passwd", "mqtt://a,b", "mqtt://a;b", "mqtt://a b",
            "mqtt://broker\u{0}", "mqtt://" + String(repeating: "a", count: 300), "mqtt://[a]", "mqtt://bröker",
            "mqtt://bro\u{212A}er",
        ])
    func bad(text: String) { #expect(BrokerPlace(text) == nil) }
}
