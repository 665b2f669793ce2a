import BootTime
import EventLoop
import Keys
import Nearby
import OperatorText
import ProofLink
import SRUP

/// Where the devices of a load join.
public struct LoadSite: Sendable {
    /// The server.
    public var server: Identifier
    /// Its key.
    public var serverKey: PublicKey
    /// The beacon that observes, and where it is.
    public var place: BeaconPlace
    /// After its request a late device waits this long.
    public var late = Duration.seconds(2)
    /// How long a join may take.
    public var limit = Duration.seconds(200)

    /// A site with the usual times.
    public init(server: Identifier, serverKey: PublicKey, place: BeaconPlace) {
        (self.server, self.serverKey, self.place) = (server, serverKey, place)
    }
}

/// How a join of a load has ended.
public enum LoadEnd: String, CaseIterable, Codable, Sendable {
    /// RESPONSE 50, 5E, 5F.
    case joined, refused, failed
    /// Nothing within the time of a join.
    case noAnswer = "no answer"
    /// The device's connection to the broker has ended.
    case disconnected
    /// The run has ended before it.
    case interrupted

    init(_ outcome: DeviceJoin.Outcome) {
        self =
            switch outcome {
            case .joined: .joined
            case .refused: .refused
            case .failed: .failed
            }
    }
}

