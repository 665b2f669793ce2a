import Synchronization

// What the broker grants: on the link's thread.
extension BrokerLink {
    /// The filters that were added since the last call.
    func takeAdded() -> [String] {
        shared.withLock { shared in
            defer { shared.added = [] }
            return shared.added
        }
    }

    /// What the broker has granted. A filter that the link cannot do without must be granted as requested: with QoS 0 the broker keeps
    /// nothing while we are away, and loses what a connection loses.
    func note(
        _ grants: [(topic: String, qos: UInt8)], _ subscriptions: inout SubscriptionPlan
    ) throws(BrokerFault) {
        for (topic, qos) in grants {
            subscriptions.answered(topic)
            guard qos != 1 && qos != 2 else { continue }
            let fault: BrokerFault = qos == 0 ? .subscriptionLowered(topic) : .subscriptionRefused(topic)
            guard !subscriptions.required.contains(topic) else { throw fault }
            happened(.notSubscribed(fault))
        }
    }
}
