import Bluetooth
import Broker
import EventLoop
import HumanView
import Keys
import Nearby
import OperatorText
import ProofLink
import SRUP

/// What a joining device does in one run, and how it misbehaves.
public struct DeviceTask: Sendable {
    /// The server to join.
    public var server: Identifier
    /// The server's key; messages of other nodes do not count.
    public var serverKey: PublicKey
    /// The observer that the request of an observed join names.
    public var observer: Identifier
    /// Where the device connects to: that beacon, perhaps at several places if it is not known which of them it is, and the other beacons
    /// of its site, until the server has answered. At least one in an observed join.
    public var places: [BeaconPlace]
    /// How it joins.
    public var joinMode = JoinMode.observed
    /// What it does after the join.
    public var then = AfterJoin.nothing
    /// The view in which it shows the value of a human-moderated join.
    public var view = HumanView.words
    /// The modes: the first one that the beacon offers is used.
    public var modes: [Mode] = [.keyed, .challenge]
    /// The sequence id of its request.
    public var sequence: SequenceID
    /// How long to wait for the server's decision.
    public var limit = Duration.seconds(200)
    /// Misbehaves: proves with another value, once.
    public var provesWrongValue = false
    /// Misbehaves: never opens the link.
    public var isSilent = false
    /// Misbehaves: opens the link this long after its request.
    public var late = Duration.zero
    /// Misbehaves: publishes its OBS_JOIN_REQ again when it has joined, and waits this long for an answer.
    public var replayWait: Duration?

    /// Misbehaves: in keyed mode, signs the proof with another key, or not at all.
    public var signing = Signing.own

    /// With which key a device signs its proof in keyed mode.
    public enum Signing: String, CaseIterable, Sendable {
        /// Its identity key.
        case own
        /// Another key: the device has the value but not the identity key.
        case other
        /// None.
        case none
    }

    func signature(of message: [UInt8], _ node: BenchNode) -> [UInt8] {
        switch signing {
        case .own: return node.signature(of: message)
        case .other: return randomBytes(node.signature(of: message).count)
        case .none: return []
        }
    }

    /// An honest device.
    public init(
        server: Identifier, serverKey: PublicKey, observer: Identifier, places: [BeaconPlace], sequence: SequenceID
    ) {
        (self.server, self.serverKey, self.observer) = (server, serverKey, observer)
        (self.places, self.sequence) = (places, sequence)
    }
}

/// One run of a joining device: sends its request, proves the value to the beacon, and waits for the decision.
///
/// `@unchecked Sendable`: mutable state is used on the loop's thread only.
public final class DeviceRun: @unchecked Sendable {
    private struct Request {
        let message: Message
        let frame: [UInt8]
        let topic: String
    }

    /// How long to wait for the beacon's OUTCOME if the server's decision was faster.
    private static let outcomeGrace = Duration.milliseconds(500)

    let node: BenchNode
    let task: DeviceTask
    private let ring: PublicKeys
    let say: @Sendable (String) -> Void
    let loop = Loop()
    var join: DeviceJoin
    private var round: DeviceRound
    private var missing = MissingLinks()
    var broker: BrokerLink?
    private var link: DeviceLink?
    private var nextLink: Alarm?
    var end: Alarm?
    private var request: Request?
    var outbox = Outbox()
    var again: Alarm?
    private var value: Secret?
    var result = Ended.noAnswer
    private var isReplaying = false
    private var fault: OperatorFault?
    private var lastFault: BrokerFault?

    /// A run that has not started.
    /// - Parameter say: takes a line for standard output.
    public init(
        _ node: BenchNode, _ task: DeviceTask, say: @escaping @Sendable (String) -> Void = { Terminal.print($0) }
    ) {
        (self.node, self.task, self.say) = (node, task, say)
        ring = PublicKeys([task.server: task.serverKey])
        let key = node.key
        join = DeviceJoin(
            own: node.id, server: task.server, way: task.way, sequence: task.sequence,
            token: Token(random: randomBytes(16)), unseal: { sealed throws(UnsealingError) in try key.unseal(sealed) })
        round = DeviceRound(task.places, presentsOnce: task.provesWrongValue)
    }

    /// Runs on the calling thread until the join is decided or the time has expired. The last line of output is the outcome.
    /// - Throws: `BrokerFault` if the broker was never reached, `OperatorFault` if the link fails because of a fault on this side.
    public func run() throws -> Ended {
        if task.opensLink, task.late == .zero { try checkLocalLinks() }
        nextLink = Alarm(loop) { [unowned self] in openLink() }
        end = Alarm(loop) { [unowned self] in loop.stop() }
        again = Alarm(loop) { [unowned self] in outbox.goOn(over: self.broker) }
        end?.set(after: task.limit)
        var settings = node.linkSettings(subscriptions: [Topic.of(device: node.id)])
        // As in the reference's devices. Otherwise unacknowledged messages of an earlier join would arrive first, and the value of that
        // join would be taken for this one's: OBS_JOIN_RESP does not say which request it answers.
        settings.keepsSession = false
        let broker = BrokerLink(
            settings,
            deliver: { [self] batch in
                loop.perform { for one in batch { self.receive(one.payload) } }
                return true
            },
            happened: { [self] happening in loop.perform { self.note(happening) } })
        self.broker = broker
        broker.start()
        loop.run()
        broker.stop()
        link?.drop()
        (self.broker, link, nextLink, end, again) = (nil, nil, nil, nil, nil)
        // The request was never sent: this is not a missing answer but an unreachable broker.
        if request == nil, let lastFault { throw lastFault }
        if let fault { throw fault }
        if result == .noAnswer, value == nil {
            say(
                """
                device: the server has not answered the request: it does not run, does not have this device's key, or has seen higher \
                sequence ids than \(task.sequence) (c2: the order forget \(node.id.topicForm))
                """)
        }
        if !result.isJoin { missing.faults.forEach { Terminal.printError($0) } }
        say("device: \(result.message)")
        return result
    }

