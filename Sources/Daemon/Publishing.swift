import BootTime
import Broker
import EventLoop
import SRUP

/// Messages on their way to the broker: those of the outbox and new ones, as the plan lets them go. A server whose message makes the broker
/// close the connection again and again is set aside, and tried again from time to time; its messages stay in the outbox.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class Publishing: @unchecked Sendable {
    /// A message of the outbox.
    struct Queued: Sendable {
        let server: Identifier
        var message: Outgoing

        var waiting: PublishPlan<Identifier>.Waiting { .init(id: message.id, lane: server, topic: message.topic) }
    }

    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// What the broker must get, in the order in which it was signed; nil where it cannot be read.
        let outbox: () -> [Queued]?
        /// Publishes over the connection that is there.
        let send: ([Outgoing]) -> Void
    }

    private let clock: any LoopClock
    private let events: EventLog
    private let outlets: Outlets
    private let written = WrittenMessages()
    private var plan = PublishPlan<Identifier>()
    private lazy var timer = clock.timer { [unowned self] in goOn() }

    init(clock: any LoopClock, events: EventLog, outlets: Outlets) {
        (self.clock, self.events, self.outlets) = (clock, events, outlets)
    }

    /// The servers that are set aside.
    var setAside: [Identifier: SetAside] {
        Dictionary(uniqueKeysWithValues: plan.setAside.map { ($0, SetAside(server: $0, topic: $1)) })
    }

    /// How long until a server that is set aside is tried again; nil: it is not set aside.
    func pause(of server: Identifier) -> Duration? {
        plan.nextAttempt(for: server).map { max(.zero, $0 - clock.now) }
    }

    /// New messages: they are in the outbox.
    func publish(_ new: [Queued]) {
        guard !new.isEmpty else { return }
        if let waiting = plan.isHolding ? outlets.outbox() : new { send(waiting, newest: new) }
    }

    /// Over a new connection, or from a journal that has been opened again: everything that the broker must get.
    func begin() {
        plan.connected(at: clock.now)
        goOn()
    }

    /// The connection has ended.
    func lost(_ fault: BrokerFault) {
        let written = written.take()
        report(plan.lost(isClosing: fault.isClosing, isWritten: { written.contains($0) }, at: clock.now))
        timer.set(at: nil)
    }

    /// The broker has these messages, and need not get them again.
    func acknowledged(_ ids: [Int64]) {
        let wasHolding = plan.isHolding
        report(plan.acknowledged(ids, at: clock.now))
        if wasHolding { goOn() }
    }

    /// Servers that are set aside are tried again without waiting for the end of their pause.
    /// - Parameter server: nil: all of them.
    func tryAgain(_ server: Identifier? = nil) {
        guard plan.isHolding else { return }
        plan.tryAgain(server)
        goOn()
    }

    private func goOn() { if let waiting = outlets.outbox() { send(waiting) } }

    private func send(_ waiting: [Queued], newest: [Queued] = []) {
        let (ids, findings) = plan.next(of: waiting.map(\.waiting), at: clock.now)
        report(findings)
        timer.set(at: plan.due)
        guard !ids.isEmpty else { return }
        // What is new has somebody who waits for it to be written.
        let messages = Dictionary(uniqueKeysWithValues: waiting.map { ($0.message.id, $0.message) })
            .merging(newest.map { ($0.message.id, $0.message) }) { $1 }
        outlets.send(
            ids.compactMap { id in
                messages[id].map { id == plan.alone ? written.marking($0) : $0 }
            })
    }

    private func report(_ findings: [PublishPlan<Identifier>.Finding]) {
        for finding in findings {
            switch finding {
            case .setAside(let server, let topic):
                let fault = SetAside(server: server, topic: topic)
                events.logger.warning(
                    "\(fault.message); hint: \(fault.hint(for: .beacon))",
                    metadata: .of("set-aside", server: server, ["topic": topic]))
            case .stillClosed(let server, let topic, let pause):
                events.logger.notice(
                    "server \(server) stays set aside: the broker still closes the connection when this beacon publishes to \(topic); tried again in \(pause.wholeSeconds) s",
                    metadata: .of("set-aside", server: server, ["topic": topic]))
            case .served(let server):
                events.logger.notice(
                    "server \(server) is no longer set aside", metadata: .of("set-aside-ended", server: server))
            }
        }
    }
}
