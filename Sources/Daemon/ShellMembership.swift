import EventLoop
import Files
import Glibc
import Keys
import Nearby
import Observing
import OperatorText
import ProofLink
import SRUP

// The beacon as a device of its servers (docs/protocol.md, "Joining and leaving" and "Commands").
extension Shell {
    // MARK: - Joining

    /// A join in the manner that the configuration has for a server, or in another.
    func joinEvent(_ server: Identifier, _ joinMode: JoinMode? = nil) -> Event? {
        guard let entry = configuration.servers[server], maySend(to: server) else { return nil }
        return .join(server, freshToken(), joinMode ?? entry.terms.joinMode)
    }

    /// A request to a server that we are a member of already, because a person says that it does not know us.
    func joinAgainEvent(_ server: Identifier, _ joinMode: JoinMode) -> Event? {
        guard case .join(let server, let token, let joinMode) = joinEvent(server, joinMode) else { return nil }
        return .joinAgain(server, token, joinMode)
    }

    /// Whether it is known which sequence ids are above all that were used.
    private func maySend(to server: Identifier) -> Bool {
        journal != nil && !sequenceStarts.awaited.contains(server)
    }

    func freshToken() -> Token { Token(random: randomBytes(16)) }

    /// Of a request to leave: all servers of ours hear it on our topic, and nothing else in it says which one is meant.
    func freshToken(for server: Identifier) -> Token { Token(random: randomBytes(16), for: server) }

    /// The answer to `Effect.wantToken`.
    func againEvent(_ server: Identifier) -> Event? {
        guard configuration.servers[server] != nil, maySend(to: server) else { return nil }
        return .again(server, freshToken(for: server))
    }

    func makeOwnProofs() -> OwnProofs {
        OwnProofs(
            configuration.identity, from: configuration.radio.adapters.first ?? .any, loop: loop, clock: clock,
            events: events,
            outlets: OwnProofs.Outlets(
                value: { [unowned self] server in assumeIsolated { $0.observer.presented(to: server) } },
                configuredAddress: { [unowned self] server in
                    assumeIsolated { $0.configuration.servers[server]?.observerAddress }
                },
                signer: { [unowned self] in
                    assumeIsolated { shell in
                        let key = shell.materials.key
                        return { Shell.sign($0, with: key) }
                    }
                }))
    }

    /// Our own signature over a proof: it is made with the key that signs all else.
    private static func sign(_ message: [UInt8], with key: IdentityKey) -> [UInt8] {
        guard let signature = try? key.signature(over: [message[...]]) else { endWithout(key, "sign") }
        return signature
    }

    // MARK: - What a server orders (§3.6)

    /// - Returns: what became of it, for the observer to answer.
    func act(_ action: Action, _ exchange: RequestID) -> Event {
        let done: Bool
        switch action {
        case .pause, .resume: preconditionFailure("the observer does \(action) itself")
        case .identify: done = light.blink(seconds: observer.identifySeconds, askedBy: exchange.server)
        case .restartRadio:
            events.say(.notice, about: "action", "server \(exchange.server) has the radio restarted")
            done = restartRadio()
        }
        take(.acted(exchange, action.rawValue, done ? .actionSuccess : .actionFail))
        return .acted(exchange, done: done)
    }

    // MARK: - The end (§6)

    func makeDeregistration() -> Deregistration {
        Deregistration(
            clock: clock, log: log,
            outlets: Deregistration.Outlets(
                outboxCount: { [unowned self] in assumeIsolated { try? $0.journal?.outboxCount() } },
                note: { [unowned self] words in
                    assumeIsolated { shell in
                        do throws(FileError) { try shell.folder.noteDeregistration(words, isFinished: false) } catch {
                            return error
                        }
                        return nil
                    }
                },
                destroy: { [unowned self] words in assumeIsolated { $0.destroyKeys(words) } },
                stop: { [unowned self] in assumeIsolated { $0.stopping.stop() } }, wallSeconds: wallSeconds))
    }

