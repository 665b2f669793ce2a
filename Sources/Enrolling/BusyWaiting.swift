import Fetching
import Glibc
import OperatorText

/// How a client goes on asking a registration service that is busy: it waits as long as the service says (Retry-After), and a random
/// part more, and it gives up after a time. All requests of an enrolment, a renewal and a rotation can be repeated (docs/registry.md).
public struct BusyWaiting: Sendable {
    /// Seconds that one request may wait in all. Another client may take the place of one that comes at its moment: of 1,000 enrolments that
    /// begin at once at one address, with the usual limits, some requests wait for almost an hour.
    public static let usual = 7_200
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
            limit: limit, say: say, sleep: { BusyWaiting.sleep($0) { usleep($0) } }, fraction: { .random(in: 0...1) })
    }

    /// Waits so many seconds, with calls that take microseconds in 32 bits.
    static func sleep(_ seconds: Double, _ wait: (UInt32) -> Void) {
        var left = seconds
        while left > 0 {
            let part = min(left, 4_000)
            wait(UInt32(part * 1_000_000))
            left -= part
        }
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
        var course = Course()
        while true {
            let outcome: Result<HTTPReply, HTTPFault>
            do throws(HTTPFault) { outcome = .success(try ask()) } catch { outcome = .failure(error) }
            guard let (pause, cause) = pause(after: outcome, &course) else { return try outcome.get() }
            say("\(cause); trying again in \(Int(pause.rounded(.up))) s")
            sleep(pause)
        }
    }

    /// What has become of a request so far.
    struct Course {
        /// Seconds.
        fileprivate(set) var waited = 0.0
        fileprivate var (refusals, interruptions) = (0, 0)
    }

    /// Seconds before the next repetition, and why; nil: the outcome is the last one.
    func pause(
        after outcome: Result<HTTPReply, HTTPFault>, _ course: inout Course
    ) -> (seconds: Double, cause: String)? {
        let next: (seconds: Double, cause: String)
        switch outcome {
        case .success(let reply) where reply.isBusy:
            course.interruptions = 0
            next = (pause(reply, after: course.refusals), "the registry is busy")
            course.refusals += 1
        case .failure(.interrupted) where course.interruptions < BusyWaiting.interrupted.most:
            let doubled = BusyWaiting.interrupted.first * Double(1 << course.interruptions)
            let bound = min(doubled, BusyWaiting.interrupted.last)
            next = (bound / 2 + bound / 2 * fraction(), "the registry has ended the connection")
            course.interruptions += 1
        case .success, .failure: return nil
        }
        guard course.waited + next.seconds <= limit else { return nil }
        course.waited += next.seconds
        return next
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
