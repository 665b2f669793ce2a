import ProofLink
import SRUP
import Testing

@testable import Observing

@Suite("A link that ends without an outcome")
struct LostLinkTests {
    @Test("is reported once, with its device and how it was lost", arguments: LinkLoss.allCases)
    func reported(loss: LinkLoss) {
        var harness = Harness()
        let unnamed = harness.connect().id
        let named = harness.ready(from: stranger)
        for (link, peer, device) in [(unnamed, phone, nil), (named, stranger, device)] {
            harness.journal.links[link] = nil
            #expect(
                harness.handle(.disconnected(link, loss)) == [.report(.lost(link, peer, device: device, loss))])
            #expect(harness.handle(.disconnected(link, loss)).isEmpty)
        }
        #expect(harness.observer.openLinks == 0)
    }

    @Test("is not reported after the beacon has ended it")
    func ended() {
        var harness = Harness()
        harness.ask()
        let link = harness.ready()
        #expect(harness.prove(over: link).outcomes == [link: .valid])
        #expect(harness.handle(.disconnected(link)).isEmpty)
    }
}