/// One join of a simulated device: the request, the links, the server's answer, and the moment of each step.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class LoadJoin: @unchecked Sendable {
    /// What a join needs of its device.
    struct Outlets {
        let publish: (_ frame: [UInt8], _ topic: String) -> Void
        /// A link has ended, or was not made.
        let linkEnded: (LinkPlan.Ended) -> Void
        /// The join has ended; a fault is the operator's and ends the run.
        let ended: (LoadEnd, OperatorFault?) -> Void
    }

    /// How long to wait for OUTCOME if the server's decision was faster.
    private static let outcomeGrace = Duration.milliseconds(500)
    /// How long an early device waits for WAIT before it asks its server.
    private static let earlyLimit = Duration.seconds(2)

    let planned: LoadPlan.Join
    let began = Instant.now
    private(set) var moments = LoadMoments()
    private(set) var links = 0
    private let loop: Loop
    private let node: BenchNode
    private let site: LoadSite
    private let ring: PublicKeys
    private let outlets: Outlets
    private var join: DeviceJoin
    private var round: DeviceRound
    private var link: DeviceLink?
    private var next: Alarm?
    private var value: Secret?
    private var decision: DeviceJoin.Outcome?
    private var hasDropped = false
    private var isOver = false

    /// The token that the join has now.
    var token: Token { join.latestToken }

    init(
        _ planned: LoadPlan.Join, of node: BenchNode, sequence: SequenceID, _ site: LoadSite, _ ring: PublicKeys,
        on loop: Loop, _ outlets: Outlets
    ) {
        (self.planned, self.node, self.site, self.ring) = (planned, node, site, ring)
        (self.loop, self.outlets) = (loop, outlets)
        let key = node.key
        join = DeviceJoin(
            own: node.id, server: site.server, way: .observed(by: site.place.beacon), sequence: sequence,
            token: Token(random: randomBytes(16)), unseal: { sealed throws(UnsealingError) in try key.unseal(sealed) })
        round = DeviceRound([site.place], presentsOnce: false)
    }

    func begin() {
        next = Alarm(loop) { [weak self] in self?.due() }
        switch planned.behaviour {
        case .honest, .falseProof, .wrongID, .dropped:
            ask()
            openLink()
        case .silent: ask()
        case .late:
            ask()
            next?.set(after: site.late)
        case .early:
            openLink()
            if moments.asked == nil { next?.set(after: LoadJoin.earlyLimit) }
        }
    }

    /// Ends it, whatever it does.
    func end(_ how: LoadEnd, _ fault: OperatorFault? = nil) {
        guard !isOver else { return }
        isOver = true
        link?.drop()
        next?.set(at: nil)
        outlets.ended(how, fault)
    }

    private func due() {
        if let decision { return end(LoadEnd(decision)) }
        if moments.asked == nil { return ask() }
        if link == nil { openLink() }
    }

    // MARK: - The server's side

    private func ask() {
        let message = join.request()
        let frame = node.sign(message)
        node.record(TraceLine(message, frame: frame, from: .device, to: .c2, at: TraceFile.now), isSent: true)
        moments.asked = .now
        outlets.publish(frame, message.topic(to: site.server))
    }

    func receive(_ payload: [UInt8]) {
        guard !isOver else { return }
        let now = Instant.now
        node.record(received: payload, checkedBy: ring)
        for effect in join.receive(payload, checkedBy: ring) {
            switch effect {
            // A join that is over ends here, so it shows nothing and takes no orders.
            case .say, .answeredAgain, .show, .answer, .left: break
            case .prove(let received):
                moments.answered = now
                let isFalse = planned.behaviour == .falseProof && planned.mode == .value
                let shown = isFalse ? Secret.random() : received
                value = shown
                link?.take(value: shown)
            case .decided(let outcome):
                (moments.decided, decision) = (now, outcome)
                next?.set(after: link?.isProving == true ? LoadJoin.outcomeGrace : .zero)
            }
        }
    }

    // MARK: - The beacon's side

    private func openLink() {
        let behaviour = planned.behaviour
        let device = behaviour == .wrongID ? Identifier(node.id.number ^ 1 << 63) : node.id
        let session = DeviceSession(
            DeviceSession.Parties(
                device: device, server: site.server, beacon: site.place.beacon,
                transport: site.place.address.transport, modes: [planned.mode]),
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value,
            authenticate: behaviour == .falseProof ? LoadJoin.falseTags : hmacSHA256)
        let link = DeviceLink(
            loop, to: site.place.address, session: session, sign: { [node] in node.signature(of: $0) },
            report: { [weak self] in self?.note($0) })
        self.link = link
        links += 1
        moments.open(at: .now)
        link.open(from: site.place.adapter)
    }

    /// Makes the tag of PROOF false, and nothing else: the claim of keyed mode, and the check of the beacon's tag, stay correct.
    private static let falseTags: Authenticator = { key, message in
        var tag = hmacSHA256(key, message)
        let texts = ["SRUP proof link v1 device", "SRUP proof link keyed device"]
        if texts.contains(where: { message.starts(with: $0.utf8) }) { tag[0] ^= 1 }
        return tag
    }

    private func note(_ report: DeviceLink.Report) {
        guard !isOver else { return }
        let now = Instant.now
        switch report {
        case .say: break
        case .linked: moments.linked = now
        case .presented: moments.proved = now
        case .frame(let frame, let isSent):
            node.record(frame, isSent: isSent, token: join.latestToken)
            moments.note(frame, at: now)
            if case .wait = frame, moments.asked == nil { ask() }
            if case .challenge = frame, planned.behaviour == .dropped, !hasDropped { drop() }
        case .ended(let how):
            link = nil
            outlets.linkEnded(how)
            if decision != nil { return due() }
            if moments.asked == nil { ask() }
            // It has been judged: a second proof would be a second misbehaviour.
            if planned.behaviour == .falseProof, case .outcome(.invalid, _) = how { return }
            follow(round.ended(how, at: now))
        }
    }

    /// The link sees to it that nothing is sent any more; it ends after its own turn.
    private func drop() {
        hasDropped = true
        let link = link
        link?.drop()
        self.link = nil
        follow(round.ended(.closed, at: .now))
        loop.perform { withExtendedLifetime(link) {} }
    }

    private func follow(_ step: DeviceRound.Next) {
        switch step {
        case .visit(let moment): next?.set(at: moment)
        case .done: break
        case .fault(let error, let address): end(.interrupted, LocalLink.fault(error, to: address))
        }
    }
}