    /// Looks for the sockets of local links before anything is asked: one beacon of a site may be away, but not all.
    private func checkLocalLinks() throws(OperatorFault) {
        var faults: [OperatorFault] = []
        for place in task.places {
            do throws(OperatorFault) { try LocalLink.check(place.address) } catch { faults.append(error) }
        }
        if let first = faults.first, faults.count == task.places.count { throw first }
    }

    // MARK: - The server's side, on the loop's thread

    private func note(_ happening: BrokerLink.Event) {
        switch happening {
        case .connected(let address, let connection, _):
            outbox.connected(connection, to: address, over: broker)
            lastFault = nil
            if request == nil { ask() }
        case .lost(_, let fault):
            outbox.lost(fault)
            if fault != lastFault { Terminal.printError(fault) }
            lastFault = fault
        case .acknowledged(let ids):
            outbox.acknowledged(ids, over: broker)
            endIfAllIsSent()
        case .notSubscribed(let fault): Terminal.printError(fault)
        }
        again?.set(at: outbox.due)
    }

    private func ask() {
        let message = join.request()
        let frame = node.sign(message)
        request = Request(message: message, frame: frame, topic: message.topic(to: task.server))
        say("device: asking \(task.server) to join, \(task.way.text), sequence \(message.sequence)")
        publishRequest()
        if task.opensLink { nextLink?.set(after: task.late) }
    }

    private func publishRequest() {
        guard let request else { preconditionFailure("nothing was asked yet") }
        node.record(
            TraceLine(request.message, frame: request.frame, from: .device, to: .c2, at: TraceFile.now), isSent: true)
        outbox.publish(outbox.next(request.frame, on: request.topic), over: broker)
        again?.set(at: outbox.due)
    }

    private func receive(_ payload: [UInt8]) {
        node.record(received: payload, checkedBy: ring)
        for effect in join.receive(payload, checkedBy: ring) {
            switch effect {
            case .say(let text): say("device: \(text)")
            case .prove(let received):
                let shown = task.provesWrongValue ? Secret.random() : received
                value = shown
                link?.take(value: shown)
            case .show(let received):
                value = received
                show(received)
            case .answer(let message): publish(message)
            case .left(let departure): end(with: departure)
            case .decided(let outcome): conclude(outcome)
            case .answeredAgain where isReplaying:
                result = .replayAnswered
                loop.stop()
            case .answeredAgain: break
            }
        }
    }

    private func conclude(_ outcome: DeviceJoin.Outcome) {
        result = .decided(outcome)
        nextLink?.set(at: nil)
        if outcome == .joined, task.then != .nothing {
            becomeMember()
        } else if outcome == .joined, let wait = task.replayWait {
            (isReplaying, result) = (true, .replayIgnored)
            say("device: publishing the same OBS_JOIN_REQ again")
            publishRequest()
            end?.set(after: wait)
        } else {
            end?.set(after: link?.isProving == true ? DeviceRun.outcomeGrace : .zero)
        }
    }

    // MARK: - The beacon's side, on the loop's thread

    private func openLink() {
        let (beacon, address) = (round.place.beacon, round.place.address)
        var limits = DeviceLink.Limits()
        if task.places.count > 1 { limits.hold = .seconds(5) }  // other beacons are waiting
        let session = DeviceSession(
            DeviceSession.Parties(
                device: node.id, server: task.server, beacon: beacon, transport: address.transport, modes: task.modes),
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
        let link = DeviceLink(
            loop, to: address, session: session, limits: limits, sign: { [node, task] in task.signature(of: $0, node) },
            report: { [unowned self] report in note(report) })
        self.link = link
        link.open(from: round.place.adapter)
    }

    private func note(_ report: DeviceLink.Report) {
        switch report {
        case .say(let text): say("device: \(text)")
        case .linked: break
        case .presented: round.presented()
        case .frame(let frame, let sent):
            node.record(frame, isSent: sent, token: join.latestToken)
        case .ended(let how):
            link = nil
            if case .left(let why) = how { say("device: left the link: \(why)") }
            let place = round.place
            let line = missing.note(how, at: place.address) {
                try? RadioSurvey.take().fault(place.adapter, isLE: place.address.transport == .le)
            }
            if case .decided = result { return loop.stop() }
            if let line { say("device: \(line)") }
            if !isReplaying, !result.isJoin { follow(round.ended(how, at: .now)) }
        }
    }

    private func follow(_ next: DeviceRound.Next) {
        switch next {
        case .visit(let moment): nextLink?.set(at: moment)
        case .done: break
        case .fault(let error, let address):
            fault = LocalLink.fault(error, to: address)
            loop.stop()
        }
    }
}
