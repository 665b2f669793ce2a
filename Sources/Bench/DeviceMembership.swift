import HumanView
import Keys
import SRUP

extension DeviceTask {
    /// How a device joins (§5.2).
    public enum JoinMode: String, CaseIterable, Sendable {
        /// The server decides at once.
        case simple
        /// A person compares the values.
        case human
        /// A beacon observes.
        case observed
    }

    /// What a device does after its join.
    public enum AfterJoin: String, CaseIterable, Sendable {
        /// It ends.
        case nothing
        /// It sends RESIGN_REQ, and waits for the answer.
        case resign
        /// It sends DEREGISTER_REQ, and waits for the answer.
        case deregister
        /// It waits until the server ends the membership.
        case stay
    }

    /// A device that joins without a beacon.
    /// - Parameter joinMode: not `observed`.
    public init(server: Identifier, serverKey: PublicKey, joinMode: JoinMode, sequence: SequenceID) {
        self.init(server: server, serverKey: serverKey, observer: server, places: [], sequence: sequence)
        self.joinMode = joinMode
    }

    var way: DeviceJoin.Way {
        switch joinMode {
        case .simple: .simple
        case .human: .human
        case .observed: .observed(by: observer)
        }
    }

    var opensLink: Bool { joinMode == .observed && !isSilent }
}

extension DeviceJoin.Way {
    var text: String {
        switch self {
        case .simple: "without a comparison"
        case .human: "compared by a person"
        case .observed(let observer): "observed by \(observer)"
        }
    }
}

// What a device does that has joined, or that a person looks at. On the loop's thread.
extension DeviceRun {
    /// How long to wait until the broker has acknowledged a device's last answer.
    private static let lastAnswerLimit = Duration.seconds(5)

    func show(_ value: Secret) {
        node.record(
            TraceLine(shownBy: .device, of: node.id, as: task.view.title, at: TraceFile.now), isSent: true)
        say("device: compare at \(task.server), \(task.view.title):\n" + task.view.picture(of: value).terminal(.plain))
    }

    /// A message of a member, until the broker has acknowledged it.
    func publish(_ message: Message) {
        let frame = node.sign(message)
        node.record(TraceLine(message, frame: frame, from: .device, to: .c2, at: TraceFile.now), isSent: true)
        outbox.publish(outbox.next(frame, on: message.topic(to: task.server)), over: broker)
        again?.set(at: outbox.due)
    }

    func becomeMember() {
        result = .stillMember
        switch task.then {
        case .nothing: preconditionFailure("a device that does nothing after its join")
        case .stay:
            join.stay()
            say("device: a member until the server ends the membership")
        case .resign: leave(.resign)
        case .deregister: leave(.deregister)
        }
    }

    private func leave(_ how: DeviceJoin.Withdrawal) {
        say("device: asking \(task.server) to \(how == .resign ? "let it resign" : "deregister it")")
        publish(join.leave(how, token: Token(random: randomBytes(16), for: task.server)))
    }

    func end(with departure: DeviceJoin.Departure) {
        result = .left(departure)
        end?.set(after: DeviceRun.lastAnswerLimit)
        endIfAllIsSent()
    }

    /// The answer to DEREGISTER_CMD must leave before the device ends.
    func endIfAllIsSent() {
        if case .left = result, outbox.isEmpty { loop.stop() }
    }
}
