import BootTime
import SRUP

// Nodes that may believe to be members of a server that does not know them: it was restarted without its state, or they restored an
// older one. Such a node is told, otherwise it belongs to nothing without anybody noticing.
extension C2 {
    /// How long after the start a node that may observe has time to join by itself.
    static let timeToJoin = Duration.seconds(10)

    /// The server is connected for the first time in this run.
    mutating func begin(at now: Instant) {
        self.now = now
        remindersDue = now + C2.timeToJoin
        armStages()
    }

    /// A node whose key is not known has said something to another server: counted, and not recorded.
    mutating func noteStranger() { refusals[.stranger, default: 0] += 1 }

    /// Tells the nodes that may observe, have not joined and have not left that they must join. Each of them may be a member by its own
    /// account, and each device that names it is refused.
    mutating func remindObservers(at now: Instant) -> [Effect] {
        guard let due = remindersDue, due <= now else { return [] }
        remindersDue = nil
        return Set(given.keys).union(registryObservers).filter { mayObserve($0) && departed[$0] == nil }
            .sorted { $0.number < $1.number }.flatMap { remind($0) }
    }

    /// Tells a node that is not a member so: by JOIN_CMD, on which it asks to join and hears the decision, or by TERMINATE_CMD where its
    /// membership has ended before or it wants to end it. Once a minute for each node, since its own old messages could be replayed to
    /// cause it. A node that has asked this run to join is not told to: it knows the decision, and a person may have refused it.
    /// - Parameter isLeaving: whether it has asked to leave.
    mutating func remind(_ node: Identifier, isLeaving: Bool = false) -> [Effect] {
        let isOver = isLeaving || departed[node] != nil
        guard !joined.contains(node), !deregistered.contains(node), isOver || !hasAsked.contains(node),
            rates.line(.reminders, of: node, at: now) != nil
        else { return [] }
        let body = isOver ? Body.terminateCommand : .joinCommand(device: node)
        return [
            .say("\(node) is not a member, and may believe that it is: \(body.type.name) to it"),
            .send(message(body, dependencies.commandToken(node), to: node), to: node),
        ]
    }

    /// Forgets the sequence ids of a node that has lost its own: its next message may have any. Its membership ends, so that nothing of
    /// its old messages is of use to anybody meanwhile.
    mutating func forget(_ node: Identifier) -> [Effect] {
        guard !deregistered.contains(node) else { return [.say("\(node) is permanently deregistered")] }
        counter.forget(node)
        hasAsked.remove(node)
        records[node] = nil
        return [
            .say("the sequence ids of \(node) are forgotten; it is not a member until it has joined again")
        ] + leave(node, nil)
    }
}
