import Bench
import BootTime
import SRUP

extension C2 {
    /// Handles a payload from the broker. The checks, in this order: frame, known key, signature, sequence, token. The server's own
    /// messages are dropped, because the topics are shared.
    ///
    /// A member of several servers answers all of them on one topic, with separate sequence ids for each. An answer that this server
    /// does not wait for leaves the counter unchanged; otherwise those ids would block the node's next answer to us.
    /// - Parameter now: on the clock that `tick` has.
    public mutating func receive(_ payload: [UInt8], checkedBy keyring: some Keyring, at now: Instant) -> [Effect] {
        self.now = now
        let frame: UnverifiedFrame
        do throws(FrameError) { frame = try UnverifiedFrame(payload) } catch {
            return refuse(nil, payload, .frame, error.description)
        }
        guard frame.claimedSender != own else { return [] }
        let message: Message
        do throws(VerificationError) { message = try frame.verified(by: keyring).content } catch {
            let reason: Refusal =
                switch error {
                case .unknownSender: .sender
                case .badSignature: .signature
                }
            return refuse(frame.unverifiedMessage, payload, reason, error.description)
        }
        // A message to another server has that server's sequence ids: it must not change our counter.
        let received = Received(message.body)
        guard !isForAnotherServer(message, received) else { return [] }
        guard !deregistered.contains(message.sender) || received == .request(.deregister) else {
            return refuse(message, payload, .sender, "\(message.sender) is permanently deregistered")
        }
        let last = counter[message.sender]
        guard counter.isNew(message.sequence, of: message.sender) else {
            if received.answer != nil { repeatSoon(message) }
            return refuse(message, payload, .sequence, "sequence \(message.sequence) is not greater than \(last)")
        }
        if !isOfProbe(message, received), let what = received.answer, asked[message.token] == nil,
            open[message.token] == nil
        {
            if late.contains(message.token) {  // its site's join was decided without it
                _ = counter.accept(message.sequence, from: message.sender)
                return accepted(message, payload)
            }
            guard !twice.contains(message.token) else {
                return refuse(message, payload, .duplicate, "\(what) again, to a request that was repeated")
            }
            let isOurs = message.token.parties?.server == own
            return refuse(message, payload, .verdict, "\(what) under a token that no open observation has")
                + (isOurs ? remind(message.sender) : [])
        }
        if case .data(let id, _) = received, DataID(id) == .identificationResponse,
            identityRequest(to: message.sender) == nil, !isOfProbe(message, received)
        {
            return refuse(message, payload, .verdict, "an identification that was not requested")
        }
        guard !counter.isJump(message.sequence, of: message.sender, clock: dependencies.clock()) else {
            return refuse(
                message, payload, .sequence,
                "sequence \(message.sequence) is more than 2^32 above \(last), the last one, and ahead of this server's clock"
            )
        }
        _ = counter.accept(message.sequence, from: message.sender)
        if let effects = answerOfProbe(message, received, payload) {
            guard case .data(_, let data) = received else { return effects }
            return effects + note(headIn: data.bytes, of: message.sender, checkedBy: keyring)
        }
        if case .data(let id, let data) = received, DataID(id) == .observationProof, joined.contains(message.sender) {
            return take(proof: data.bytes, message, payload, checkedBy: keyring)
        }
        if case .data(let id, let data) = received, joined.contains(message.sender) {
            if DataID(id) == .auditHead { return take(head: data.bytes, message, payload, checkedBy: keyring) }
            if DataID(id) == .identification, asked[message.token] == Asked(node: message.sender, what: .identity) {
                return serve(received, message, payload, now)
                    + note(headIn: data.bytes, of: message.sender, checkedBy: keyring)
            }
        }
        return serve(received, message, payload, now)
    }

    /// All servers of a node receive its messages on one topic; the token says which server is addressed.
    private func isForAnotherServer(_ message: Message, _ received: Received) -> Bool {
        switch received {
        case .request(.resign), .request(.deregister): message.token.namesSomebody && !message.token.names(own)
        case .response, .data: message.token.parties.map { $0.server != own } ?? false
        case .request(.join), .request(.humanJoin), .request(.observedJoin), .betweenServers, .toDevices: false
        }
    }

    private mutating func serve(
        _ received: Received, _ message: Message, _ frame: [UInt8], _ now: Instant
    ) -> [Effect] {
        switch received {
        case .request(let request): tooOften(request, message, frame) ?? serve(request, message, frame, now)
        case .response(let status): judge(message, status, frame)
        case .data(let id, let data): take(id, data, message, frame)
        case .betweenServers:
            refuse(
                message, frame, .unserved,
                "\(message.body.type.name) is a message between servers, which this server does not support")
        case .toDevices: refuse(message, frame, .unserved, "\(message.body.type.name) is not a message to a server")
        }
    }

