import BootTime
import SRUP

// Requests that stay unanswered are sent again before the server gives up: a broker that has acknowledged one may have lost it, or the
// answer, and an answer that has crossed with other messages was refused by its sequence id. A repeated request has a new sequence id, and
// the same token and content, so that it is the same question: a beacon answers one that it has decided under a new id, and
// ignores one that is still open. docs/protocol.md, "Repeated requests", has the times.
extension C2 {
    /// When an unanswered request is sent again.
    struct Repetition: Equatable, Sendable {
        /// Bound on how often one request is sent, whatever the reason.
        static let mostTimes = 16
        /// The shortest time between two times, for reasons other than the schedule.
        static let shortest = Duration.seconds(2)

        /// How often it was sent.
        private(set) var times = 1
        /// When it was last sent.
        private(set) var last: Instant
        /// The moments at which it will be sent again, the earliest first.
        private var schedule: [Instant]
        private var hurried: Instant?

        /// A request that is sent now.
        /// - Parameter pauses: the times from now at which it is sent again, in ascending order.
        init(sentAt now: Instant, again pauses: [Duration], until deadline: Instant? = nil) {
            last = now
            let end = deadline.map { $0 - C2.answerTime }
            schedule = pauses.map { now + $0 }.filter { moment in end.map { moment <= $0 } ?? true }
        }

        /// When it is sent next; nil: not again.
        var next: Instant? {
            guard times < Repetition.mostTimes else { return nil }
            return [schedule.first, hurried].compactMap(\.self).min()
        }

        /// It is sent now.
        mutating func sent(at now: Instant) {
            (times, last, hurried) = (times + 1, now, nil)
            schedule.removeAll { $0 <= now }
        }

        /// It is sent a little later, since others go first.
        mutating func postpone(to moment: Instant) {
            schedule.removeAll { $0 <= moment }
            hurried = moment
        }

        /// It may have been lost: it is sent soon.
        mutating func hurry(at moment: Instant) {
            let soon = max(moment, last + Repetition.shortest)
            hurried = hurried.map { min($0, soon) } ?? soon
        }
    }

    /// How many requests were repeated to a node within the last pause.
    struct RepetitionPace: Equatable, Sendable {
        var since: Instant
        var count = 0

        /// When one more may be sent: now, or later.
        mutating func next(at now: Instant) -> Instant {
            if now >= since + C2.repetitionPause { (since, count) = (now, 0) }
            guard count < C2.mostRepeatedAtOnce else { return since + C2.repetitionPause }
            count += 1
            return now
        }
    }

    /// A command whose repetition does no harm.
    struct RepeatedCommand: Equatable, Sendable {
        let node: Identifier
        let body: Body
        var repetition: Repetition
    }

    /// How long after OBSERVE_REQ it is sent again. The last two are after a beacon's own deadline, for a verdict that was lost.
    static let observationPauses: [Duration] = [10, 30, 60, 125, 150].map { .seconds($0) }
    /// The same of ID_REQUEST and DEREGISTER_CMD.
    static let commandPauses: [Duration] = [15, 60, 240].map { .seconds($0) }
    /// The same of INITIATE and ACTIVATE, whose answers take as long as fetching and installing do.
    static let updatePauses: [Duration] = [60, 300].map { .seconds($0) }
    /// How long after a connection is back: what the broker has kept comes first.
    static let pauseAfterConnecting = Duration.seconds(1)
    /// The least time for an answer: nothing is sent again that near to its deadline.
    static let answerTime = Duration.seconds(5)
    /// Repeated requests to one node at a time. A beacon's answer is 2,048 above the last id that it knows, so as many messages to it while
    /// the answer is on its way would make it too old; older beacons' 16 above.
    static let mostRepeatedAtOnce = 4
    /// Until the next ones are sent to that node.
    static let repetitionPause = Duration.milliseconds(250)
    /// Bound on the tokens of answered repeated requests that are remembered.
    static let mostTwice = 1_024

    /// When the first request is sent again; nil: none is.
    var nextRepetition: Instant? {
        (open.values.compactMap(\.repetition.next) + repeatedCommands.values.compactMap(\.repetition.next)).min()
    }

