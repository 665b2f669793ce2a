import Bench
import SRUP

/// An order of the operator: the console creates it as a value, `C2OrderParser` from a line of text.
public enum C2Order: Equatable, Sendable {
    /// Accept: the device shows the value that was shown here. The mark is the beginning of the join's token T2, so that nobody can
    /// accept a join without having seen its value.
    case accept(Identifier, mark: String)
    /// Refuse: it shows another value, or must not join.
    case refuse(Identifier)
    /// JOIN_CMD.
    case join(Identifier)
    /// TERMINATE_CMD.
    case terminate(Identifier)
    /// DEREGISTER_CMD.
    case deregister(Identifier)
    /// ID_REQUEST.
    case identity(Identifier)
    /// ACTION.
    case action(Identifier, UInt8)
    /// INITIATE: fetch the file at this URL, with this SHA-256.
    case update(Identifier, url: String, digest: [UInt8])
    /// ACTIVATE, under the token of the last INITIATE; without one, under a new token.
    case activate(Identifier)
    /// DATA; at most 65,535 bytes each.
    case data(Identifier, id: Octets, Octets)
    /// Whether the node may observe from now on.
    case observer(Identifier, Bool)
    /// Its sequence ids are forgotten: it has lost them.
    case forget(Identifier)
    /// The update of these nodes, a share of them at a time: 1 to 100 percent.
    case stage([Identifier], url: String, digest: [UInt8], percent: Int)
    /// About the staged update that there is.
    case staged(StagedOrder)
    /// The grade of evidence that is required from now on.
    case require(C2.Grade)
    /// What the operator calls the node, and its site; empty: nothing. At most 64 bytes.
    case name(Identifier, String)
    case site(Identifier, String)
}

extension C2Order {
    /// Whether it decides on a join.
    var isDecision: Bool {
        switch self {
        case .accept, .refuse: true
        case .observer, .require, .join, .terminate, .deregister, .identity, .action, .update, .activate, .data,
            .forget, .stage, .staged, .name, .site:
            false
        }
    }

    /// The node that it is for; nil: the server itself.
    var node: Identifier? {
        switch self {
        case .accept(let node, _), .observer(let node, _), .refuse(let node), .join(let node), .terminate(let node),
            .deregister(let node), .identity(let node), .action(let node, _), .update(let node, _, _),
            .activate(let node), .data(let node, _, _), .forget(let node),
            .name(let node, _), .site(let node, _):
            node
        case .require, .stage, .staged: nil
        }
    }

    /// The line that `C2OrderParser` parses to this order.
    var text: String {
        switch self {
        case .accept(let node, let mark): "accept \(node) \(mark)"
        case .observer(let node, let may): "observer \(node) \(may ? "yes" : "no")"
        case .require(let grade): "require \(grade.rawValue)"
        case .refuse(let node): "refuse \(node)"
        case .join(let node): "join \(node)"
        case .terminate(let node): "terminate \(node)"
        case .deregister(let node): "deregister \(node)"
        case .identity(let node): "identity \(node)"
        case .action(let node, let code):
            "action \(node) " + (Action(rawValue: code)?.word ?? "\(code)")
        case .update(let node, let url, let digest): "update \(node) \(url) \(hexadecimal(digest))"
        case .activate(let node): "activate \(node)"
        case .stage(let nodes, let url, let digest, let percent):
            "stage \(percent)% \(url) \(hexadecimal(digest)) " + nodes.map(\.description).joined(separator: " ")
        case .staged(let order): "stage \(order.rawValue)"
        case .forget(let node): "forget \(node)"
        case .name(let node, let text): "name \(node)" + (text.isEmpty ? "" : " " + text)
        case .site(let node, let text): "site \(node)" + (text.isEmpty ? "" : " " + text)
        case .data(let node, let id, let data): "data \(node) \(readable(id.bytes)) \(hexadecimal(data.bytes))"
        }
    }
}
