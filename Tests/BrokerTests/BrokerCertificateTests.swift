import Testing

@testable import Broker

@Suite("The broker's certificate", .blocking)
struct BrokerCertificateTests {
    @Test("its end is known once the broker is connected, as TLS has shown it, and not before")
    func end() throws {
        try LinkFixture.withBroker { settings, _, _ in
            let broker = settings.brokers[0]
            let shown = try broker.shakeHands(settings.tls, AddressRace(["127.0.0.1"]))
            let idle = BrokerLink(settings, deliver: { _ in true }, happened: { _ in })
            #expect(idle.brokerCertificates.isEmpty)
            let fixture = LinkFixture(settings)
            _ = fixture.waitForConnection()
            #expect(fixture.link.brokerCertificates == [broker: shown.notAfter])
            fixture.link.stop()
        }
    }
}
