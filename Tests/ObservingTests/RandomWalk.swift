import BootTime
import ProofLink
import SRUP
import Testing

@testable import Observing

/// Servers, devices and strangers that do anything at any time. The model of the journal checks each effect; what
/// the observer holds is compared with the journal along the way.
struct RandomWalk {
    static let servers = [server, otherServer, Identifier(0xC4)]
    static let devices = [device, otherDevice, Identifier(0xD3), beacon]
    static let signals: [Int8?] = [-40, -60, -80, -81, -100, nil]
    static let peers = signals.map { Peer(transport: .le, address: "peer at \($0 ?? 0) dBm", signal: $0) }

    static func policy(_ random: inout SplitMix64) -> Policy {
        Policy {
            $0.observationWindow = .seconds(20)
            $0.observationLimit = 7
            $0.mismatchLimit = Int.random(in: 1...3, using: &random)
            $0.reportsEvidence = random.once(in: 2)
            $0.modes = random.pick([
                [.challenge], [.value, .challenge], [.challenge, .keyed], [.value, .challenge, .keyed],
            ])
            $0.requestRate = RateLimit(burst: 4, interval: .milliseconds(100))
            $0.commandRate = RateLimit(burst: 8, interval: .milliseconds(500))
            ($0.linkLimit, $0.linksPerPeer, $0.heldOffPeers) = (8, 3, 4)
            ($0.holdLimit, $0.maximumHoldOff) = (.seconds(10), .seconds(4))
            $0.maximumRoundTrip = random.once(in: 3) ? .seconds(1) : nil
            $0.minimumSignal = random.once(in: 3) ? -80 : nil
        }
    }

    var random: SplitMix64
    var harness: Harness
    var values: [RequestID: UInt8] = [:]
    var modes: [LinkID: Mode] = [:]
    /// What devices claim, and what they have already proved.
    var claims: [LinkID: KeyedWalk] = [:]
    /// Why messages were refused, and how often.
    var refusals: [String: Int] = [:], restarts = 0
    var everOpened: Set<RequestID> = []
    var oldTokens: [RequestID] = []
    var (fetching, activating): (RequestID?, RequestID?)
    /// How many devices have proved and signed.
    var keyedValids = 0

    init(seed: UInt64) {
        random = SplitMix64(state: seed)
        harness = Harness(Self.policy(&random), members: Self.servers)
    }

    /// How far updates got.
    var phases: Set<Update.Phase> = []

