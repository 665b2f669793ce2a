import Glibc
import HumanView
import Keys
import Links
import SRUP

/// The headless C2 server: carries what the broker brings to `C2`, and does what that says.
///
/// `@unchecked Sendable`: everything that changes is touched on the loop's thread only.
public final class C2Server: @unchecked Sendable {
    /// How a run is to end.
    public struct Ending: Sendable {
        /// After so many observed joins; nil: not by itself.
        public var decisions: Int?
        /// Nanoseconds to go on listening after the last of them, for what comes late.
        public var linger: Int64 = 0
        /// Nanoseconds after which the run ends in any case; nil: never.
        public var limit: Int64?

        /// An ending by signal only.
        public init() {}
    }

    /// How a run ended.
    public enum Ended: Sendable {
        /// As wanted, or by a signal.
        case done
        /// At the time limit, and some observed joins were still to come.
        case outOfTime
    }

    private let node: BenchNode
    private let keys: [Identifier: PublicKey]
    private let ring: PublicKeys
    private let ending: Ending
    private let view: HumanView
    private let loop = Loop()
    private let say: @Sendable (String) -> Void
    private var c2: C2
    private var link: BrokerLink?
    private var window: Alarm?
    private var end: Alarm?
    private var orders = C2Orders(digestOfFile: { path in
        let file = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        return file < 0 ? nil : sha256(ofFile: file)
    })
    private var requests: [Token: [UInt8]] = [:]
    private var decisions = 0
    private var outbox = Outbox()
    private var lastFault: BrokerFault?
    private var isReady = false
    private var isEnding = false
    private var isLingering = true
    private var ended = Ended.done

    /// A server that has not been run yet.
    /// - Parameters:
    ///   - keys: the nodes that it knows.
    ///   - view: in which the operator sees values.
    ///   - say: takes a line for standard output.
    public init(
        _ node: BenchNode, keys: [Identifier: PublicKey], policy: C2.Policy, ending: Ending,
        view: HumanView = .words, say: @escaping @Sendable (String) -> Void = { Voice.say($0) }
    ) {
        (self.node, self.keys, self.ending, self.view, self.say) = (node, keys, ending, view, say)
        ring = PublicKeys(keys)
        let means = C2.Means(
            token: { Token(random: randomBytes(16)) },
            commandToken: { Token(random: randomBytes(16), for: $0) }, value: { Secret.random() },
            seal: { value, reader in (try? keys[reader]?.seal(value)).map { Octets($0) } })
        c2 = C2(own: node.id, policy: policy, means: means)
    }

    /// Runs on the calling thread until the ending, or a signal.
    public func run(until signals: StopSignals? = nil) -> Ended {
        signals?.watch(on: loop) { [unowned self] in finish(.done) }
        window = Alarm(loop) { [unowned self] in perform(c2.tick(at: bootNanoseconds())) }
        end = Alarm(loop) { [unowned self] in timeIsUp() }
        if let limit = ending.limit { end?.set(at: bootNanoseconds() + limit) }
        let topics = [Topic.joinRequests(to: node.id)] + keys.keys.map { Topic.of(device: $0) + "/#" }.sorted()
        let link = BrokerLink(
            node.linkSettings(subscriptions: topics),
            deliver: { [self] batch in
                loop.perform { for one in batch { self.receive(one.payload) } }
                return true
            },
            happened: { [self] happening in loop.perform { self.note(happening) } })
        self.link = link
        link.start()
        loop.run()
        link.stop()
        (self.link, window, end) = (nil, nil, nil)
        say("c2: refused \(c2.refusals.values.reduce(0, +)) messages\(reasons)")
        return ended
    }

    /// Does what a line of the operator's orders. From any thread.
    public func take(order line: String) {
        loop.perform { [self] in
            do throws(OperatorFault) {
                for command in try orders.read(line) { perform(c2.obey(command)) }
            } catch {
                Voice.complain(error)
            }
        }
    }

    /// Ends the run. From any thread.
    public func stop() { loop.perform { self.finish(.done) } }

