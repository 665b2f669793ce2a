import Bench
import Broker
import OperatorText
import SRUP

// Which topics the server listens to. One filter for all nodes costs the broker one subscription, and 2,501 cost a cluster half a
// minute. It brings what nodes say to other servers as well, which is dropped by the topic and the sender: C2ServerKeys.swift.
extension C2Server {
    /// The filter of what all nodes publish.
    static let everyNode = "SRUP/+"

    /// The filter of what a node publishes.
    static func topic(of node: Identifier) -> String { Topic.of(device: node) + "/#" }

    /// A filter was not granted. Without the one for all nodes, each node has its own, so that one that the broker does not grant does not
    /// cost the others. The server is not ready before the broker has answered for all of them: it connects again.
    func note(notSubscribed fault: BrokerFault) {
        guard fault.concerns(C2Server.everyNode) else { return Terminal.printError(fault) }
        guard !subscribesToEach else { return }
        (subscribesToEach, subscribesAgain) = (true, true)
        let nodes = ring.current.nodes
        say("c2: \(fault.message): one subscription for each of \(nodes.count) nodes instead")
        link?.withdraw(C2Server.everyNode)
        link?.subscribe(to: nodes.map(C2Server.topic).sorted())
        link?.reconnect()
    }

    /// Whether the broker still has the session of this server, also of an earlier run.
    func noteSession(of broker: BrokerAddress, hasSession: Bool) {
        do throws(OperatorFault) {
            let isKnown = try store.noteSession(of: broker.description)
            guard isKnown, !hasSession else { return }
            let loss = SessionLost(broker: broker, clientID: node.id.topicForm)
            Terminal.printError(loss)
            perform([C2Step(effects: [.say(loss.message)])])
        } catch {
            breakOff(error)
        }
    }
}

extension BrokerFault {
    /// Whether the broker has not granted this filter as requested.
    fileprivate func concerns(_ filter: String) -> Bool {
        [.subscriptionRefused(filter), .subscriptionLowered(filter), .closedAtSubscribing(filter)].contains(self)
    }
}