    /// - Returns: whether they are, and it is noted.
    private func destroyKeys(_ words: String) -> Bool {
        do throws(OperatorFault) {
            try configuration.destroyKeys(words, in: folder) { log.warning("\($0)") }
            return true
        } catch {
            log.error("\(error.message); hint: \(error.hint(for: .beacon))")
            return false
        }
    }
}

extension Configuration {
    /// Destroys the private keys and the client certificate: overwrites and deletes them. On flash memory an old copy may stay in
    /// cells that the controller has put aside.
    /// - Returns: what could not be destroyed.
    @discardableResult
    func destroyKeys(say: (String) -> Void) -> [String] {
        var left: [String] = []
        for path in [keyFile, tls.key, tls.certificate] + CredentialFolder.spareFiles(of: self) {
            if let home = try? KeyLocation.named(in: path), home.outlivesFile {
                say("the key that \(path) named stays \(home): remove it there")
            }
            if Configuration.isCredential(path) {
                say("\(path) is a credential: remove it where the unit takes it from")
                continue
            }
            do throws(FileError) { try File.destroy(path) } catch {
                var status = stat()
                let isLeft = lstat(path, &status) == 0
                say("\(path) \(isLeft ? "cannot be destroyed" : "is removed, and was not overwritten"): \(error)")
                if isLeft { left.append(path) }
            }
        }
        return left
    }

    /// Whether systemd has put a file there for this process alone: it cannot be changed, and goes with the process.
    private static func isCredential(_ path: String) -> Bool {
        getenv("CREDENTIALS_DIRECTORY").map { path.hasPrefix(String(cString: $0) + "/") } ?? false
    }

    /// Destroys the keys of an identity that was taken out of the system, and notes that it is done: from then on, keys that are put
    /// there are new ones.
    /// - Throws: `OperatorFault` where a key is left, or the note cannot be written: the next start tries again.
    fileprivate func destroyKeys(_ words: String, in folder: StateFolder, say: (String) -> Void) throws(OperatorFault) {
        let left = destroyKeys(say: say)
        guard left.isEmpty else {
            throw OperatorFault(
                "this beacon was taken out of the system \(words), and its keys could not all be destroyed: \(left.joined(separator: ", "))",
                hint: "destroy them as root: shred -u \(left.joined(separator: " "))")
        }
        do throws(FileError) { try folder.noteDeregistration(words, isFinished: true) } catch {
            throw OperatorFault(
                "this beacon was taken out of the system \(words); that its keys are destroyed cannot be noted in \(folder.path): \(error)",
                hint: "start it once before new keys are put there, with a state folder that can be written")
        }
    }

    /// A power cut between the note and the last key leaves keys: they go now.
    /// - Throws: `OperatorFault` where they cannot be destroyed, or it is not known whether this is such a beacon.
    func finishDeregistration() throws(OperatorFault) {
        let folder = StateFolder(lookingInto: stateFolder)
        guard let end = try folder.deregistration, !end.isFinished else { return }
        try destroyKeys(end.words, in: folder) { _ in }
    }

    /// Does what writes new keys, beside a beacon that runs and may be taken out of the system meanwhile: that notes it before it destroys
    /// the keys, so a check afterwards finds either no keys or the note.
    /// - Throws: what the body throws, and `OperatorFault` where the beacon has been taken out before or meanwhile.
    package func writingKeys<Result>(_ body: () throws -> Result) throws -> Result {
        try checkNotDeregistered()
        defer { if isDeregistered { destroyKeys { _ in } } }
        let result = try body()
        try checkNotDeregistered()
        return result
    }

    /// Whether it is known that this beacon was taken out of the system.
    package var isDeregistered: Bool { (try? StateFolder(lookingInto: stateFolder).deregistration) != nil }

    /// Checks that this identity still exists.
    /// - Throws: `OperatorFault` where this beacon has been taken out of the system.
    public func checkNotDeregistered() throws {
        try StateFolder(lookingInto: stateFolder).checkNotDeregistered()
    }
}
