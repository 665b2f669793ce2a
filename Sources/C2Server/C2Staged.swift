import BootTime
import OperatorText
import SRUP

/// An update of many nodes in stages: the next share of them begins when every node of the one before runs the new version. The
/// first failure stops it, and a person decides how it goes on.
public struct StagedUpdate: Equatable, Sendable {
    /// How far it is.
    public enum Phase: String, CaseIterable, Codable, Sendable {
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case running
        /// A node has failed: nothing more is sent.
        case stopped
        // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
        case cancelled, finished
    }

    /// How far one node is.
    public enum Progress: Hashable, Sendable {
        /// Its stage has not begun, or too many of it are under way.
        case waiting
        /// INITIATE was sent.
        case fetching
        /// It has the file, and ACTIVATE was not sent, since the update has stopped.
        case fetched
        /// ACTIVATE was sent.
        case activating
        /// It runs the new version.
        case updated
        /// Why it does not.
        case failed(String)
        /// It has failed, and the update goes on without it.
        case leftOut(String)
    }

    /// Bounds: on the nodes, and on those that are under way at a time, since each waits in the table of commands.
    static let (mostNodes, mostUnderWay) = (10_000, 256)
    /// How long a node may take to fetch the file, and to come up with it: longer than a beacon's own limits, 3,600 s and 600 s.
    static let (fetchLimit, activationLimit) = (Duration.seconds(4_200), Duration.seconds(1_200))

    /// Of the file.
    let url: String
    /// SHA-256.
    let digest: [UInt8]
    /// The share of the nodes in one stage, 1 to 100.
    let percent: Int
    /// In the order in which they are updated; each once.
    let nodes: [Identifier]
    var phase = Phase.running
    /// The stage that is under way, from 0.
    var stage = 0
    var progress: [Identifier: Progress]
    /// The token of INITIATE and ACTIVATE.
    var tokens: [Identifier: Token] = [:]

    init(url: String, digest: [UInt8], percent: Int, nodes: [Identifier]) {
        (self.url, self.digest, self.percent, self.nodes) = (url, digest, percent, nodes)
        progress = Dictionary(nodes.map { ($0, .waiting) }) { one, _ in one }
    }

    /// Nodes in one stage: the share of all, rounded up.
    var size: Int { max(1, (nodes.count * percent + 99) / 100) }
    var stages: Int { (nodes.count + size - 1) / size }
    /// The nodes of the stage that is under way.
    var current: ArraySlice<Identifier> { nodes.dropFirst(stage * size).prefix(size) }

    func count(_ isOne: (Progress) -> Bool) -> Int { progress.values.count(where: isOne) }

    /// The nodes that have failed, with the reasons, in order.
    var failures: [(node: Identifier, reason: String)] {
        nodes.compactMap { node in
            switch progress[node] {
            case .failed(let reason), .leftOut(let reason): (node, reason)
            case .waiting, .fetching, .fetched, .activating, .updated, nil: nil
            }
        }
    }

    /// For a person: one line.
    var text: String {
        "staged update to \(withoutSecrets(address: url)): \(phase.rawValue), stage \(min(stage + 1, stages)) of \(stages), "
            + "\(count { $0 == .updated }) of \(nodes.count) updated, \(count(\.isUnderWay)) under way, \(failures.count) failed"
    }
}

extension StagedUpdate.Progress {
    /// Whether an answer of the node is waited for.
    var isUnderWay: Bool {
        switch self {
        case .fetching, .activating: true
        case .waiting, .fetched, .updated, .failed, .leftOut: false
        }
    }

    /// Whether the next stage need not wait for it.
    var isDone: Bool {
        switch self {
        case .updated, .leftOut: true
        case .waiting, .fetching, .fetched, .activating, .failed: false
        }
    }
}

/// What the operator orders about the staged update that there is.
public enum StagedOrder: String, CaseIterable, Equatable, Sendable {
    /// Tell how far it is.
    case show
    /// Go on without the nodes that have failed.
    case `continue`
    /// End it: nothing more is sent.
    case cancel
}