    private mutating func serve(
        _ request: Request, _ message: Message, _ frame: [UInt8], _ now: Instant
    ) -> [Effect] {
        let (node, token) = (message.sender, message.token)
        if !request.isToLeave { hasAsked.insert(node) }
        if case .observedJoin = request { observed.insert(node) }
        let effects =
            switch request {
            case .join: acceptJoin(of: node, token)
            case .humanJoin: moderate(node, token, now)
            case .observedJoin(let observer): open(node, observer, token, now)
            case .resign: letGo(node, isEnd: false, token)
            case .deregister: letGo(node, isEnd: true, token)
            }
        return accepted(message, frame) + effects
    }

    private mutating func take(_ id: Octets, _ data: Octets, _ message: Message, _ frame: [UInt8]) -> [Effect] {
        guard joined.contains(message.sender) else {
            return refuse(message, frame, .unserved, "data from a node that is not a member")
        }
        switch DataID(id) {
        case .observationEvidence:
            guard let join = open[message.token], join.observer == message.sender else {
                return refuse(message, frame, .verdict, "evidence that this node was not asked for")
            }
            // An observer must not be able to fill the history.
            guard join.evidence < C2.mostEvidence else {
                return refuse(message, frame, .verdict, "more evidence than \(C2.mostEvidence) messages")
            }
            open[message.token]?.evidence += 1
            take(evidence: data.bytes, message.token)
            let text = "evidence on \(join.device) from \(message.sender): \(readable(data.bytes))"
            return accepted(message, frame) + [.say(text)]
        case .identification:
            guard case .identity? = asked[message.token]?.what, asked[message.token]?.node == message.sender else {
                return refuse(message, frame, .verdict, "an identification that was not requested")
            }
            asked[message.token] = nil
            endRepeating(message.token)
            return accepted(message, frame) + [.say("identification of \(message.sender): \(readable(data.bytes))")]
        case .identificationResponse:
            if let request = identityRequest(to: message.sender) {
                asked[request] = nil
                endRepeating(request)
            }
            return accepted(message, frame) + [.say("identification of \(message.sender): \(readable(data.bytes))")]
        case .observationProof, .identifySeconds, .auditHead, .updateHTTPStatus, .updateHTTPContents, nil:
            guard let leftOut = rates.line(.data, of: message.sender, at: now) else { return [] }
            let more = leftOut == 0 ? "" : " (\(leftOut) earlier ones were not recorded)"
            return accepted(message, frame)
                + [.say("data \(readable(id.bytes)) of \(message.sender): \(readable(data.bytes))\(more)")]
        }
    }

    /// The token of an ID_REQUEST that this node has not answered.
    func identityRequest(to node: Identifier) -> Token? {
        asked.first { $0.value == Asked(node: node, what: .identity) }?.key
    }

    /// Bound on the messages of evidence for one observation; a beacon sends one.
    static let mostEvidence = 4

    func accepted(_ message: Message, _ frame: [UInt8]) -> [Effect] {
        [.record(message, frame: frame, refused: nil)]
    }

    private mutating func acceptJoin(of node: Identifier, _ token: Token) -> [Effect] {
        if let why = objection(to: node, .simple) {
            return [
                .say("join of \(node): refused: \(why)"),
                .send(message(.response(.joinRefused), token, to: node), to: node),
            ]
        }
        joined.insert(node)
        if !observed.contains(node) { beacons.insert(node) }
        return [
            .send(message(.response(.joinSuccess), token, to: node), to: node), .say("join of \(node): accepted"),
        ]
    }

