import OperatorText
import ProofLink

extension Configuration {
    /// What does not keep the beacon from starting, and keeps devices from being accepted.
    package var warnings: [OperatorFault] {
        let silent = Transport.allCases.filter { transport in
            !transport.reportsSignal && listeners.contains { $0.address.transport == transport }
        }
        guard policy.minimumSignal != nil, !silent.isEmpty else { return [] }
        let names = silent.map(\.rawValue)
        return [
            OperatorFault(
                "[link] min-rssi is set, and there is no signal strength on \(names.joined(separator: ", ")): "
                    + "every proof over \(names.count > 1 ? "them" : "it") is too far",
                hint: "set \(names.map { "\($0) = off" }.joined(separator: ", ")) in [link], or min-rssi = off")
        ]
    }
}
