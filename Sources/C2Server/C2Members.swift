import BootTime
import SRUP

// Human-moderated joins (§5.2.1), leaving (§6), and the operator's orders (§3.3, §3.5, §3.6).
extension C2 {
    /// The command that an answer belongs to.
    struct Asked: Equatable, Sendable {
        enum What: Hashable, Sendable {
            case action(UInt8)
            case data, identity, deregister, update, activate
        }

        let node: Identifier
        let what: What
    }

    /// Bound on the commands that wait for an answer; without it, one silent node could fill the memory.
    private static let mostAsked = 1_024

    /// Minimum number of a token's characters that name a join.
    static let markLength = 8

    /// Carries out an order, if that is possible now.
    public mutating func obey(_ order: C2Order) -> [Effect] {
        switch order {
        case .accept(let device, let mark): accept(device, mark)
        case .refuse(let device): decideByHand(device, .refused)
        case .observer(let node, let may): setObserver(node, may)
        case .require(let grade): require(grade)
        case .join(let node): command(.joinCommand(device: node), node, nil)
        case .terminate(let node): command(.terminateCommand, node, nil) + leave(node, .terminated)
        case .deregister(let node): command(.deregisterCommand, node, .deregister) + leave(node, .terminated)
        case .identity(let node): command(.identityRequest, node, .identity)
        case .action(let node, let code): command(.action(code), node, .action(code))
        case .update(let node, let url, let digest): update(node, url, digest)
        case .activate(let node): command(.activate, node, .activate, updates[node])
        case .data(let node, let id, let data): command(.data(id: id, data: data), node, .data)
        case .forget(let node): forget(node)
        case .stage(let nodes, let url, let digest, let percent): stage(nodes, url, digest, percent: percent)
        case .staged(let order): obey(order)
        case .name(let node, let text): [.say(text.isEmpty ? "\(node) has no name" : "\(node) is called \"\(text)\"")]
        case .site(let node, let text): [.say(text.isEmpty ? "\(node) has no site" : "\(node) is at \"\(text)\"")]
        }
    }

    /// Sends a command to a member; JOIN_CMD also to others.
    mutating func command(
        _ body: Body, _ node: Identifier, _ what: Asked.What?, _ known: Token? = nil
    ) -> [Effect] {
        guard !deregistered.contains(node) else { return [.say("\(node) is permanently deregistered")] }
        guard body.type == .joinCommand || joined.contains(node) else {
            return [.say("\(node) has not joined")]
        }
        let token = known ?? dependencies.commandToken(node)
        if what == .update { updates[node] = token }
        if let what {
            // A pending deregistration is never dropped.
            if asked.count >= C2.mostAsked {
                asked.first { $0.value.what != .deregister }.map { asked[$0.key] = nil }
            }
            asked[token] = Asked(node: node, what: what)
            self.repeat(body, token, to: node, what)
        }
        return [.send(message(body, token, to: node), to: node), .say("\(body.type.name) to \(node)")]
    }

    /// Both texts end in one NUL, as in the reference.
    mutating func update(_ node: Identifier, _ url: String, _ digest: [UInt8]) -> [Effect] {
        let body = Body.initiate(url: Octets(terminated: url), digest: Octets(terminated: hexadecimal(digest)))
        return command(body, node, .update)
    }

    /// - Parameter how: nil: it is as if it had never joined.
    mutating func leave(_ node: Identifier, _ how: MembershipState?) -> [Effect] {
        if joined.contains(node) { departed[node] = how }
        joined.remove(node)
        waiting.removeAll { $0.device == node }
        probes[node] = nil
        endCommands(to: node)
        let reason = "\(node) is no longer a member"
        return endObserving(of: node, reason) + endJoin(of: node, reason) + decide(.failed, node, reason)
            + failStaged(node, "it is no longer a member")
    }

    /// The registry no longer has a key of this node: its membership ends, and nothing can be sent to it.
    mutating func expel(_ node: Identifier) -> [Effect] {
        // Another node that is registered under this identifier later must not inherit the right to observe.
        given[node] = nil
        registryObservers.remove(node)
        return [.say("\(node) is no longer in the registry")] + leave(node, .terminated)
    }

    /// An answer to a command counts only from the node that received the command.
    mutating func answered(
        _ command: Asked, _ message: Message, _ status: Status, _ frame: [UInt8]
    ) -> [Effect] {
        guard command.node == message.sender else {
            return refuse(message, frame, .verdict, "\(status) from a node that was not asked")
        }
        // INITIATE and ACTIVATE have one token, and ACTIVATE may have been sent before the answer to INITIATE.
        let isOfInitiate = command.what == .activate && status.isOfInitiate
        if !isOfInitiate {
            asked[message.token] = nil
            endRepeating(message.token)
        }
        let what = isOfInitiate ? Asked(node: command.node, what: .update) : command
        let isReplaced = what.what == .update && updates[command.node] != message.token
        let effects =
            accepted(message, frame) + [
                .say(
                    "\(what.description)\(isReplaced ? ", replaced by a newer one," : "") of \(command.node): \(status)"
                )
            ]
        guard command.what == .deregister, status == .deregisterSuccess else {
            return effects + (isReplaced ? [] : stagedAnswered(command.node, message.token, status))
        }
        // It may have asked to join again in the meantime.
        let failed = decide(.failed, command.node, "\(command.node) is permanently deregistered")
        deregistered.insert(command.node)
        given[command.node] = nil
        return effects + failed + [.say("\(command.node) is permanently deregistered")]
    }

    // MARK: - Human-moderated joins

