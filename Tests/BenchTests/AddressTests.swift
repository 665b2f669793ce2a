import Bench
import Broker
import Nearby
import OperatorText
import Testing

@Suite("Addresses on the command line")
struct AddressTests {
    @Test(
        "A link's address gets the specification's numbers if none is given",
        arguments: [
            ("local:/run/a:b", "/run/a:b"), ("rfcomm:00:11:22:33:44:55", "00:11:22:33:44:55 channel 21"),
            ("rfcomm:00:11:22:33:44:55/3", "00:11:22:33:44:55 channel 3"),
            ("l2cap:00:11:22:33:44:55", "00:11:22:33:44:55 PSM 0x1035"),
            ("l2cap:00:11:22:33:44:55/0x1001", "00:11:22:33:44:55 PSM 0x1001"),
            ("le:00:11:22:33:44:55/213", "00:11:22:33:44:55 LE PSM 0xd5"),
            ("le-random:c0:11:22:33:44:55", "C0:11:22:33:44:55 LE PSM 0xd5"),
        ])
    func links(text: String, meaning: String) throws {
        #expect(try NearbyAddress(option: text).description == meaning)
    }

    @Test(
        "Anything that is not an address is refused",
        arguments: [
            "", "local:", "tcp:1", "rfcomm:00:11", "rfcomm:00:11:22:33:44:55/31", "l2cap:00:11:22:33:44:55/x",
            "rfcomm:00:11:22:33:44:55/+3", "l2cap:00:11:22:33:44:55/0x+5", "le:00:11:22:33:44:55/-0",
            "le:00:11:22:33:44:55/65536", "le:00:11:22:33:44:55/",
        ])
    func noLinks(text: String) {
        #expect(throws: OperatorFault.self) { try NearbyAddress(option: text) }
    }

    @Test("A broker is a host and a port")
    func brokers() throws {
        #expect(try BrokerAddress(option: "localhost:8883") == BrokerAddress(host: "localhost", port: 8_883))
        #expect(try BrokerAddress(option: "[::1]:1") == BrokerAddress(host: "::1", port: 1))
        for text in [
            "", "localhost", "localhost:", ":8883", "localhost:0", "localhost:65536", "localhost:+8883", "ho]st:8883",
            "[host]:8883", "::1:8883", " localhost:8883",
        ] {
            #expect(throws: OperatorFault.self) { try BrokerAddress(option: text) }
        }
    }
}
