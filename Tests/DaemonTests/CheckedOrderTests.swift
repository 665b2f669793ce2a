import Observing
import OperatorText
import SRUP
import Testing

@testable import Daemon
@testable import Nearby

@Suite("An operator's order about a membership")
struct CheckedOrderTests {
    private let address = NearbyAddress.local(path: "/run/observer")
    private let token = Token(random: Array(0..<16))

    private func check(
        _ line: String, _ membership: Membership? = nil, known: NearbyAddress? = nil,
        _ change: (inout CheckedOrder.Situation) -> Void = { _ in }
    ) throws -> CheckedOrder {
        var entry = Configuration.Server(keyFile: "")
        entry.terms.joinMode = .human
        var situation = CheckedOrder.Situation(
            identity: us, servers: [server: entry], memberships: membership.map { [server: $0] } ?? [:],
            journalFault: nil, awaited: [])
        change(&situation)
        guard case .order(let order, server) = ControlRequest(line: line.replacing("SERVER", with: server.topicForm))
        else {
            Issue.record("\(line) is not an order")
            throw OperatorFault("no order", hint: "correct the test")
        }
        return try CheckedOrder(order, server, in: situation) { _ in known }
    }

    private func refusal(
        _ line: String, _ membership: Membership? = nil, _ change: (inout CheckedOrder.Situation) -> Void = { _ in }
    ) throws -> String {
        let fault = try #require(throws: OperatorFault.self) { try check(line, membership, change) }
        expectGood(fault)
        return fault.message
    }

    @Test("a join uses the mode that the operator gives, or the configured one")
    func manners() throws {
        #expect(try check("join SERVER configured").action == .join(.human, again: false))
        #expect(try check("join SERVER simple").action == .join(.simple, again: false))
        #expect(try check("join SERVER human", .refused).action == .join(.human, again: false))
        #expect(try check("join-again SERVER simple", .member).action == .join(.simple, again: true))
        #expect(try check("join-again SERVER simple").action == .join(.simple, again: true))
    }

    @Test("an observed join needs another beacon and its address")
    func observed() throws {
        let line = "join SERVER observed \(device.topicForm)"
        #expect(try refusal(line) == "where the observer is near by is not known")
        let known = try check(line, known: address)
        #expect(known.action == .join(.observed(by: device), again: false) && known.observerAddress == nil)
        let told = try check("\(line) \(address.optionForm)")
        #expect(told.action == .join(.observed(by: device), again: false) && told.observerAddress == address)
        for observer in [us.topicForm, "nobody", ""] {
            #expect(try refusal("join SERVER observed \(observer)") == "the observer is not another beacon")
        }
    }

    @Test("a value that is being shown stays, unless another join mode is requested")
    func presenting() throws {
        #expect(try check("join SERVER human", .presenting(token, .human)).action == nil)
        #expect(try check("join SERVER simple", .presenting(token, .human)).action == .join(.simple, again: false))
    }

    @Test("a member does not join, but may ask again unless it has asked to leave")
    func members() throws {
        for membership in [Membership.member, .resigning(token), .deregistering(token)] {
            #expect(
                try refusal("join SERVER simple", membership) == "server \(server): this beacon is a member already")
        }
        #expect(
            try refusal("join-again SERVER simple", .resigning(token))
                == "server \(server): this beacon's request to leave is not answered yet")
    }

    @Test("only a member can leave")
    func leaving() throws {
        #expect(try check("resign SERVER", .member).action == .resign)
        #expect(try check("deregister SERVER", .resigning(token)).action == .deregister)
        for order in ["resign SERVER", "deregister SERVER"] {
            for membership in [Membership.stranger, .joining(token), .resigned, .refused] {
                #expect(try refusal(order, membership) == "server \(server): this beacon is not a member")
            }
        }
    }

    @Test("an order is refused if it cannot be recorded, names an unknown server, or is of another version")
    func notNow() throws {
        #expect(
            try refusal("join SERVER simple") { $0.servers = [:] } == "\(server) is not a server in the configuration")
        #expect(try refusal("join SERVER simple") { $0.journalFault = "the disk is full" } == "the disk is full")
        #expect(
            try refusal("resign SERVER", .member) { $0.awaited = [server] }
                == SequenceStarts.finding)
    }
}
