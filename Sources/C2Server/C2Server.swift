import Bench
import Broker
import EventLoop
import Glibc
import HumanView
import Keys
import OperatorText
import SRUP

/// The C2 server: passes messages from the broker to `C2`, and carries out its effects.
///
/// `@unchecked Sendable`: mutable state is used on the loop's thread only.
public final class C2Server: @unchecked Sendable {
    /// When a run ends.
    public struct Ending: Sendable {
        /// After this number of observed joins; nil: not by itself.
        public var decisions: Int?
        /// Nanoseconds to continue to listen after the last of them, for late messages.
        public var linger = Duration.zero
        /// Nanoseconds after which the run ends in any case; nil: never.
        public var limit: Duration?

        /// The run ends by a signal only.
        public init() {}
    }

    /// Look-ups of unknown nodes at the registry in a minute, unless it is set.
    public static let strangersPerMinute = 60

    /// How a run ended.
    public enum Ended: Sendable {
        /// As configured, or by a signal.
        case done
        /// At the time limit, before the expected number of observed joins.
        case outOfTime
        /// The state could not be stored, so nothing was carried out.
        case broken(OperatorFault)
    }

    /// The operator's console, if there is one; set before the run.
    public var console: Console?
    /// The stored state; it may be read from any thread.
    public let store: C2Store
    let node: BenchNode
    /// The nodes of the keyring: their keys are not looked up at the registry.
    let fixed: Set<Identifier>
    let ring: C2Keyring
    let registry: C2Registry?
    let view: HumanView
    let loop = Loop()
    let say: @Sendable (String) -> Void
    private let ending: Ending
    var c2: C2
    var link: BrokerLink?
    var window: Alarm?
    private var end: Alarm?
    /// When the outbox has something to publish.
    var again: Alarm?
    /// When an unknown node may be looked up that waits for the limit.
    var lookAgain: Alarm?
    /// When the registry is told again.
    var toldAgain: Alarm?
    /// When the end of the history is signed.
    var signing: Alarm?
    /// The operator's groups of nodes.
    var groups: [String: [Identifier]]
    /// The OBSERVE_REQ of each open join.
    var requests: [Token: [UInt8]] = [:]
    var decisions = 0
    var outbox = Outbox()
    var lookups: C2Lookups
    /// Whether the broker grants no subscription to all nodes' topics at once.
    var subscribesToEach = false
    /// Whether the link will connect again, with other filters.
    var subscribesAgain = false
    var deregistrations = C2Deregistrations()
    var lastSilence: OperatorFault?
    /// Why the registry could last not be told of a deregistration.
    var lastUntold: OperatorFault?
    /// The values that wait for a person's decision; only with a console.
    var shown: [Identifier: C2Shown] = [:]
    /// The nodes as the operator sees them.
    var fleet: C2Fleet
    /// When beacons are asked whether they are alive.
    var asks: C2AskSchedule
    var askAlarm: Alarm?
    /// Whether a broker is connected.
    var hasBroker = false
    /// Why the server has stopped working.
    private(set) var fault: OperatorFault?
    private var lastFault: BrokerFault?
    private var isReady = false
    private var isEnding = false
    private var isLingering = true
    private var ended = Ended.done

    /// A server that continues from the store's last run.
    /// - Parameters:
    ///   - keys: the nodes of the keyring.
    ///   - registry: for the keys of other nodes.
    ///   - strangersPerMinute: look-ups of unknown nodes there in a minute; further ones wait.
    ///   - view: of the values that the operator compares.
    ///   - say: takes a line for standard output.
    /// - Throws: `OperatorFault` if the store cannot be used.
    public init(
        _ node: BenchNode, keys: [Identifier: PublicKey], policy: C2.Policy, ending: Ending, store: C2Store,
        registry: C2Registry? = nil, strangersPerMinute: Int = C2Server.strangersPerMinute, view: HumanView = .words,
        say: @escaping @Sendable (String) -> Void = { Terminal.print($0) }
    ) throws(OperatorFault) {
        (self.node, self.ending, self.view, self.say) = (node, ending, view, say)
        (self.store, self.registry, fixed) = (store, registry, Set(keys.keys))
        lookups = C2Lookups(C2Lookups.Policy(perMinute: strangersPerMinute))
        try store.keep(keyring: keys)
        // Without the registry, nothing would notice that a key was revoked.
        let registered = registry == nil ? [:] : try store.registryKeys()
        let all = keys.merging(registered.mapValues(\.key)) { own, _ in own }
        let ring = C2Keyring(all)
        self.ring = ring
        var dependencies = C2.Dependencies(
            token: { Token(random: randomBytes(16)) },
            commandToken: { Token(random: randomBytes(16), for: $0) },
            observationToken: { [own = node.id] in Token(random: randomBytes(16), server: own, beacon: $0) },
            value: { Secret.random() },
            seal: { value, reader in (try? ring[reader]?.seal(value)).map { Octets($0) } })
        dependencies.clock = wallMicroseconds
        c2 = C2(own: node.id, policy: policy, dependencies: dependencies, memory: store.memory)
        for (node, entry) in registered where entry.type.map({ registry?.observerTypes.contains($0) == true }) == true {
            if keys[node] == nil { c2.registryObservers.insert(node) }
        }
        fleet = try C2Server.fleet(store, c2, knowing: Array(all.keys))
        asks = C2AskSchedule(interval: policy.askInterval)
        outbox = Outbox(try store.outbox())
        deregistrations = C2Deregistrations(told: try store.toldDeregistrations())
        groups = store.groups
    }