    mutating func step() {
        if let phase = harness.journal.update?.phase { phases.insert(phase) }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<14: for _ in 0..<(random.once(in: 50) ? 8 : 1) { ask() }
        case 14..<17: chat()
        case 17: goOnUpdating()
        case 18..<34: connect()
        case 34..<74: use()
        case 74..<94: pass()
        case 94...97: member()
        case 98: crash()
        default: restart()
        }
        everOpened.formUnion(harness.journal.open.keys)
    }

    // MARK: - Servers

    private mutating func ask() {
        let members = Self.servers.filter { harness.journal.memberships[$0]?.isMember == true }
        let server = random.pick(members.isEmpty || random.once(in: 4) ? Self.servers : members)
        var exchange = RequestID(server: server, token: token("t"))
        if let old = oldTokens.randomElement(using: &random), random.once(in: 3) {
            exchange = old
        } else {
            let fresh = harness.freshToken()
            let isBound = random.once(in: 2)
            let other = random.once(in: 12) ? random.pick(Self.devices) : beacon
            exchange = RequestID(
                server: server, token: isBound ? token("\(fresh)@\(server)@\(other)") : fresh)
            oldTokens.append(exchange)
            if oldTokens.count > 20 { oldTokens.removeFirst() }
        }
        // Another server uses the token.
        if random.once(in: 12) { exchange = RequestID(server: random.pick(Self.servers), token: exchange.token) }
        let value = UInt8.random(in: 1...4, using: &random)
        let sealed = random.once(in: 12) ? random.pick([[], [1, 2, 3], [9]]) : [UInt8](repeating: value, count: 16)
        if harness.journal.open[exchange] == nil { values[exchange] = value }
        let device = random.once(in: 12) ? beacon : random.pick(Self.devices)
        let effects = harness.say(
            .observationRequest(joining: device, sealed: Octets(sealed)), exchange.token, by: exchange.server,
            isOvertaken: random.once(in: 12))
        for refusal in effects.refusals { refusals[refusal.name.rawValue, default: 0] += 1 }
    }

    private mutating func chat() {
        var (_, body) = random.pick(MessageTableTests.table)
        let server = random.pick(Self.servers + [Identifier(0xBAD)])
        // More than one token: an update's last answer applies to its own token.
        let addressed =
            random.once(in: 3)
            ? plainToken(of: server, UInt8.random(in: 1...40, using: &random)) : plainToken(of: server)
        switch body {
        case .terminateCommand, .deregisterCommand, .observationRequest: return
        case .action: body = .action(random.pick([1, 2, 2, 2, 3, 4, 99]))
        case .initiate: body = .initiate(url: Octets(terminated: "https://x"), digest: digest())
        default: break
        }
        let last = harness.journal.accepted[server]?.number ?? 0
        let sequences = [last, last / 2, .max, last + 1, last + 1000]
        let effects = harness.say(
            body, random.once(in: 4) ? token("foreign") : addressed, by: server,
            sequence: SequenceID(random.pick(sequences))
        )
        for refusal in effects.refusals { refusals[refusal.name.rawValue, default: 0] += 1 }
        follow(effects)
    }

    private mutating func digest() -> Octets {
        Octets(terminated: random.once(in: 6) ? "no digest" : String(repeating: "ab", count: 32))
    }

    /// The child processes of an update end, in time or too late.
    private mutating func goOnUpdating() {
        if let exchange = fetching, random.once(in: 2) {
            let outcomes: [Fetched] = [
                .verified(version: "2"), .httpError(status: 404, contents: [1]), .noServer, .noFile, .otherDigest,
            ]
            harness.handle(.fetched(exchange, random.once(in: 2) ? outcomes[0] : random.pick(outcomes)))
            if !random.once(in: 3) { follow(harness.say(.activate, exchange.token, by: exchange.server)) }
        }
        if let exchange = activating, random.once(in: 2) {
            harness.handle(.activated(exchange, done: random.once(in: 2)))
        }
    }

    /// What the shell does with its requests.
    mutating func follow(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .wantToken(let server): harness.handle(.again(server, harness.freshToken()))
            case .act(_, let exchange): harness.handle(.acted(exchange, done: random.once(in: 2)))
            case .fetch(let update): fetching = update.exchange
            case .install(let update), .confirm(let update): activating = update.exchange
            case .record, .send, .tell, .close, .present, .destroy, .discardUpdate, .report: break
            }
        }
    }

    /// Links open and close in every way.
    private mutating func member() {
        let server = random.pick(Self.servers)
        let fresh = harness.freshAddressedToken()
        let membership = harness.journal.memberships[server] ?? .stranger
        switch membership {
        case .member:
            switch Int.random(in: 0..<10, using: &random) {
            case 9: harness.handle(.joinAgain(server, harness.freshToken(), random.pick([.simple, .human])))
            case 0: harness.say(.terminateCommand, fresh, by: server)
            case 1: harness.handle(.resign(server, harness.freshToken()))
            case 2: harness.handle(.deregister(server, harness.freshToken()))
            case 3: follow(harness.say(.joinCommand(device: random.pick([beacon, device])), fresh, by: server))
            case 4: follow(harness.say(.action(1), fresh, by: server))
            case 5, 6: follow(harness.say(.action(2), fresh, by: server))
            default:
                follow(
                    harness.say(
                        .initiate(url: Octets(terminated: "https://x"), digest: digest()), fresh, by: server))
            }
        case .resigning(let token):
            harness.say(.response(random.pick([.resignSuccess, .resignFail])), token, by: server)
        case .deregistering(let token): harness.say(.response(.deregisterFail), token, by: server)
        case .joining(let token, let joinMode):
            guard joinMode != .simple, !random.once(in: 4) else {
                harness.say(.response(random.once(in: 4) ? .joinRefused : .joinSuccess), token, by: server)
                return
            }
            let sealed = Octets([UInt8](repeating: 1, count: random.once(in: 8) ? 5 : 16))
            harness.say(
                joinMode == .human ? .humanJoinResponse(sealed: sealed) : .observedJoinResponse(sealed: sealed),
                harness.freshToken(), by: server)
        case .presenting(let token, _):
            harness.say(.response(random.once(in: 4) ? .joinFail : .joinSuccess), token, by: server)
        case .terminated where random.once(in: 2):
            follow(
                harness.say(
                    .joinCommand(device: beacon), random.pick([plainToken(of: server), token("any")]), by: server))
        case .stranger, .refused, .terminated, .resigned:
            let joinMode: JoinMode = random.pick([.simple, .simple, .human, .observed(by: otherDevice)])
            harness.handle(.join(server, harness.freshToken(), joinMode))
        case .deregistered: break
        }
    }

    // MARK: - Devices

    private mutating func connect() {
        let (link, effects) = harness.connect(random.pick(Self.peers))
        guard effects.outcomes[link] == nil, !random.once(in: 4) else { return }
        ready(link)
    }

    private mutating func ready(_ link: LinkID) {
        let mode: Mode = random.pick([.value, .value, .challenge, .challenge, .keyed, .keyed])
        guard mode != .keyed else { return claim(over: link) }
        modes[link] = mode
        harness.handle(.received(link, .ready(mode: mode, device: random.pick(Self.devices))))
    }

    private mutating func use() {
        guard let link = harness.journal.links.keys.sorted(by: { $0.number < $1.number }).randomElement(using: &random)
        else { return }
        switch Int.random(in: 0..<16, using: &random) {
        case 0: harness.disconnect(link)
        case 1: harness.handle(.malformed(link))
        case 2: harness.handle(.received(link, .wait(seconds: 1)))
        case 3: modes[link] == .keyed && !random.once(in: 4) ? claim(over: link) : ready(link)
        case 4...9: harness.handle(.challengeLeft(link))
        case 10 where random.once(in: 4): harness.handle(.received(link, .sign(last: random.once(in: 2), [1])))
        default: present(over: link)
        }
    }

    /// A proof, right or wrong, and its expected result, worked out from the journal alone.
    mutating func present(over link: LinkID) {
        guard let state = harness.journal.links[link], state.isChallenged, let device = state.device,
            let mode = modes[link], let peer = harness.peers[link], let before = harness.observer.links[link]
        else { return }
        guard mode != .keyed else { return presentKeyed(over: link, peer, before) }
        // The proof may arrive at any time near a deadline, or exactly at it.
        standNearADeadline()
        let now = harness.now
        let asked = harness.journal.open.filter { $0.value.device == device && $0.value.deadline > now }.keys
        let number =
            random.once(in: 3) ? 0 : asked.sorted { $0.description < $1.description }.first.flatMap { values[$0] } ?? 0
        let matching = asked.filter { values[$0] == number }
        let policy = harness.observer.policy
        let isNear =
            policy.maximumRoundTrip.map { bound in before.challengeLeft.map { now - $0 <= bound } ?? false } ?? true
            && policy.minimumSignal.map { bound in peer.signal.map { $0 >= bound } ?? false } ?? true
        let isInTime = before.deadline > now && !asked.isEmpty
        let isUnmeasured = policy.minimumSignal != nil && peer.signal == nil
        let frame =
            mode == .value ? LinkFrame.value(secret(number)) : Harness.proof(secret(number), over: link, as: device)
        let effects = harness.handle(.received(link, frame))
        let valid = effects.recorded.compactMap { change -> RequestID? in
            if case .answered(let exchange, _, .valid, _, _) = change { exchange } else { nil }
        }
        must(
            Set(valid) == (isInTime && isNear && !isUnmeasured ? Set(matching) : []),
            "valid for \(valid), wanted \(matching)")
        let wanted: Outcome =
            !isInTime ? .fail : isUnmeasured ? .busy : matching.isEmpty ? .invalid : !isNear ? .tooFar : .valid
        must(effects.outcomes[link] == wanted, "\(String(describing: effects.outcomes[link])), wanted \(wanted)")
    }

    // MARK: - Time

    private mutating func pass() {
        var effects: [Effect]
        if random.once(in: 4), let next = harness.observer.nextDeadline, next > harness.now {
            effects = harness.advance(next - harness.now)
        } else {
            effects = harness.advance(.milliseconds(Int.random(in: 0...1500, using: &random)))
        }
        effects += harness.settle()
        must(!effects.verdicts.contains(.valid), "valid without a proof")
        follow(effects)
        compare()
        let now = harness.now
        must(harness.observer.observations.values.allSatisfy { $0.deadline > now }, "an observation is overdue")
        must(harness.observer.links.values.allSatisfy { $0.deadline > now }, "a link is overdue")
    }

    private mutating func restart() {
        harness.now = harness.now + .seconds(random.pick([0, 0, 5, 100]))
        restarts += 1
        harness.restart(sameBoot: !random.once(in: 4), losingRequests: random.once(in: 4), losingKey: restarts % 5 == 0)
        harness.observer.policy = Self.policy(&random)
        compare()
    }

    /// The process ends before anything of an event is in the journal, and restarts; what is delivered again is new.
    private mutating func crash() {
        let journal = harness.journal
        switch Int.random(in: 0..<4, using: &random) {
        case 0: ask()
        case 1: pass()
        case 2: member()
        default: use()
        }
        harness.journal = journal
        restart()
    }
}