    /// A connection was lost and is back, perhaps to another broker: what has not been answered may be lost.
    mutating func reconnected(at now: Instant) {
        self.now = now
        let soon = now + C2.pauseAfterConnecting
        for token in open.keys { open[token]?.repetition.hurry(at: soon) }
        for token in repeatedCommands.keys { repeatedCommands[token]?.repetition.hurry(at: soon) }
    }

    /// An answer that this server waits for was refused by its sequence id: the question is asked again, and answered under a new one. A
    /// copy of an old answer causes at most the bounded number of requests.
    mutating func repeatSoon(_ message: Message) {
        if open[message.token]?.observer == message.sender { open[message.token]?.repetition.hurry(at: now) }
        if repeatedCommands[message.token]?.node == message.sender {
            repeatedCommands[message.token]?.repetition.hurry(at: now)
        }
    }

    /// Sends again what is due.
    mutating func repeatRequests(at now: Instant) -> [Effect] {
        repetitionPaces = repetitionPaces.filter { now < $0.value.since + C2.repetitionPause }
        var effects: [Effect] = []
        for (token, node) in dueRepetitions(at: now) {
            let next = repetitionPaces[node, default: RepetitionPace(since: now)].next(at: now)
            guard next <= now else {
                open[token]?.repetition.postpone(to: next)
                repeatedCommands[token]?.repetition.postpone(to: next)
                continue
            }
            if let join = open[token] {
                open[token]?.repetition.sent(at: now)
                let request = Body.observationRequest(joining: join.device, sealed: join.sealed)
                effects += [
                    .say("no answer of \(node) about \(join.device) yet: the request is repeated"),
                    .send(message(request, token, to: node), to: node),
                ]
            } else if let command = repeatedCommands[token] {
                repeatedCommands[token]?.repetition.sent(at: now)
                effects += [
                    .say("no answer of \(node) to \(command.body.type.name) yet: it is repeated"),
                    .send(message(command.body, token, to: node), to: node),
                ]
            }
        }
        return effects
    }

    private func dueRepetitions(at now: Instant) -> [(token: Token, node: Identifier)] {
        var due: [(at: Instant, token: Token, node: Identifier)] = []
        for (token, join) in open {
            if let next = join.repetition.next, next <= now { due.append((next, token, join.observer)) }
        }
        for (token, command) in repeatedCommands {
            if let next = command.repetition.next, next <= now { due.append((next, token, command.node)) }
        }
        return due.sorted { ($0.at, $0.token.description) < ($1.at, $1.token.description) }.map { ($0.token, $0.node) }
    }

    /// Lets a command be sent again until it is answered.
    mutating func `repeat`(_ body: Body, _ token: Token, to node: Identifier, _ what: Asked.What) {
        let pauses: [Duration]
        switch what {
        // Sent twice, they would act twice.
        case .action, .data: return
        case .identity, .deregister: pauses = C2.commandPauses
        case .update, .activate: pauses = C2.updatePauses
        }
        repeatedCommands = repeatedCommands.filter { asked[$0.key] != nil }
        repeatedCommands[token] = RepeatedCommand(
            node: node, body: body, repetition: Repetition(sentAt: now, again: pauses))
    }

    /// A node has left: its commands are not sent again, and their answers not waited for. DEREGISTER_CMD is the last one.
    mutating func endCommands(to node: Identifier) {
        asked = asked.filter { $0.value.node != node || $0.value.what == .deregister }
        repeatedCommands = repeatedCommands.filter { asked[$0.key] != nil }
    }

    /// The command with this token is answered.
    mutating func endRepeating(_ token: Token) {
        guard let command = repeatedCommands.removeValue(forKey: token), command.repetition.times > 1 else { return }
        noteTwice(token)
    }

    /// The server no longer waits for the verdict under this token. If it has asked more than once, it may be answered more than once.
    mutating func endWaiting(_ token: Token) {
        guard let join = open.removeValue(forKey: token), join.repetition.times > 1 else { return }
        noteTwice(token)
    }

    private mutating func noteTwice(_ token: Token) { twice = twice.suffix(C2.mostTwice - 1) + [token] }
}
