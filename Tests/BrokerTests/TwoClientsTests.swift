import Foundation
import TestVectors
import Testing

@testable import Broker

@Suite("Two clients with one client id", .blocking)
struct TwoClientsTests {
    @Test(
        "each says, after it has lost its connection several times soon after it was made, that another may be using the id"
    )
    func clones() throws {
        try LinkFixture.withBroker { settings, _, _ in
            let clones = [LinkFixture(settings), LinkFixture(settings)]
            defer { for clone in clones { clone.link.stop() } }
            let known = BrokerFault.closedAgainAndAgain(clientID: "b1")
            for _ in 0..<3_000 where !clones.allSatisfy({ $0.told.faults.contains(known) }) { usleep(10_000) }
            for clone in clones {
                #expect(clone.told.faults.contains(known), "\(clone.told.faults.prefix(8))")
            }
            #expect(known.message.contains("another client may be using the client id b1"))
        }
    }
}
