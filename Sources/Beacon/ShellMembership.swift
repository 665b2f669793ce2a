import Enrolling
import Glibc
import Keys
import Links
import Observing
import ProofLink
import SRUP

// The beacon as a device of its servers (rules §8): joining, leaving, and what servers order.
extension Shell {
    /// What the shell holds for that.
    struct MembershipState {
        /// Where the observers of our own joins are.
        var observers: [Identifier: NearbyAddress] = [:]
        /// The link over which we show our own value.
        var showing: [Identifier: Showing] = [:]
        /// Who has taken us out of the system, and until when its confirmation may still leave, in nanoseconds of
        /// CLOCK_BOOTTIME.
        var end: (server: Identifier, latest: Int64)?
        var blinking: Blinking?
    }

    /// Our own proof to another beacon.
    struct Showing {
        var plan = LinkPlan(presentsOnce: false)
        var link: DeviceLink?
        let again: Alarm
    }

    /// How long what we have signed may take to reach the broker before our keys are destroyed all the same.
    private static let farewellLimit: Int64 = 30_000_000_000

    // MARK: - Joining

    /// A join in the manner that the configuration has for a server, or in another.
    func joinEvent(_ server: Identifier, _ manner: JoinManner? = nil) -> Event? {
        guard let entry = configuration.servers[server], journal?.sequencesUnknown == false else { return nil }
        return .join(server, freshToken(), manner ?? entry.terms.manner)
    }

    /// A request to a server that we are a member of already, because a person says that it does not know us.
    func joinAgainEvent(_ server: Identifier, _ manner: JoinManner) -> Event? {
        guard case .join(let server, let token, let manner) = joinEvent(server, manner) else { return nil }
        return .joinAgain(server, token, manner)
    }

    func freshToken() -> Token { Token(random: randomBytes(16)) }

    /// Of a request to leave: all servers of ours hear it on our topic, and nothing else in it says which one is meant.
    func freshToken(for server: Identifier) -> Token { Token(random: randomBytes(16), for: server) }

    /// The answer to `Effect.wantToken`.
    func againEvent(_ server: Identifier) -> Event? {
        guard configuration.servers[server] != nil, journal?.sequencesUnknown == false else { return nil }
        return .again(server, freshToken(for: server))
    }

    /// Our own value has come. A human asks for it by `srup-beacon join --human`; to an observer we go ourselves.
    func present(to server: Identifier, _ manner: JoinManner) {
        guard case .observed(let observer) = manner else {
            events.say(
                .notice, about: "present",
                "server \(server) waits for human eyes; hint: srup-beacon join \(server.topicForm) --human shows the value"
            )
            return
        }
        guard let address = membership.observers[server] ?? configuration.servers[server]?.observerAddress else {
            events.say(
                .warning, about: "present",
                "where observer \(observer) is near by is not known; hint: set observer-address in [server \(server.topicForm)]"
            )
            return
        }
        membership.showing[server] = Showing(
            again: Alarm(loop) { [unowned self] in assumeIsolated { $0.show(to: server, observer, at: address) } })
        show(to: server, observer, at: address)
    }

