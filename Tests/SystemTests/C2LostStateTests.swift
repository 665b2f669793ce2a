import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A C2 server that was restarted without its state", .blocking)
struct C2LostStateTests {
    @Test(
        "does not know a beacon that considers itself a member; explain reports this, and join --again makes it a member"
    )
    func lostState() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let (server, node) = (Node.c2.topicForm, Node.beacon.topicForm)
        var c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        #expect(c2.end(with: SIGTERM) == 0)

        c2 = try bench.server()
        #expect(try bench.device(link: beacon.linkPath).wait() == 10, "the observer has not joined")
        try c2.hear("the observer has not joined")
        let order = "hint: if the server does not know this beacon, run: srup-beacon join \(server) --again"
        let join = try beacon.command("join")
        #expect(join.status == 1 && join.text.contains("is a member already\n\(order)"), "\(join.text)")
        let resign = try beacon.command("resign")
        #expect(resign.status == 1 && resign.text.contains("--again"), "\(resign.text)")
        let explained = try beacon.command("explain", server)
        #expect(explained.text.contains("did not let this beacon leave"), "\(explained.text)")
        #expect(explained.text.contains("next: \(order.dropFirst(6))"), "\(explained.text)")

        let again = try beacon.command("join", "--again")
        #expect(again.status == 0 && again.text == "server \(Node.c2): joined\n", "\(again.text)")
        try c2.hear("join of \(Node.beacon): accepted")
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
        #expect(try !beacon.command("explain", server).text.contains("did not let"))
        c2.answer("identity \(node)")
        try c2.hear("identification of \(Node.beacon)")
    }
}