    /// Runs on the calling thread until the ending, or a signal.
    public func run(until signals: StopSignals? = nil) -> Ended {
        signals?.watch(on: loop) { [unowned self] in finish(.done) }
        window = Alarm(loop) { [unowned self] in
            perform([C2Step(effects: c2.tick(at: .now))])
        }
        end = Alarm(loop) { [unowned self] in timeIsUp() }
        if let limit = ending.limit { end?.set(after: limit) }
        again = Alarm(loop) { [unowned self] in outbox.goOn(over: self.link) }
        toldAgain = Alarm(loop) { [unowned self] in tellRegistry() }
        lookAgain = Alarm(loop) { [unowned self] in perform(askRegistry()) }
        signing = Alarm(loop) { [unowned self] in signRecord() }
        signRecord(isTold: true)
        askAlarm = Alarm(loop) { [unowned self] in askBeacons() }
        beginAsking()
        let link = BrokerLink(
            node.linkSettings(subscriptions: [Topic.joinRequests(to: node.id)]),
            // Acknowledged after it was stored; otherwise it would be lost if the process ended.
            deliver: { [self] batch in loop.performAndWait { self.receive(batch) } },
            happened: { [self] happening in loop.perform { self.note(happening) } })
        self.link = link
        link.subscribe(to: [C2Server.everyNode])
        link.start()
        loop.run()
        link.stop()
        if fault == nil { signRecord(isTold: true) }
        (self.link, window, end, again, toldAgain) = (nil, nil, nil, nil, nil)
        (lookAgain, signing, askAlarm) = (nil, nil, nil)
        say("c2: refused \(c2.refusals.values.reduce(0, +)) messages\(reasons)")
        return fault.map { .broken($0) } ?? ended
    }

    /// Carries out a line of the operator's, or prints what is wrong with it. From any thread.
    public func take(line: String) {
        loop.perform { [self] in
            do throws(OperatorFault) {
                switch try C2OrderParser(groups: groups, digestOfFile: { sha256(ofFile: $0, isFollowing: true) }).parse(
                    line)
                {
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
        // Joins are decided in one place only: here the operator would not have to look at the values.
        if console != nil, order.isDecision {
            throw OperatorFault(
                "with --web, joins are decided on the console's page only",
                hint: "open the page that c2 printed, and compare there")
        }
        obey(order, noted: text)
    }

    /// Carries out an order, from the console or from a line.
    /// - Parameter text: for the history.
    /// - Returns: nil if it could not be stored, and so was not carried out.
    @discardableResult
    func obey(_ order: C2Order, noted text: String) -> [C2.Effect]? {
        c2.now = .now
        fleet.note(order, at: C2Entry.now)
        let effects = c2.obey(order)
        return perform([C2Step(effects: effects, node: order.node, order: text)]) ? effects : nil
    }

    /// An order as the history stores it: `data` may be long, and the address of an update's file may have a secret in it.
    static func noted(_ line: String) -> String {
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map { word in
            word.contains("://") ? withoutSecrets(address: String(word)) : String(word)
        }
        return readable(Array(words.joined(separator: " ").utf8.prefix(200)))
    }

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

    private func note(_ happening: BrokerLink.Event) {
        switch happening {
        case .connected(let broker, let connection, let hasSession):
            guard !subscribesAgain else { return }
            noteBroker(true)
            outbox.connected(connection, to: broker, hasSession: hasSession, over: link)
            noteSession(of: broker, hasSession: hasSession)
            say(isReady ? "c2: connected to \(broker) again" : "c2: ready")
            if let console, !isReady { Task { await console.announce() } }
            if isReady { c2.reconnected(at: .now) } else { c2.begin(at: .now) }
            (isReady, lastFault) = (true, nil)
            perform([C2Step(effects: c2.answerLeftOpen())])
        case .lost(_, let fault):
            subscribesAgain = false
            noteBroker(false)
            outbox.lost(fault)
            if !isEnding, fault != lastFault, fault != .leftToReturn { Terminal.printError(fault) }
            lastFault = fault
        case .acknowledged(let ids):
            outbox.acknowledged(ids, over: link)
            noteAcknowledged(ids)
            do throws(OperatorFault) { try store.delivered(ids) } catch { breakOff(error) }
        case .notSubscribed(let fault): note(notSubscribed: fault)
        }
        again?.set(at: outbox.due)
        tellRegistry()
        stopIfDone()
    }

    func endIfDecided() {
        guard let wanted = ending.decisions, decisions >= wanted, !isEnding else { return }
        isEnding = true
        end?.set(after: ending.linger)
    }

    /// Stops working: what cannot be stored must not be carried out.
    func breakOff(_ fault: OperatorFault) {
        self.fault = fault
        loop.stop()
    }

    private func timeIsUp() {
        if isEnding, isLingering {
            isLingering = false
            stopIfDone()
            // If the broker is gone, do not wait for it permanently.
            end?.set(after: .seconds(10))
        } else {
            finish(isEnding || ending.decisions == nil ? .done : .outOfTime)
        }
    }

    private func finish(_ how: Ended) {
        ended = how
        loop.stop()
    }

    /// The last messages must have reached the broker.
    private func stopIfDone() {
        if isEnding, !isLingering, outbox.isEmpty { finish(.done) }
    }
}
