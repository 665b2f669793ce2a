import Broker
import OperatorText
import Testing

@testable import Daemon
@testable import Operating

@Suite("Brokers other than mosquitto, in doctor")
struct BrokerEngineTests {
    private let engines = BrokerEngines(user: "bea1", client: "bea1")
    private let broker = BrokerAddress(host: "b", port: 8883)

    @Test("the permissions name the topics with dots, and the client ids of doctor and renew")
    func permissions() {
        #expect(
            engines.rabbit
                == "rabbitmqctl set_permissions bea1 '^mqtt-subscription-bea1(-doctor|-trial)?qos[01]$' "
                + "'^(mqtt-subscription-bea1(-doctor|-trial)?qos[01]|amq\\.topic)$' "
                + "'^(mqtt-subscription-bea1(-doctor|-trial)?qos[01]|amq\\.topic)$' && rabbitmqctl set_topic_permissions "
                + "bea1 amq.topic '^SRUP\\.(bea1|servers\\.[0-9a-f]+\\.bea1)$' '^SRUP\\.bea1$'")
        #expect(engines.nats.contains("\"SRUP.servers.*.bea1\"") && engines.nats.contains("\"$MQTT.sub.>\""))
    }

    @Test(
        "each way of refusing has the hint of the product that refuses so",
        arguments: [
            (BrokerFault.closedAtSubscribing("SRUP/bea1"), ["RabbitMQ", "set_topic_permissions"], ["NATS"]),
            (.subscriptionRefused("SRUP/bea1"), ["NATS", "$MQTT.sub.>"], ["RabbitMQ"]),
            (.refused(code: 4), ["rabbitmqctl add_user bea1", "ssl_cert_login"], ["NATS"]),
            (.refused(code: 5), ["RabbitMQ", "verify_and_map", "CN=bea1"], []),
        ])
    func hints(fault: BrokerFault, has: [String], hasNot: [String]) throws {
        let hint = try #require(engines.hint(for: fault))
        for words in has { #expect(hint.contains(words), "\(hint)") }
        for words in hasNot { #expect(!hint.contains(words), "\(hint)") }
        #expect(engines.hint(for: .closed) == nil && engines.hint(for: .refused(code: 2)) == nil)
    }

    private func doctor(_ address: String?, more: String = "") throws -> Doctor {
        var doctor = Doctor(configurationFile: "", visits: true) { _ in }
        guard let address else { return doctor }
        doctor.status = try StatusViewTests.report(
            servers: #"{"id":"c2","membership":"member","last_sent":1\#(more)}"#,
            broker: #"{"state":"connected","address":"\#(address)"}"#)
        return doctor
    }

    @Test("where the beacon itself is connected, a refused subscription is about the doctor's own client id: a warning")
    func ownClient() throws {
        let configuration = try DoctorChecksTests.configuration()
        let fault = BrokerFault.closedAtSubscribing("SRUP/bea1")
        #expect(try doctor(nil).visitFailed(fault, broker, configuration).verdict == .bad)
        #expect(try doctor("other:8883").visitFailed(fault, broker, configuration).verdict == .bad)
        let result = try doctor("b:8883").visitFailed(fault, broker, configuration)
        #expect(result.verdict == .warning && result.found.contains("-doctor: "), "\(result)")
        #expect(result.hint?.contains("-trial") == true, "\(result)")
        #expect(try doctor("b:8883").visitFailed(.refused(code: 5), broker, configuration).verdict == .bad)
    }

    @Test("a broker that closes the connection for a refused message has taken the messages of a beacon that stays")
    func publishing() throws {
        let configuration = try DoctorChecksTests.configuration()
        #expect(try doctor("b:8883").publishing(broker, configuration, closes: true).verdict == .good)
        let unknown = try doctor("b:8883").publishing(broker, configuration, closes: false)
        #expect(unknown.verdict == .skipped && unknown.hint?.contains("Publish Violation") == true)
        #expect(try doctor(nil).publishing(broker, configuration, closes: true).verdict == .skipped)
        let aside = #","set_aside":{"topic":"SRUP/c2","fault":"it is closed","hint":"allow it","seconds_left":9}"#
        #expect(try doctor("b:8883", more: aside).publishing(broker, configuration, closes: true).verdict == .skipped)
    }
}