    /// Why a device may not join in this join mode; nil if it may.
    func objection(to device: Identifier, _ joinMode: JoinMode) -> String? {
        guard let joinModes = policy.joinModes else { return nil }
        guard let allowed = joinModes[device] else { return "the policy does not name the device" }
        return allowed.contains(joinMode) ? nil : "the policy does not allow it a join of the mode \(joinMode)"
    }

    /// A device's new request replaces its earlier one.
    mutating func moderate(_ device: Identifier, _ token: Token, _ now: Instant) -> [Effect] {
        let asks = Effect.say("\(device) asks for a human-moderated join")
        let why = objection(to: device, .human)
        if why == nil, !hasRoom(for: device, isObserved: false) { return wait(device, nil, token, now) }
        waiting.removeAll { $0.device == device }
        let value = dependencies.value()
        guard why == nil, let sealed = dependencies.seal(value, device) else {
            let why = why ?? "the value could not be sealed"
            return [
                asks, .say("\(device) may not join: \(why)"),
                .send(message(.response(.joinRefused), token, to: device), to: device),
                .decided(.refused, device: device, observer: nil, Grounds(reason: why)),
            ]
        }
        let answerToken = dependencies.token()
        var remark: [Effect] = []
        if let older = moderated[device] {
            note(Ended(device, older, .failed, Grounds(reason: C2.askedAgain)))
            remark = [.say("\(device) has asked again: its earlier request is replaced")]
        }
        moderated[device] = Moderated(answerToken: answerToken, deadline: now + policy.humanWindow)
        return remark + [
            asks, .send(message(.humanJoinResponse(sealed: sealed), answerToken, to: device), to: device),
            .moderate(device: device, value),
        ]
    }

    /// The mark that `accept` must name for this device's open join; nil if none is open.
    func mark(of device: Identifier) -> String? {
        moderated[device].map { String($0.answerToken.description.prefix(C2.markLength)) }
    }

    private mutating func accept(_ device: Identifier, _ mark: String) -> [Effect] {
        if let name = moderated[device]?.answerToken.description {
            guard name == mark || (mark.count >= C2.markLength && name.hasPrefix(mark)) else {
                return [.say("this mark does not belong to the open join of \(device); compare the newest value")]
            }
        }
        return decideByHand(device, .accepted)
    }

    private mutating func decideByHand(_ device: Identifier, _ decision: Decision) -> [Effect] {
        guard moderated[device] != nil else { return [.say("no join of \(device) waits for a decision")] }
        return decide(decision, device, "a person compared the values")
    }

    mutating func decide(_ decision: Decision, _ device: Identifier, _ reason: String) -> [Effect] {
        guard let join = moderated.removeValue(forKey: device) else { return [] }
        let grounds = Grounds(reason: reason)
        note(Ended(device, join, decision, grounds))
        if decision == .accepted { joined.insert(device) }
        return [
            .send(message(.response(decision.status), join.answerToken, to: device), to: device),
            .decided(decision, device: device, observer: nil, grounds),
        ]
    }

    // MARK: - Leaving

    /// Whether this server has agreed to this request before: the node repeats it until it has the answer, which may be late or lost.
    func hasReleased(_ node: Identifier, isEnd: Bool) -> Bool {
        isEnd ? deregistered.contains(node) : !joined.contains(node) && departed[node] == .resigned
    }

    /// - Parameter isEnd: whether it asks to be deregistered.
    mutating func letGo(_ node: Identifier, isEnd: Bool, _ token: Token) -> [Effect] {
        guard !hasReleased(node, isEnd: isEnd) else { return answerAgain(node, isEnd: isEnd, token) }
        // One that has resigned may still have asked for more before it heard that.
        let isOurs = joined.contains(node) || (isEnd && departed[node] == .resigned)
        let agrees = isOurs && !policy.keeps.contains(node)
        let status = agrees ? C2.release(isEnd: isEnd) : isEnd ? .deregisterFail : .resignFail
        let answer = message(.response(status), token, to: node)
        let effects: [Effect] = [
            .say("\(node) asks to \(isEnd ? "be deregistered" : "resign"): \(status)"), .send(answer, to: node),
        ]
        guard agrees else { return effects + remind(node, isLeaving: true) }
        if isEnd {
            deregistered.insert(node)
            given[node] = nil
        }
        return effects + leave(node, .resigned)
    }

    /// The answer that lets a node go.
    static func release(isEnd: Bool) -> Status { isEnd ? .deregisterSuccess : .resignSuccess }

    /// The same answer, and nothing else: the node has left.
    private mutating func answerAgain(_ node: Identifier, isEnd: Bool, _ token: Token) -> [Effect] {
        let status = C2.release(isEnd: isEnd)
        return [
            .say("\(node) repeats its request to \(isEnd ? "be deregistered" : "resign"): \(status)"),
            .send(message(.response(status), token, to: node), to: node),
        ]
    }
}

extension Status {
    /// Whether it answers INITIATE, under whose token ACTIVATE goes too (§3.2).
    var isOfInitiate: Bool {
        [.updateSuccess, .updateFailServer, .updateFailFile, .updateFailDigest, .updateFailHTTPError].contains(self)
    }
}

extension C2.Asked {
    var description: String {
        switch what {
        case .action(let code): "the answer to action 0x" + hexadecimal([code])
        case .data: "the answer to data"
        case .identity: "the answer to ID_REQUEST"
        case .deregister: "the answer to DEREGISTER_CMD"
        case .update: "the answer to INITIATE"
        case .activate: "the answer to ACTIVATE"
        }
    }
}
