import Fetching
import Glibc
import OperatorText

/// How a client goes on asking a registration service that is busy: it waits as long as the service says (Retry-After), and a random
/// part more, and it gives up after a time. All requests of an enrolment, a renewal and a rotation can be repeated (docs/registry.md).
public struct BusyWaiting: Sendable {
    /// Seconds that one request may wait in all, for an operator who is there, and for a service with the usual limits that 1,000
    /// enrolments from one address keep busy.
    public static let usual = 900
    /// What is accepted for it.
    public static let bounds = 0...86_400

    private let limit: Double
    private let say: @Sendable (String) -> Void
    private let sleep: @Sendable (Double) -> Void
    private let fraction: @Sendable () -> Double

    /// Seconds before a repetition where the service does not say how many: doubled after each one, up to the last.
    private static let unsaid = (first: 4.0, last: 60.0)
    /// Seconds before a repetition after an interrupted connection, likewise, and how many connections in a row may be interrupted.
    private static let interrupted = (first: 0.5, last: 30.0, most: 9)
    /// The part of the time that the service says, by which a client may come later.
    private static let jitter = 0.25

    /// - Parameters:
    ///   - limit: seconds that one request may wait in all; 0: it is not repeated.
    ///   - say: takes a line for each pause.
    public init(limit: Int, say: @escaping @Sendable (String) -> Void) {
        self.init(
            limit: limit, say: say, sleep: { usleep(UInt32(min($0, 4_000) * 1_000_000)) },
            fraction: { .random(in: 0...1) })
    }

    /// - Parameters:
    ///   - sleep: waits that many seconds.
    ///   - fraction: random, 0 to 1.
    init(
        limit: Int, say: @escaping @Sendable (String) -> Void, sleep: @escaping @Sendable (Double) -> Void,
        fraction: @escaping @Sendable () -> Double
    ) {
        (self.limit, self.say, self.sleep, self.fraction) = (Double(limit), say, sleep, fraction)
    }

    /// One request, repeated as long as that may help.
    /// - Returns: the first reply of a service that is not busy; otherwise the last one.
    func answer(
        _ ask: () throws(HTTPFault) -> HTTPReply
    ) throws(HTTPFault) -> HTTPReply {
        var (waited, refusals, interruptions) = (0.0, 0, 0)
        while true {
            let pause: Double
            let cause: String
            do throws(HTTPFault) {
                let reply = try ask()
                guard reply.isBusy else { return reply }
                interruptions = 0
                pause = self.pause(reply, after: refusals)
                guard waited + pause <= limit else { return reply }
                refusals += 1
                cause = "the registry is busy"
            } catch {
                guard case .interrupted = error, interruptions < BusyWaiting.interrupted.most else { throw error }
                let bound = min(
                    BusyWaiting.interrupted.first * Double(1 << interruptions), BusyWaiting.interrupted.last)
                pause = bound / 2 + bound / 2 * fraction()
                guard waited + pause <= limit else { throw error }
                interruptions += 1
                cause = "the registry has ended the connection"
            }
            say("\(cause); trying again in \(Int(pause.rounded(.up))) s")
            sleep(pause)
            waited += pause
        }
    }

    /// Seconds before the next repetition: never fewer than the service says.
    private func pause(_ reply: HTTPReply, after refusals: Int) -> Double {
        guard let told = reply.retryAfter.map(Double.init) else {
            let bound = min(BusyWaiting.unsaid.first * Double(1 << min(refusals, 10)), BusyWaiting.unsaid.last)
            return bound / 2 + bound / 2 * fraction()
        }
        return told + max(1, told * BusyWaiting.jitter) * fraction()
    }
}

extension HTTPReply {
    /// Whether the service wants to be asked again later.
    fileprivate var isBusy: Bool { status == 429 || status == 503 }
}

extension Registry {
    /// The same service, whose busy replies are waited for.
    public func waiting(_ busy: BusyWaiting) -> Registry {
        let ask = ask
        return Registry(at: host) { question throws(HTTPFault) in
            try busy.answer { () throws(HTTPFault) in try ask(question) }
        }
    }
}
