import BootTime
import Testing

@testable import Broker

@Suite("The topics to which a connection subscribes")
struct SubscriptionPlanTests {
    private let now = Instant(.seconds(1_000))

    private func plan(_ optional: String...) -> SubscriptionPlan {
        var plan = SubscriptionPlan(required: ["own"])
        plan.add(optional + ["own"])
        return plan
    }

    /// A connection to a broker that closes it at denied filters.
    /// - Returns: what was requested, and the filter that is found; nil: the connection lasts.
    private func connect(_ plan: inout SubscriptionPlan, denied: String..., at now: Instant) -> ([String], String??) {
        plan.begin()
        var requested: [String] = []
        while true {
            let topics = plan.next(at: now)
            guard !topics.isEmpty else { return (requested, nil) }
            for topic in topics {
                requested.append(topic)
                guard !denied.contains(topic) else { return (requested, .some(plan.ended(isClosing: true, at: now))) }
                plan.answered(topic)
            }
        }
    }

    @Test("all are requested together, and what is added later at once")
    func together() {
        var plan = plan("a", "b")
        plan.begin()
        #expect(plan.next(at: now) == ["own", "a", "b"] && plan.next(at: now) == [] && !plan.isComplete)
        for topic in ["own", "a", "b"] { plan.answered(topic) }
        #expect(plan.isComplete)
        plan.add(["c", "a"])
        #expect(plan.next(at: now) == ["c"] && !plan.isComplete)
    }

    @Test("one at which the broker closes the connection is found and set aside; the others are subscribed to")
    func found() {
        var plan = plan("a", "b", "c")
        var found: [String?] = []
        for _ in 0..<8 {
            let (requested, end) = connect(&plan, denied: "b", at: now)
            guard let end else {
                #expect(Set(requested) == ["own", "a", "c"])
                break
            }
            found.append(end)
        }
        #expect(found == [nil, nil, nil, "b"] && plan.isComplete)
    }

    @Test("one that is set aside is requested again behind the others, after pauses that grow, until it is granted")
    func again() {
        var plan = plan("a", "b")
        for _ in 0..<4 { _ = connect(&plan, denied: "a", at: now) }
        #expect(connect(&plan, denied: "a", at: now + .seconds(59)).0 == ["own", "b"])
        let (requested, end) = connect(&plan, denied: "a", at: now + .seconds(61))
        #expect(requested == ["own", "b", "a"] && end == .some("a"))
        #expect(connect(&plan, denied: "a", at: now + .seconds(180)).0 == ["own", "b"])
        #expect(connect(&plan, at: now + .seconds(182)).0 == ["own", "b", "a"] && plan.isComplete)
        #expect(connect(&plan, at: now).0 == ["own", "a", "b"], "it is as before")
    }

    @Test("one that the link cannot do without is named at each end, and requested each time")
    func required() {
        var plan = plan()
        var found: [String?] = []
        for _ in 0..<4 {
            let (requested, end) = connect(&plan, denied: "own", at: now)
            #expect(requested == ["own"])
            if let end { found.append(end) }
        }
        #expect(found == [nil, "own", "own", "own"])
        #expect(connect(&plan, at: now).0 == ["own"] && plan.isComplete)
    }

    @Test("ends with another reason, and ends after all answers, show nothing")
    func otherEnds() {
        var plan = plan("a")
        for _ in 0..<6 {
            plan.begin()
            #expect(plan.next(at: now) == ["own", "a"])
            #expect(plan.ended(isClosing: false, at: now) == nil)
        }
        for _ in 0..<6 {
            #expect(connect(&plan, at: now).0 == ["own", "a"])
            #expect(plan.ended(isClosing: true, at: now) == nil)
        }
    }

    @Test("one that is withdrawn is not requested any more, and the others are not held up by it")
    func withdrawn() {
        var plan = plan("a", "b")
        plan.begin()
        _ = plan.next(at: now)
        for topic in ["own", "b"] { plan.answered(topic) }
        #expect(!plan.isComplete)
        plan.remove(["a", "own"])
        #expect(plan.isComplete, "what the link cannot do without stays")
        plan.begin()
        #expect(plan.next(at: now) == ["own", "b"])
        plan.add(["a"])
        #expect(plan.next(at: now) == ["a"])
    }
}
