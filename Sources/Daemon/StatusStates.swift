import Observing
import ProofLink

// In the status report by its name in the configuration.
extension Transport: Codable {}

// The states in the status report. Their raw values are the words of its JSON; a subcommand compares the cases.
extension StatusReport {
    /// Our membership state at a server.
    public enum MembershipState: RawRepresentable, Codable, Equatable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case known(Membership.State)
        /// The journal cannot be read, or does not have the server yet.
        case unknown

        /// The state that the JSON names so; nil: there is none.
        public init?(rawValue: String) {
            if rawValue == MembershipState.unknown.rawValue {
                self = .unknown
            } else if let state = Membership.State(rawValue: rawValue) {
                self = .known(state)
            } else {
                return nil
            }
        }

        /// The state's name in the JSON.
        public var rawValue: String {
            switch self {
            case .known(let state): state.rawValue
            case .unknown: "unknown"
            }
        }
    }

    /// Whether a broker is connected.
    package enum BrokerState: String, CaseIterable, Codable, Sendable {
        case connecting, connected, lost
    }

    /// Whether the journal can be written.
    package enum JournalCondition: String, CaseIterable, Codable, Sendable {
        case ok, full, failing
    }

    /// Whether a transport is listened on.
    package enum ListenerState: RawRepresentable, Codable, Equatable, Sendable {
        case listening
        /// Not opened yet.
        case closed
        /// Why it is not listened on, for a person.
        case failed(String)

        package init(rawValue: String) {
            self = [.listening, .closed].first { $0.rawValue == rawValue } ?? .failed(rawValue)
        }

        package var rawValue: String {
            switch self {
            case .listening: "listening"
            case .closed: "closed"
            case .failed(let fault): fault
            }
        }
    }
}

extension RadioReport {
    /// The radio as a whole.
    package enum Condition: RawRepresentable, Codable, Equatable, Sendable {
        case ok
        /// What is missing, for a person.
        case lacking(String)

        package init(rawValue: String) { self = rawValue == Condition.ok.rawValue ? .ok : .lacking(rawValue) }

        package var rawValue: String {
            switch self {
            case .ok: "ok"
            case .lacking(let what): what
            }
        }
    }

    /// One adapter.
    package enum AdapterState: RawRepresentable, Codable, Equatable, Sendable {
        case ready(isAdvertising: Bool)
        /// What it is instead, for a person.
        case other(String)

        package init(rawValue: String) {
            let ready = [true, false].map { AdapterState.ready(isAdvertising: $0) }
            self = ready.first { $0.rawValue == rawValue } ?? .other(rawValue)
        }

        package var rawValue: String {
            switch self {
            case .ready(isAdvertising: true): "ready, advertising"
            case .ready(isAdvertising: false): "ready"
            case .other(let state): state
            }
        }

        package var isReady: Bool {
            switch self {
            case .ready: true
            case .other: false
            }
        }
    }
}
