import Fetching
import OperatorText
import Synchronization
import Testing

@testable import Enrolling

@Suite("A registration service that is busy")
struct BusyWaitingTests {
    /// The replies of a service, the waits of its client, and what the client says.
    private final class Stage: Sendable {
        let replies: Mutex<[Result<HTTPReply, HTTPFault>]>
        let waits = Mutex<[Double]>([])
        let said = Mutex<[String]>([])

        init(_ replies: [Result<HTTPReply, HTTPFault>]) { self.replies = Mutex(replies) }

        /// - Parameter fraction: in place of a random one.
        func registry(limit: Int, fraction: Double) -> Registry {
            let busy = BusyWaiting(
                limit: limit, say: { line in self.said.withLock { $0.append(line) } },
                sleep: { seconds in self.waits.withLock { $0.append(seconds) } }, fraction: { fraction })
            return Registry { _ throws(HTTPFault) in
                try self.replies.withLock { $0.isEmpty ? .success(Stage.good) : $0.removeFirst() }.get()
            }.waiting(busy)
        }

        static let good = HTTPReply(status: 200, body: Array(#"{"active": true, "identity": "5e"}"#.utf8))
    }

    private func busy(_ seconds: Int?, status: Int = 429) -> Result<HTTPReply, HTTPFault> {
        .success(HTTPReply(status: status, body: [], retryAfter: seconds))
    }

    @Test("is asked again after the time that it says and a random part more, and that is said", arguments: [429, 503])
    func waits(status: Int) throws {
        for (fraction, expected) in [(0.0, [12.0, 2.0]), (1.0, [15.0, 3.0])] {
            let stage = Stage([busy(12, status: status), busy(2, status: status)])
            #expect(try stage.registry(limit: 60, fraction: fraction).activeName() == "5e")
            #expect(stage.waits.withLock { $0 } == expected)
            #expect(
                stage.said.withLock { $0 }
                    == expected.map { "the registry is busy; trying again in \(Int($0)) s" })
        }
    }

    @Test("is not asked before the time is over, however long that is")
    func longSleep() {
        var parts: [UInt32] = []
        BusyWaiting.sleep(10_000.5) { parts.append($0) }
        #expect(parts == [4_000_000_000, 4_000_000_000, 2_000_500_000])
    }

    @Test("that does not say how long is asked after growing times, up to a minute")
    func unsaid() throws {
        let stage = Stage(Array(repeating: busy(nil), count: 6))
        #expect(try stage.registry(limit: 600, fraction: 1).activeName() == "5e")
        #expect(stage.waits.withLock { $0 } == [4, 8, 16, 32, 60, 60])
    }

    @Test("is given up once the next wait would exceed the limit, with its refusal and what to do")
    func limit() throws {
        let stage = Stage([busy(40), busy(40), busy(40)])
        let fault = #expect(throws: OperatorFault.self) {
            try stage.registry(limit: 100, fraction: 0).activeName()
        }
        #expect(stage.waits.withLock { $0 } == [40, 40])
        #expect(fault?.message.contains("answers status with 429") == true)
        let hint = fault?.hint(for: .beacon) ?? ""
        #expect(hint.hasPrefix("wait 40 seconds, then run the same command again"), "\(hint)")
        #expect(hint.contains("srup-bench registry run --help"), "\(hint)")
        let never = Stage([busy(1)])
        #expect(throws: OperatorFault.self) { try never.registry(limit: 0, fraction: 0).activeName() }
        #expect(never.waits.withLock { $0.isEmpty })
    }

    @Test("or that ends connections is asked again, ever later, but not permanently; other faults are not repeated")
    func interrupted() throws {
        let stage = Stage([.failure(.interrupted("x")), .failure(.interrupted("x")), busy(3)])
        #expect(try stage.registry(limit: 60, fraction: 1).activeName() == "5e")
        #expect(stage.waits.withLock { $0 } == [0.5, 1, 4])
        #expect(stage.said.withLock { $0[0] } == "the registry has ended the connection; trying again in 1 s")
        let broken = Stage(Array(repeating: .failure(.interrupted("x")), count: 30))
        #expect(throws: OperatorFault.self) { try broken.registry(limit: 900, fraction: 0).activeName() }
        #expect(broken.waits.withLock { $0.count } == 9)
        let unknown = Stage([.failure(.unknownHost("x"))])
        #expect(throws: OperatorFault.self) { try unknown.registry(limit: 900, fraction: 0).activeName() }
        #expect(unknown.waits.withLock { $0.isEmpty })
    }
}
