import ProofLink

/// Whether devices can open a link to the beacon, as `status` tells it.
public struct ListeningReport: Codable, Equatable, Sendable {
    // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
    package enum State: String, CaseIterable, Codable, Sendable {
        /// On each transport that is on in the configuration.
        case ok
        /// Not on all of them.
        case partly
        /// On none: no device can prove itself.
        case nothing = "none"
    }

    package var state: State
    /// What is wrong, for a person; nil: nothing.
    package var fault: String?
    package var hint: String?

    /// When devices last connected; nil: an older beacon does not tell.
    package var traffic: [TrafficReport]?

    init(of links: [StatusReport.Link], _ traffic: [TrafficReport]) {
        self.traffic = traffic
        let missing = links.filter { $0.state != .listening }
        state = missing.isEmpty ? .ok : missing.count < links.count ? .partly : .nothing
        hint = missing.lazy.compactMap(\.hint).first
        switch state {
        case .ok: fault = nil
        case .partly:
            fault = "not listening on \(Set(missing.map(\.transport.rawValue)).sorted().joined(separator: ", "))"
        case .nothing: fault = "no transport is listened on: no device can prove itself"
        }
    }

    /// For a person.
    package var lines: [String] {
        (fault.map { ["links: \($0)"] + (hint.map { ["  hint: \($0)"] } ?? []) } ?? []) + (traffic ?? []).map(\.text)
    }
}