    private func show(to server: Identifier, _ beacon: Identifier, at address: NearbyAddress) {
        guard membership.showing[server] != nil, let value = observer.presented(to: server) else {
            membership.showing[server] = nil
            return
        }
        let session = DeviceSession(
            DeviceSession.Parties(
                device: configuration.identity, server: server, beacon: beacon, transport: address.transport),
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
        let key = key
        let link = DeviceLink(
            loop, to: address, session: session, sign: { Shell.sign($0, with: key) },
            report: { [unowned self] report in
                assumeIsolated { $0.happened(report, showingTo: server, address) }
            })
        membership.showing[server]?.link = link
        link.open(from: configuration.radio.adapters.first ?? .any)
    }

    /// Our own signature over a proof: it is made with the key that signs all else.
    private static func sign(_ message: [UInt8], with key: IdentityKey) -> [UInt8] {
        guard let signature = try? key.signature(over: [message[...]]) else { endWithout(key, "sign") }
        return signature
    }

    private func happened(_ report: DeviceLink.Report, showingTo server: Identifier, _ address: NearbyAddress) {
        switch report {
        case .presented: membership.showing[server]?.plan.presented()
        case .frame: break
        case .say(let words):
            events.say(.info, about: "own-proof", "our own proof for \(server), at \(address): \(words)")
        case .ended(let how):
            membership.showing[server]?.link = nil
            if case .left(let why) = how {
                events.say(.warning, about: "own-proof", "our own proof for \(server), at \(address): \(why)")
            }
            switch membership.showing[server]?.plan.after(how) {
            case .again(let milliseconds): membership.showing[server]?.again.set(after: .milliseconds(milliseconds))
            case .fault(let error):
                log.warning("our own proof for \(server), at \(address): \(error)")
                membership.showing[server] = nil
            // Until the server has answered: it may ask the observer again.
            case .done: membership.showing[server]?.again.set(after: .milliseconds(LinkPlan.longestPause))
            case nil: break
            }
        }
    }

    // MARK: - What a server orders (§3.6)

    /// - Returns: what became of it, for the observer to answer.
    func act(_ action: Action, _ exchange: Exchange) -> Event {
        let done: Bool
        switch action {
        case .pause, .resume: preconditionFailure("the observer does \(action) itself")
        case .identify: done = identify(for: observer.identifySeconds, asked: exchange.server)
        case .restartRadio:
            events.say(.notice, about: "action", "server \(exchange.server) has the radio restarted")
            done = restartRadio()
        }
        take(.acted(exchange, action.rawValue, done ? .actionSuccess : .actionFail))
        return .acted(exchange, done: done)
    }

    // MARK: - The end (§6)

    /// Out of the system: what is signed leaves, then our keys are destroyed.
    func prepareEnd(_ server: Identifier) {
        guard membership.end == nil else { return }
        log.warning("server \(server) has taken this beacon out of the system: its keys are destroyed now")
        membership.end = (server, bootNanoseconds() + Shell.farewellLimit)
        alarms?.end.set(at: membership.end.map { Instant(nanoseconds: $0.latest) })
        endIfAllHasLeft()
    }

    /// Once the broker has everything of ours, or the time is up.
    func endIfAllHasLeft() {
        guard let end = membership.end else { return }
        // A journal that cannot be read may hold something that is still to leave.
        let left = try? journal?.outboxCount()
        guard left == 0 || bootNanoseconds() >= end.latest else { return }
        membership.end = nil
        let words = "by \(end.server) at \(wallTime(wallSeconds()))"
        folder.noteDeregistration(words, isFinished: false)
        configuration.destroyKeys { log.warning("\($0)") }
        folder.noteDeregistration(words, isFinished: true)
        log.warning("deregistered: the keys are destroyed")
        stop()
    }
}

extension Configuration {
    /// Destroys the private keys and the client certificate: overwritten, and away. On flash memory an old copy may stay in
    /// cells that the controller has put aside.
    func destroyKeys(say: (String) -> Void) {
        for path in [keyFile, tls.key, tls.certificate] + CredentialFolder.spareFiles(of: self) {
            if let home = try? KeyHome.named(in: path), home.outlivesFile {
                say("the key that \(path) named stays \(home): remove it there")
            }
            if let number = destroyFile(path) {
                say("\(path) cannot be destroyed: \(String(cString: strerror(number)))")
            }
        }
    }

    /// A power cut between the note and the last key leaves keys: they go now.
    func finishDeregistration() {
        let folder = StateFolder(lookingInto: stateFolder)
        guard let end = folder.deregistration, !end.isFinished else { return }
        destroyKeys { _ in }
        folder.noteDeregistration(end.words, isFinished: true)
    }

    /// Does what writes new keys, beside a beacon that runs and may be taken out of the system meanwhile: that notes it before it destroys
    /// the keys, so whoever looks afterwards finds either nothing left or the note.
    /// - Throws: what the body throws, and `OperatorFault` where the beacon has been taken out before or meanwhile.
    func writingKeys<Result>(_ body: () throws -> Result) throws -> Result {
        try checkNotDeregistered()
        defer { if (try? checkNotDeregistered()) == nil { destroyKeys { _ in } } }
        let result = try body()
        try checkNotDeregistered()
        return result
    }

    /// Looks whether this identity still is.
    /// - Throws: `OperatorFault` where this beacon has been taken out of the system.
    public func checkNotDeregistered() throws {
        guard let end = StateFolder(lookingInto: stateFolder).deregistration else { return }
        throw OperatorFault(
            "this beacon was taken out of the system \(end.words), and its keys are destroyed",
            hint: "give it a new identity: srup-beacon enrol URL --replace")
    }
}
