import Synchronization

// What the broker grants: on the link's thread, unless it says otherwise.
extension BrokerLink {
    /// Requests one of the added filters no more, over this connection and all later ones. A subscription that the broker has granted stays
    /// in its session. From any thread.
    public func withdraw(_ topic: String) {
        shared.withLock { shared in
            shared.added.removeAll { $0 == topic }
            shared.withdrawn.append(topic)
        }
        wake()
    }

    /// Takes over the filters that were added and withdrawn since the last call.
    func updateFilters(_ subscriptions: inout SubscriptionPlan) {
        let (added, withdrawn) = shared.withLock { shared in
            defer { (shared.added, shared.withdrawn) = ([], []) }
            return (shared.added, shared.withdrawn)
        }
        if !withdrawn.isEmpty { subscriptions.remove(withdrawn) }
        if !added.isEmpty { subscriptions.add(added) }
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
