import Keys
import Links
import Observing
import SRUP

// Messages: what comes from a broker, what goes to one, and what a broker acknowledges.
extension Shell {
    /// Publishes over the connection that is there; what cannot go now goes from the outbox when there is one.
    func publish(_ outgoing: [Outgoing]) {
        guard !outgoing.isEmpty, case .connected(_, let connection) = brokerState else { return }
        broker?.publish(outgoing, over: connection)
    }

    /// How long messages, or deadlines, are worked on before links have their turn, in nanoseconds; the journal's commit is added
    /// to it. Longer: devices wait for HELLO.
    static let turnLength: Int64 = 30_000_000

    /// The beginning of a batch from the broker, as much of it as one turn has time for.
    /// - Returns: how many messages have been taken, once the journal has what they caused; nil where it does not.
    func take(_ batch: ArraySlice<Incoming>, arrivedAt moment: Instant) -> Int? {
        arrival = .message(moment)
        defer { arrival = nil }
        let end = bootNanoseconds() + Shell.turnLength
        var taken = 0
        let kept = transact { transaction in
            for (index, incoming) in zip(batch.indices, batch) {
                let begun = bootNanoseconds()
                if var event = try event(from: incoming), isInBudget(event, at: begun) {
                    if case .message(let message, var context) = event {
                        context.isOvertaken = isOvertaken(message.content, in: batch[(index + 1)...])
                        event = .message(message, context)
                    }
                    let isTaken = try feed(event, &transaction)
                    // What is refused costs its sender nothing: anybody could copy an old message of it again and again.
                    if isTaken, case .message(let message, _) = event {
                        work.add(for: message.content.sender, from: begun, to: bootNanoseconds())
                    }
                }
                taken += 1
                if bootNanoseconds() >= end { break }
            }
        }
        Checkpoint.pass()
        return kept ? taken : nil
    }

    /// Whether a newer request of the same server for the same device is among these messages: then this one need not be opened. It
    /// counts only where its signature holds and its token names us, so that it is not a copy of what another beacon was asked.
    private func isOvertaken(_ message: Message, in later: ArraySlice<Incoming>) -> Bool {
        guard case .observationRequest(let device, _) = message.body else { return false }
        return later.contains { incoming in
            guard let frame = try? UnverifiedFrame(incoming.payload), frame.claimedSender == message.sender,
                case .observationRequest(device, _) = frame.unverifiedMessage.body,
                let newer = try? frame.verified(by: keyring).content
            else { return false }
            return newer.sequence > message.sequence && newer.token != message.token && newer.token.parties != nil
                && newer.token.mayBe(from: newer.sender, for: configuration.identity)
        }
    }

    /// Where there are several servers, none of them keeps the beacon from the others for long.
    private func isInBudget(_ event: Event, at now: Int64) -> Bool {
        guard configuration.servers.count > 1, case .message(let message, _) = event else { return true }
        let (sender, body) = (message.content.sender, message.content.body)
        guard !body.isAlwaysHeard, !work.hasRoom(for: sender, at: now) else { return true }
        reports.refuse(
            "too-fast", "\(body.type.name) from \(sender): it keeps this beacon from its other servers", sender: sender)
        return false
    }

    /// Checks 1 to 4 of rules §1. What fails is counted, logged in one line, and dropped.
    private func event(from incoming: Incoming) throws -> Event? {
        do {
            let frame = try UnverifiedFrame(incoming.payload)
            guard frame.claimedSender != configuration.identity else { return nil }  // our own, on the shared topic
            let message = try frame.verified(by: keyring)
            return .message(message, try context(of: message.content))
        } catch let error as FrameError {
            reports.refuse("malformed-frame", "a message on \(shown(incoming.topic)): \(error)")
        } catch let error as VerificationError {
            switch error {
            case .unknownSender: reports.refuse("unknown-sender", "a message on \(shown(incoming.topic)): \(error)")
            case .badSignature: reports.refuse("bad-signature", "a message on \(shown(incoming.topic)): \(error)")
            }
        }
        return nil
    }

    /// What the journal knows about a message's token. A token that names its parties has no owner but them.
    private func context(of message: Message) throws -> MessageContext {
        var context = MessageContext()
        if case .response = message.body { return context }
        if case .observationRequest = message.body {
            context.verdict = try journal?.verdict(of: Exchange(server: message.sender, token: message.token))
        }
        guard message.token.parties == nil else { return context }
        let others = observer.memberships.keys.filter { $0 != message.sender }
        context.tokenOwner = try journal?.owner(of: message.token, among: others)
        return context
    }

    /// A topic is chosen by whoever publishes: only printable ASCII of it is shown.
    private func shown(_ topic: String) -> String {
        topic.utf8.count <= 80 && topic.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            ? topic : "0x" + hexadecimal(topic.utf8.prefix(80))
    }

    func brokerHappened(_ happening: BrokerLink.Happening) {
        switch happening {
        case .connected(let address, let connection):
            log.notice("connected to the broker \(address)", metadata: .of("broker-connected"))
            brokerState = .connected(address, connection: connection)
            reports.brokerConnected()
            brokerFaults = [:]
            publishOutbox()
            versionHasComeUp()
        case .lost(let address, let newest):
            // A refusal may overtake its reason: a bare end adds nothing to what is known since the last connection.
            let fault = newest == .closed ? brokerFaults[address] ?? newest : newest
            if brokerFaults.updateValue(fault, forKey: address) == fault {
                log.debug("still not connected to \(address): \(fault.sentence)")
            } else {
                log.warning("\(address): \(fault.sentence); hint: \(fault.hint)", metadata: .of("broker-lost"))
            }
            brokerState = .lost(address, fault)
        case .acknowledged(let ids):
            Checkpoint.pass()
            noteDelivered(ids)
            endIfAllHasLeft()
        }
        service.status(statusLine)
    }

    /// The broker has these messages: the end of an observation's way.
    private func noteDelivered(_ ids: [Int64]) {
        var told: [(exchange: Exchange, device: Identifier)] = []
        guard transact({ _ in told = try journal?.delivered(ids, at: wallSeconds()) ?? [] }) else { return }
        for (exchange, device) in told {
            events.say(
                .info, about: "acknowledged",
                "the broker has the answer to \(exchange.server) about \(device), token \(exchange.token)",
                .of("acknowledged", exchange, device: device))
        }
    }

    /// Everything that no broker has acknowledged, in the order in which it was signed.
    func publishOutbox() {
        do {
            publish(try journal?.outbox().map { Outgoing(id: $0.id, topic: $0.topic, payload: $0.frame) } ?? [])
        } catch {
            journalFailed(error)
        }
    }
}
