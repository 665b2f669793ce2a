import Bench
import Broker
import EventLoop
import Glibc
import HumanView
import Keys
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
        /// What was to be done could not be kept, so it was not done.
        case broken(OperatorFault)
    }

    /// Where the operator looks on and decides, if there is one; given before the run.
    public var console: Console?
    /// What the server keeps; it may be read from any thread.
    public let store: C2Store
    let node: BenchNode
    /// Whose keys are in the keyring: the registry is not asked about them.
    let fixed: Set<Identifier>
    let ring: C2Keyring
    let registry: C2Registry?
    let view: HumanView
    let loop = Loop()
    let say: @Sendable (String) -> Void
    private let known: [Identifier]
    private let ending: Ending
    var c2: C2
    var link: BrokerLink?
    var window: Alarm?
    private var end: Alarm?
    /// The operator's groups of nodes.
    var groups: [String: [Identifier]]
    /// The OBSERVE_REQ of each open join.
    var requests: [Token: [UInt8]] = [:]
    var decisions = 0
    var outbox = Outbox()
    var lookups = C2Lookups()
    var lastSilence: OperatorFault?
    /// The values that wait for a person; only where a console shows them.
    var shown: [Identifier: C2Shown] = [:]
    /// When each node was heard, in milliseconds since 1970; only for a console.
    var heard: [Identifier: Int64] = [:]
    /// Why nothing is done any more.
    private(set) var fault: OperatorFault?
    private var lastFault: BrokerFault?
    private var isReady = false
    private var isEnding = false
    private var isLingering = true
    private var ended = Ended.done

    /// A server that has not been run yet; it goes on where the store's last run has ended.
    /// - Parameters:
    ///   - keys: the nodes of the keyring.
    ///   - registry: is asked for the keys of others.
    ///   - view: in which the operator sees values.
    ///   - say: takes a line for standard output.
    /// - Throws: `OperatorFault` where the store cannot be used.
    public init(
        _ node: BenchNode, keys: [Identifier: PublicKey], policy: C2.Policy, ending: Ending, store: C2Store,
        registry: C2Registry? = nil, view: HumanView = .words,
        say: @escaping @Sendable (String) -> Void = { Terminal.print($0) }
    ) throws(OperatorFault) {
        (self.node, self.ending, self.view, self.say) = (node, ending, view, say)
        (self.store, self.registry, fixed) = (store, registry, Set(keys.keys))
        try store.keep(keyring: keys)
        // Without the registry nobody would notice that it has taken a key back.
        let registered = registry == nil ? [:] : try store.registryKeys()
        let all = keys.merging(registered.mapValues(\.key)) { own, _ in own }
        known = Array(all.keys)
        let ring = C2Keyring(all)
        self.ring = ring
        let dependencies = C2.Dependencies(
            token: { Token(random: randomBytes(16)) },
            commandToken: { Token(random: randomBytes(16), for: $0) },
            observationToken: { [own = node.id] in Token(random: randomBytes(16), server: own, beacon: $0) },
            value: { Secret.random() },
            seal: { value, reader in (try? ring[reader]?.seal(value)).map { Octets($0) } })
        c2 = C2(own: node.id, policy: policy, dependencies: dependencies, memory: store.memory)
        for (node, entry) in registered where entry.type.map({ registry?.observerTypes.contains($0) == true }) == true {
            if keys[node] == nil { c2.registryObservers.insert(node) }
        }
        outbox = Outbox(try store.outbox())
        groups = store.groups
    }

    /// Runs on the calling thread until the ending, or a signal.
    public func run(until signals: StopSignals? = nil) -> Ended {
        signals?.watch(on: loop) { [unowned self] in finish(.done) }
        window = Alarm(loop) { [unowned self] in
            perform([C2Step(effects: c2.tick(at: bootNanoseconds()))])
        }
        end = Alarm(loop) { [unowned self] in timeIsUp() }
        if let limit = ending.limit { end?.set(at: bootNanoseconds() + limit) }
        let topics = [Topic.joinRequests(to: node.id)] + known.map(C2Server.topic).sorted()
        let link = BrokerLink(
            node.linkSettings(subscriptions: topics),
            // Acknowledged when it is kept, and not before: else it would be lost with the process.
            deliver: { [self] batch in loop.performAndWait { self.receive(batch) } },
            happened: { [self] happening in loop.perform { self.note(happening) } })
        self.link = link
        link.start()
        loop.run()
        link.stop()
        (self.link, window, end) = (nil, nil, nil)
        say("c2: refused \(c2.refusals.values.reduce(0, +)) messages\(reasons)")
        return fault.map { .broken($0) } ?? ended
    }

    /// The filter of what a node publishes.
    static func topic(of node: Identifier) -> String { Topic.of(device: node) + "/#" }

    /// Does what a line of the operator's says, and complains where nobody can tell. From any thread.
    public func take(line: String) {
        loop.perform { [self] in
            do throws(OperatorFault) {
                switch try C2OrderParser(groups: groups, digestOfFile: { Files.digest(of: $0) }).parse(line) {
                case .empty: break
                case .group(let name, let nodes):
                    groups[name] = nodes
                    perform([C2Step(effects: [], order: C2Server.noted(line))])
                case .orders(let orders):
                    for order in orders { try take(order, noted: C2Server.noted(line)) }
                }
            } catch {
                Terminal.printError(error)
            }
        }
    }

    private func take(_ order: C2Order, noted text: String) throws(OperatorFault) {
        // Two places to decide are one too many: at this one nobody has to look.
        if console != nil, order.isDecision {
            throw OperatorFault(
                "with --web, joins are decided on the console's page only",
                hint: "open the page that c2 has named, and compare there")
        }
        obey(order, noted: text)
    }

    /// Does what the operator orders, at the console or by a line.
    /// - Parameter text: for the history.
    /// - Returns: nil where it could not be kept, and was not done.
    @discardableResult
    func obey(_ order: C2Order, noted text: String) -> [C2.Effect]? {
        c2.now = bootNanoseconds()
        let effects = c2.obey(order)
        return perform([C2Step(effects: effects, node: order.node, order: text)]) ? effects : nil
    }

    /// A line as the history has it: `data` may be long.
    static func noted(_ line: String) -> String { readable(Array(line.utf8.prefix(200))) }

    /// Ends the run. From any thread.
    public func stop() { loop.perform { self.finish(.done) } }

    private var reasons: String {
        let counted = C2.Refusal.allCases.compactMap { reason in c2.refusals[reason].map { "\(reason) \($0)" } }
        return counted.isEmpty ? "" : " (" + counted.joined(separator: ", ") + ")"
    }

    // MARK: - On the loop's thread

    private func receive(_ batch: [Incoming]) -> Bool {
        guard fault == nil else { return false }
        return perform(batch.flatMap { hear($0) })
    }

    private func note(_ happening: BrokerLink.Happening) {
        switch happening {
        case .connected(let broker, let connection):
            outbox.connected(connection, over: link)
            say(isReady ? "c2: connected to \(broker) again" : "c2: ready")
            if let console, !isReady { Task { await console.announce() } }
            (isReady, lastFault) = (true, nil)
            perform([C2Step(effects: c2.answerLeftOpen())])
        case .lost(_, let fault):
            outbox.lost()
            if !isEnding, fault != lastFault { Terminal.printError(OperatorFault(fault)) }
            lastFault = fault
        case .acknowledged(let ids):
            outbox.acknowledged(ids)
            do throws(OperatorFault) { try store.delivered(ids) } catch { breakOff(error) }
        }
        stopIfDone()
    }

    func endIfDecided() {
        guard let wanted = ending.decisions, decisions >= wanted, !isEnding else { return }
        isEnding = true
        end?.set(at: bootNanoseconds() + ending.linger)
    }

    /// Nothing is done any more: what cannot be kept must not be acted on.
    func breakOff(_ fault: OperatorFault) {
        self.fault = fault
        loop.stop()
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