    mutating func open(_ device: Identifier, _ observer: Identifier, _ token: Token, _ now: Instant) -> [Effect] {
        let asks = Effect.say("\(device) asks to join, observed by \(observer)")
        func refuseAtOnce(_ why: String, _ answer: Message) -> [Effect] {
            [
                asks, .say("\(device) may not join, observed by \(observer): \(why)"), .send(answer, to: device),
                .decided(.refused, device: device, observer: observer, Grounds(reason: why)),
            ]
        }
        if let why = objection(to: device, observer) {
            let mayJoin = objection(to: device, .observed) == nil && policy.accepted?.contains(device) ?? true
            return refuseAtOnce(why, message(.response(.joinRefused), token, to: device))
                + (mayJoin ? remindSite(of: observer) : [])
        }
        guard hasRoom(for: device, isObserved: true) else { return wait(device, observer, token, now) }
        waiting.removeAll { $0.device == device }
        let (value, (asked, quorum)) = (dependencies.value(), observers(for: observer))
        let sealed = asked.compactMap { beacon in dependencies.seal(value, beacon).map { (beacon, $0) } }
        guard let forDevice = dependencies.seal(value, device), sealed.count == asked.count else {
            return refuseAtOnce("the value could not be sealed", message(.response(.joinRefused), token, to: device))
        }
        let answerToken = dependencies.token()
        // A newer request replaces the earlier one, at the observer as well. The earlier one is not answered: the device waits for
        // the answer to the newer one, and would mistake "failed" for it.
        var replaced: [Effect] = []
        if let (token, older) = open.first(where: { $0.value.device == device }) {
            open[token] = nil
            close(older)
            note(Ended(older, .failed, Grounds(reason: C2.askedAgain)))
            replaced = [.say("\(device) asked again; its earlier request is replaced")]
        }
        let isOfQuorum = site(of: observer) != nil
        if isOfQuorum { votes[answerToken] = Votes(needed: quorum, asked: asked.count) }
        let response = message(.observedJoinResponse(sealed: forDevice), answerToken, to: device)
        return replaced + [asks, .send(response, to: device)]
            + sealed.map { beacon, sealed in
                let verdictToken = dependencies.observationToken(beacon)
                let deadline = now + policy.window
                open[verdictToken] = Join(
                    device: device, observer: beacon, answerToken: answerToken, deadline: deadline, named: observer,
                    value: value, isOfQuorum: isOfQuorum, sealed: sealed,
                    repetition: Repetition(sentAt: now, again: C2.observationPauses, until: deadline))
                let request = Body.observationRequest(joining: device, sealed: sealed)
                return .send(message(request, verdictToken, to: beacon), to: beacon)
            }
    }

    /// Why a device may not join by this observer; nil if it may.
    private func objection(to device: Identifier, _ observer: Identifier) -> String? {
        if let why = objection(to: device, .observed) { return why }
        if let accepted = policy.accepted, !accepted.contains(device) { return "the policy does not name the device" }
        if device == observer { return "a node cannot observe itself" }
        if !mayObserve(observer) { return "\(observer) may not observe; see c2 --observer" }
        if !joined.contains(observer) { return "the observer has not joined" }
        let (asked, quorum) = observers(for: observer)
        if asked.count < quorum {
            return "only \(asked.count) beacons of the site are members, and \(quorum) must see the device"
        }
        return nil
    }

    /// A verdict counts only from the observer that was asked, and under the token that it was asked with; otherwise a joining
    /// device could approve itself.
    private mutating func judge(_ message: Message, _ status: Status, _ frame: [UInt8]) -> [Effect] {
        if let command = asked[message.token] { return answered(command, message, status, frame) }
        guard let join = open[message.token] else {
            return refuse(message, frame, .verdict, "\(status) under a token that no open observation has")
        }
        guard join.observer == message.sender else {
            return refuse(message, frame, .verdict, "\(status) from a node that was not asked")
        }
        let decision: Decision
        var shortcoming: String?
        switch status.name {
        case .observedJoinValid: (decision, shortcoming) = self.decision(onValid: join)
        case .observedJoinInvalid: decision = .refused
        case .observedJoinFail: decision = .failed
        case .updateSuccess, .updateFailHTTPError, .updateFailServer, .updateFailFile, .updateFailDigest,
            .activateSuccess, .activateFail, .actionSuccess, .actionUnknown, .actionFail, .dataTypeUnknown,
            .joinSuccess,
            .joinRefused, .joinFail, .resignSuccess, .resignFail, .deregisterSuccess, .deregisterFail, nil:
            return refuse(message, frame, .verdict, "\(status) is not a verdict")
        }
        let grade = status == .observedJoinValid ? join.grade : nil
        let said =
            accepted(message, frame) + [.say("verdict of \(join.observer) on \(join.device): \(status)")]
            + (shortcoming.map { [.say("\(join.device) is not accepted: \($0)")] } ?? [])
        if shortcoming != nil, let again = askAgain(message.token, join) { return said + again }
        return said
            + settle(
                decision, message.token, join, "the verdict of \(join.observer): \(shortcoming ?? status.description)",
                grade: grade)
    }

    mutating func refuse(
        _ message: Message?, _ frame: [UInt8], _ reason: Refusal, _ explanation: String
    ) -> [Effect] {
        refusals[reason, default: 0] += 1
        let sender = reason.isOfVerifiedSender ? message?.sender : nil
        guard let leftOut = rates.line(.refusals(reason), of: sender, at: now) else { return [] }
        let more = leftOut == 0 ? "" : " (and \(leftOut) earlier ones of this kind)"
        let text = explanation + more
        let what = message.map { "\($0.body.type.name) of \($0.sender)" } ?? "a payload of \(frame.count) bytes"
        return [.record(message, frame: frame, refused: text), .say("refused \(what): \(text)")]
    }
}
