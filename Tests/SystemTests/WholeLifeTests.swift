import Foundation
import SRUP
import SystemSupport
import TestVectors
import Testing

/// Both real commands: the beacon, and the bench kit's C2 with the test as its operator.
@Suite("A beacon's life at the bench kit's C2", .blocking)
struct WholeLifeTests {
    let network: Network

    init() throws { network = try Network() }

    private func c2(_ arguments: String...) throws -> Dialogue {
        let (folder, id) = (network.folder, Node.c2.topicForm)
        // Keys of their own folder: the keyring takes every public key that it finds.
        let common = [
            "c2", "--id", id, "--key", "\(folder)/\(id).key.pem", "--keyring", folder, "--broker",
            "localhost:\(network.port)", "--ca", "\(folder)/ca.pem", "--cert", "\(folder)/\(id).cert.pem", "--tls-key",
            "\(folder)/\(id).tls.key", "--orders", "--observer", Node.beacon.topicForm,
        ]
        let talk = try Dialogue(Network.products + "/srup-bench", common + arguments)
        try talk.hear("c2: ready")
        return talk
    }

    @Test("human-moderated join, orders, resign, JOIN_CMD by the operator, and deregistration")
    func life() throws {
        let beacon = try BeaconProcess(network, settings: ["server \(Node.c2.topicForm)": ["join = no"]])
        try beacon.start()
        try eventually("the beacon is connected") { beacon.brokerState == "connected" }
        let operatorOfC2 = try c2()
        let id = Node.beacon.topicForm

        // Refused once and accepted once, each time with the same value at both ends.
        for (order, status, told) in [
            ("refuse", Int32(1), "a person at server \(Node.c2) refused this join"), ("accept", 0, "joined"),
        ] {
            let verb = try Verb(beacon, "join", "--human")
            var shown = ""
            try eventually("the same words at both ends\n\(verb.said)\n\(operatorOfC2.said)") {
                let lines = operatorOfC2.said.split(separator: "\n")
                guard
                    let start = lines.lastIndex(where: {
                        $0.contains("compare for \(Node.beacon), words, view 1 of 4:")
                    })
                else {
                    return false
                }
                shown = lines[start...].dropFirst().prefix(3).joined(separator: "\n")
                return shown.split(whereSeparator: \.isWhitespace).count == 11 && verb.said.contains(shown)
            }
            let wanted = "same: accept \(id) "
            try operatorOfC2.hear(wanted)
            if order == "accept" {
                operatorOfC2.answer("accept \(id)")
                try operatorOfC2.hear("does not name the join's mark")
                operatorOfC2.answer("accept \(id) 00000000")
                try operatorOfC2.hear("this mark does not belong to the open join")
            }
            let mark = operatorOfC2.said.ranges(of: wanted).last.map { operatorOfC2.said[$0.upperBound...].prefix(8) }
            operatorOfC2.answer("\(order) \(id)" + (order == "accept" ? " \(mark ?? "")" : ""))
            #expect(verb.child.wait() == status && verb.said.contains(told), "\(verb.said)")
            #expect(verb.said.contains("(words, view 1 of 4)") && !verb.said.contains("ask the operator"))
        }
        #expect(beacon.membership == "member")

        operatorOfC2.answer("identity \(id)")
        try operatorOfC2.hear(#""product":"srup-beacon""#)
        operatorOfC2.answer("group gate \(id)")
        operatorOfC2.answer("action @gate pause")
        try operatorOfC2.hear("the answer to action 0x01 of \(Node.beacon): action success")
        operatorOfC2.answer("action @gate 99")
        try operatorOfC2.hear("the answer to action 0x63 of \(Node.beacon): action unknown")
        operatorOfC2.answer("sing")
        try operatorOfC2.hear("unknown command \"sing\"")

        operatorOfC2.answer("terminate \(id)")
        try eventually("it is let go") { beacon.membership == "terminated" }
        operatorOfC2.answer("join \(id)")
        try eventually("it is called back") { beacon.membership == "member" }
        #expect(try beacon.command("resign").status == 0)
        #expect(beacon.membership == "resigned")
        #expect(try beacon.command("join", "--simple").status == 0)
        #expect(try beacon.command("deregister", "--yes").status == 0)
        try eventually("it ends") { !beacon.isRunning }
        try operatorOfC2.hear("asks to be deregistered: deregister success")
        #expect(operatorOfC2.end(with: SIGTERM) == 0)
    }

    @Test("a beacon joins with another beacon as its observer; without one nearby it does not join")
    func beforeAnotherBeacon() throws {
        let (folder, id) = (network.folder, Node.second.topicForm)
        let c2 = try c2("--window", "4")
        let observer = try BeaconProcess(network)
        try observer.startAndJoin()
        func joining(at path: String) throws -> BeaconProcess {
            try BeaconProcess(
                network, name: "joining",
                settings: [
                    "beacon": ["identity = \(id)", "key = \(folder)/\(id).key.pem"],
                    "broker": ["certificate = \(folder)/\(id).cert.pem", "key = \(folder)/\(id).tls.key"],
                    "server \(Node.c2.topicForm)": [
                        "join = observed", "observer = \(Node.beacon.topicForm)", "observer-address = local:\(path)",
                    ],
                ])
        }
        let away = try joining(at: folder + "/nobody-here")
        try away.start()
        try c2.hear("observed join of \(Node.second) by \(Node.beacon): failed")
        try eventually("it is told") { away.membership == "refused" }
        away.stop()
        let near = try joining(at: observer.linkPath)
        try near.start()
        try c2.hear("observed join of \(Node.second) by \(Node.beacon): accepted")
        try eventually("it is a member\n\(near.logged)") { near.membership == "member" }
        #expect(observer.history.first?["verdict"] as? String == "valid")
    }

    @Test("a beacon that is kept cannot resign; one that may only join in another mode is refused")
    func policy() throws {
        let id = Node.beacon.topicForm
        let keeper = try c2("--keep", id, "--allow", "\(id)=simple")
        let beacon = try BeaconProcess(network)
        try beacon.startAndJoin()
        let resign = try beacon.command("resign")
        #expect(resign.status == 1 && resign.text.contains("does not let this beacon resign"))
        #expect(beacon.membership == "member")
        keeper.answer("terminate \(id)")
        try eventually("it is let go") { beacon.membership == "terminated" }
        let join = try beacon.command("join", "--human")
        #expect(join.status == 1 && join.text.contains("does not let this beacon join"))
        try keeper.hear("the policy does not allow it a join of the mode human")
    }
}
