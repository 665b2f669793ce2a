import Bench
import Broker
import OperatorText
import Testing

@Suite("Addresses on the command line")
struct AddressTests {
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