    private var reasons: String {
        let counted = C2.Refusal.allCases.compactMap { reason in c2.refusals[reason].map { "\(reason) \($0)" } }
        return counted.isEmpty ? "" : " (" + counted.joined(separator: ", ") + ")"
    }

    // MARK: - On the loop's thread

    private func receive(_ payload: [UInt8]) {
        perform(c2.receive(payload, checkedBy: ring, at: bootNanoseconds()))
    }

    private func note(_ happening: BrokerLink.Happening) {
        switch happening {
        case .connected(let broker, let connection):
            outbox.connected(connection, over: link)
            say(isReady ? "c2: connected to \(broker) again" : "c2: ready")
            (isReady, lastFault) = (true, nil)
        case .lost(_, let fault):
            outbox.lost()
            if !isEnding, fault != lastFault { Voice.complain(OperatorFault(fault)) }
            lastFault = fault
        case .acknowledged(let ids): outbox.acknowledged(ids)
        }
        stopIfDone()
    }

    private func perform(_ effects: [C2.Effect]) {
        for effect in effects {
            switch effect {
            case .record(let message, let frame, let refused): record(message, frame, refused)
            case .send(let message, let peer):
                let frame = node.sign(message)
                if case .observationRequest = message.body { requests[message.token] = frame }
                trace(message, frame, to: peer)
                publish(frame, to: peer)
            case .sendAgain(let token, let peer): sendAgain(token, to: peer)
            case .say(let words): say("c2: \(words)")
            case .decided(let decision, let device, let observer):
                let (kind, by) = observer.map { ("observed", "\($0)") } ?? ("human-moderated", "a human")
                say("c2: \(kind) join of \(device) by \(by): \(decision.rawValue)")
                decisions += 1
            case .moderate(let device, let value):
                let style = TerminalStyle(isTerminal: isatty(STDOUT_FILENO) == 1) { name in
                    getenv(name).map { String(cString: $0) }
                }
                say("c2: compare for \(device), \(view.rawValue):\n" + view.picture(of: value).terminal(style))
            }
        }
        requests = requests.filter { c2.isOpen($0.key) }
        window?.set(at: c2.nextDeadline)
        if let wanted = ending.decisions, decisions >= wanted, !isEnding {
            isEnding = true
            end?.set(at: bootNanoseconds() + ending.linger)
        }
    }

    private func sendAgain(_ token: Token, to peer: Identifier) {
        guard let frame = requests[token], let message = try? UnverifiedFrame(frame).unverifiedMessage else { return }
        say("c2: publishing OBSERVE_REQ \(message.sequence) for \(peer) a second time")
        trace(message, frame, to: peer, "sent a second time")
        publish(frame, to: peer)
    }

    private func publish(_ frame: [UInt8], to peer: Identifier) {
        outbox.publish(frame, on: Topic.of(device: peer), over: link)
    }

    private func trace(_ message: Message, _ frame: [UInt8], to peer: Identifier, _ detail: String? = nil) {
        var line = TraceLine(message, frame: frame, from: .c2, to: c2.role(of: peer), at: TraceFile.now)
        if let detail { line.detail = detail }
        node.trace?.append(line)
    }

    private func record(_ message: Message?, _ frame: [UInt8], _ refused: String?) {
        if let message {
            let role = c2.role(of: message.sender)
            node.trace?.append(
                TraceLine(message, frame: frame, from: role, to: .c2, at: TraceFile.now, refused: refused))
        } else if let refused {
            node.trace?.append(TraceLine(shapeless: frame, at: TraceFile.now, refused: refused))
        }
    }

    private func timeIsUp() {
        if isEnding, isLingering {
            isLingering = false
            stopIfDone()
            // A broker that has gone does not keep us for ever.
            end?.set(after: .seconds(10))
        } else {
            finish(isEnding || ending.decisions == nil ? .done : .outOfTime)
        }
    }

    private func finish(_ how: Ended) {
        ended = how
        loop.stop()
    }

    /// What was published last must have reached the broker.
    private func stopIfDone() {
        if isEnding, !isLingering, outbox.isEmpty { finish(.done) }
    }
}
