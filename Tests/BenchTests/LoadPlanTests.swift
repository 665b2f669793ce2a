import Bench
import ProofLink
import Testing

@Suite("The plan of a load")
struct LoadPlanTests {
    private static func settings(_ change: (inout LoadPlan.Settings) -> Void = { _ in }) -> LoadPlan.Settings {
        var settings = LoadPlan.Settings()
        (settings.devices, settings.joins, settings.seed) = (7, 200, 5)
        settings.shares = [.falseProof: 0.1, .silent: 0.05, .early: 0.031]
        settings.modes = [.keyed, .challenge]
        change(&settings)
        return settings
    }

    @Test("is the same for the same seed, and another one for another seed")
    func seed() {
        let plan = LoadPlan(LoadPlanTests.settings())
        #expect(plan == LoadPlan(LoadPlanTests.settings()))
        let other = LoadPlan(LoadPlanTests.settings { $0.seed = 6 })
        #expect(plan.joins.map(\.behaviour) != other.joins.map(\.behaviour))
        #expect(plan.joins.map(\.mode) != other.joins.map(\.mode))
    }

    @Test("has exactly the share of each misbehaviour, rounded; the rest is honest")
    func shares() {
        let plan = LoadPlan(LoadPlanTests.settings())
        #expect(plan.count(.falseProof) == 20 && plan.count(.silent) == 10 && plan.count(.early) == 6)
        #expect(plan.count(.honest) == 164 && plan.joins.count == 200)
        #expect(LoadPlan(LoadPlanTests.settings { $0.shares = [.silent: 1] }).count(.silent) == 200)
        #expect(LoadPlan(LoadPlanTests.settings { $0.shares = [.silent: 0.5, .late: 0.5] }).count(.honest) == 0)
    }

    @Test("takes the devices in turn, and each mode for about the same number of joins")
    func turns() {
        let plan = LoadPlan(LoadPlanTests.settings())
        #expect(plan.joins.map(\.device) == (0..<200).map { $0 % 7 })
        let keyed = plan.joins.count { $0.mode == .keyed }
        #expect((60...140).contains(keyed))
        #expect(LoadPlan(LoadPlanTests.settings { $0.modes = [.value] }).joins.allSatisfy { $0.mode == .value })
    }

    @Test("begins joins evenly at a rate, or all at once")
    func pace() {
        let even = LoadPlan(LoadPlanTests.settings { $0.pace = .rate(40) })
        #expect(even.joins[0].at == .zero && even.joins[1].at == .milliseconds(25) && even.joins[40].at == .seconds(1))
        #expect(LoadPlan(LoadPlanTests.settings { $0.pace = .burst }).joins.allSatisfy { $0.at == .zero })
    }

    @Test("knows how a join must end", arguments: LoadBehaviour.allCases)
    func expectations(behaviour: LoadBehaviour) {
        let expected: [LoadBehaviour: DeviceJoin.Outcome] = [
            .falseProof: .refused, .silent: .failed, .wrongID: .failed,
        ]
        #expect(behaviour.expected == expected[behaviour] ?? .joined)
    }
}
