import ProofLink

/// How a simulated device behaves in a join.
public enum LoadBehaviour: String, CaseIterable, Codable, Sendable {
    /// As docs/proof-link.md wants it.
    case honest
    /// Presents a proof whose tag is wrong, once; in value mode another value.
    case falseProof = "false"
    /// Never opens a link.
    case silent
    /// Opens its link first, and asks the server only when the beacon says WAIT.
    case early
    /// Opens its link some time after its request.
    case late
    /// Speaks on the link in the name of another device.
    case wrongID = "wrong-id"
    /// Drops its first link when it is challenged, and goes on honestly.
    case dropped

    /// How the join must end.
    public var expected: DeviceJoin.Outcome {
        switch self {
        case .honest, .early, .late, .dropped: .joined
        case .falseProof: .refused
        case .silent, .wrongID: .failed
        }
    }
}

/// Which device joins when and how, as a value: the same settings and the same seed give the same plan.
public struct LoadPlan: Equatable, Sendable {
    /// When joins begin.
    public enum Pace: Equatable, Sendable {
        /// All at once.
        case burst
        /// So many a second, evenly.
        case rate(Double)
    }

    /// What a plan is made of.
    public struct Settings: Equatable, Sendable {
        /// Bound on the devices: each has a connection and, while it joins, a link.
        public static let mostDevices = 10_000
        /// Bound on the joins.
        public static let mostJoins = 1_000_000
        /// Joins a second; more than any machine that we know takes.
        public static let rates = 0.001...10_000.0

        /// How many devices.
        public var devices = 1
        /// How many joins, which the devices begin in turn.
        public var joins = 1
        /// When they begin.
        public var pace = Pace.rate(1)
        /// The part of the joins with each misbehaviour, 0 to 1; the rest is honest.
        public var shares: [LoadBehaviour: Double] = [:]
        /// The modes, each for about the same number of joins. At least one.
        public var modes: [Mode] = [.keyed]
        /// Of the generator.
        public var seed: UInt64 = 1

        /// One honest join of one device, in keyed mode.
        public init() {}
    }

    /// One join.
    public struct Join: Equatable, Sendable {
        /// From 0.
        public var number: Int
        /// The place of its device.
        public var device: Int
        /// How the device behaves.
        public var behaviour: LoadBehaviour
        /// The mode of its proof.
        public var mode: Mode
        /// When it begins, since the first.
        public var at: Duration
    }

    /// What it was made of.
    public let settings: Settings
    /// In the order in which they begin.
    public let joins: [Join]

    /// A plan. The number of joins with each misbehaviour is its share, rounded; which joins they are is chosen by the generator.
    /// - Precondition: settings within their bounds; shares of 1 at most together.
    public init(_ settings: Settings) {
        precondition(settings.devices >= 1 && settings.joins >= 1 && !settings.modes.isEmpty, "\(settings)")
        var random = SeededRandom(seed: settings.seed)
        var behaviours = LoadBehaviour.allCases.flatMap { behaviour in
            let share = settings.shares[behaviour] ?? 0
            return Array(repeating: behaviour, count: Int((share * Double(settings.joins)).rounded()))
        }
        behaviours = Array(behaviours.prefix(settings.joins))
        behaviours += Array(repeating: .honest, count: settings.joins - behaviours.count)
        behaviours.shuffle(using: &random)
        self.settings = settings
        joins = behaviours.enumerated().map { number, behaviour in
            let mode = settings.modes.count == 1 ? settings.modes[0] : settings.modes.randomElement(using: &random)
            let at: Duration =
                switch settings.pace {
                case .burst: .zero
                case .rate(let rate): .nanoseconds(Int64(Double(number) / rate * 1e9))
                }
            return Join(
                number: number, device: number % settings.devices, behaviour: behaviour,
                mode: mode ?? settings.modes[0], at: at)
        }
    }

    /// How many joins behave so.
    public func count(_ behaviour: LoadBehaviour) -> Int { joins.count { $0.behaviour == behaviour } }
}
