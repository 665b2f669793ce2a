import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

@Suite("A C2 server that was restarted without its state", .blocking)
struct C2LostStateTests {
    @Test("tells a beacon that considers itself a member to join; it does so by itself, and devices are accepted again")
    func byItself() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        var c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        #expect(c2.end(with: SIGTERM) == 0)

        c2 = try bench.server()
        // Ten seconds later, without any device.
        try c2.hear("\(Node.beacon) is not a member, and may believe that it is: JOIN_CMD to it")
        try c2.hear("join of \(Node.beacon): accepted")
        #expect(beacon.says("server \(Node.c2) has told us to join"))
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
        c2.answer("identity \(Node.beacon.topicForm)")
        try c2.hear("identification of \(Node.beacon)")
    }

    @Test("the first device that names such a beacon is refused, and the beacon is told at once")
    func named() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        var c2 = try bench.server()
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        #expect(c2.end(with: SIGTERM) == 0)

        c2 = try bench.server()
        #expect(try bench.device(link: beacon.linkPath).wait() == 10, "the observer has not joined")
        try c2.hear("join of \(Node.beacon): accepted")
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
    }

    @Test("a beacon that obeys no JOIN_CMD is told when it wants to leave; otherwise join --again makes it a member")
    func byHand() throws {
        let network = try Network()
        let bench = C2Bench(network: network)
        let (server, settings) = (Node.c2.topicForm, ["server \(Node.c2.topicForm)": ["join-command = no"]])
        var c2 = try bench.server()
        let beacon = try BeaconProcess(network, settings: settings)
        try beacon.startAndJoin()
        #expect(c2.end(with: SIGTERM) == 0)

        c2 = try bench.server()
        #expect(try bench.device(link: beacon.linkPath).wait() == 10, "the observer has not joined")
        let order = "hint: if the server does not know this beacon, run: srup-beacon join \(server) --again"
        let join = try beacon.command("join")
        #expect(join.status == 1 && join.text.contains("is a member already\n\(order)"), "\(join.text)")
        let again = try beacon.command("join", "--again")
        #expect(again.status == 0 && again.text == "server \(Node.c2): joined\n", "\(again.text)")
        #expect(try bench.device(link: beacon.linkPath).wait() == 0, "\(c2.said)\n\(beacon.logged)")
        #expect(c2.end(with: SIGTERM) == 0)

        c2 = try bench.server()
        let resign = try beacon.command("resign")
        // The second message may be faster than the command sees the first.
        let isTold = resign.status == 0 ? "did not have this beacon as a member" : "--again"
        #expect(resign.text.contains(isTold), "\(resign.text)")
        try c2.hear("TERMINATE_CMD to it")
        try eventually("the beacon knows that it is not a member\n\(beacon.logged)") {
            beacon.membership == "terminated"
        }
    }
}
