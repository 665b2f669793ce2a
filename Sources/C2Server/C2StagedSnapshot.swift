import OperatorText
import SRUP

extension C2Snapshot {
    /// A staged update, for the console.
    public struct Staged: Codable, Equatable, Sendable {
        /// A node that has failed.
        public struct Failure: Codable, Equatable, Sendable {
            /// Its identity.
            public var node: Identifier
            /// Why.
            public var reason: String
        }

        /// Of the file, without what may be secret in it.
        public var url: String
        /// How far it is.
        public var phase: StagedUpdate.Phase
        /// The stage that is under way, from 1, and how many there are.
        public var stage, stages: Int
        /// Nodes in all; those that run the new version; those that are fetching or activating it.
        public var nodes, updated, underWay: Int
        /// The first 20 that have failed.
        public var failures: [Failure]
        /// As one line.
        public var text: String
    }
}

extension C2 {
    /// nil: there was none.
    var shownStaged: C2Snapshot.Staged? {
        staged.map { update in
            C2Snapshot.Staged(
                url: withoutSecrets(address: update.url), phase: update.phase,
                stage: min(update.stage + 1, update.stages), stages: update.stages, nodes: update.nodes.count,
                updated: update.count { $0 == .updated }, underWay: update.count(\.isUnderWay),
                failures: update.failures.prefix(20).map { .init(node: $0.node, reason: $0.reason) }, text: update.text)
        }
    }
}
