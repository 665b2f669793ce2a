import Keys
import OperatorText

// SIGHUP, and `srup-beacon rotate`: the configuration and the keys are read again.
extension Shell {
    /// A configuration, and the keys that it names.
    struct Loaded: Sendable {
        let configuration: Configuration
        let materials: KeyMaterial
    }

    func makeReloading() -> Reloading<Loaded> {
        let startup = startup
        return Reloading(
            background: background,
            outlets: .init(
                load: {
                    let new = try Configuration(file: startup.configurationFile)
                    return Loaded(configuration: new, materials: try startup.loadMaterials(new))
                },
                begins: { [unowned self] in assumeIsolated { $0.notifier.reloadBegins() } },
                take: { [unowned self] result in assumeIsolated { $0.take(result) } },
                ends: { [unowned self] in assumeIsolated { $0.notifier.reloadEnds() } }))
    }

    /// Takes what can be taken of a changed configuration, and of a key that was rotated; a faulty one changes nothing.
    /// - Returns: what was wrong.
    private func take(_ result: Result<Loaded, any Error>) -> (any OperatorError)? {
        do {
            return apply(try result.get())
        } catch let fault as any OperatorError {
            log.error("\(fault.message); hint: \(fault.hint(for: .beacon)); the old configuration stays in force")
            return fault
        } catch {
            preconditionFailure("\(error)")
        }
    }

    private func apply(_ loaded: Loaded) -> (any OperatorError)? {
        let new = loaded.configuration
        for part in new.differencesThatNeedARestart(from: configuration) {
            log.warning("\(part) has changed: that needs a restart")
        }
        configuration.reload(from: new)
        (materials.keyring, observer.policy) = (loaded.materials.keyring, configuration.allowedPolicy)
        let isOurs = new.identity == configuration.identity && new.keyFile == configuration.keyFile
        if isOurs { take(loaded.materials) }
        observer.terms = new.terms
        observer.hasUpdater = new.updates.updater != nil
        setUpLog()
        log.notice("configuration read again\(configurationText)")
        warn()
        metricsFile.keep(configuration.metrics)
        journal?.verdictChain?.retention = configuration.history.retention
        renewal?.takeReplaced()
        raiseSequences()
        joinServers()
        broker.publishing.tryAgain()
        return isOurs ? nil : OperatorFault("[beacon] has changed", hint: "restart it")
    }

    /// From here on, everything is signed with the key that is there now.
    private func take(_ new: KeyMaterial) {
        runningKey.window = configuration.policy.observationWindow
        let isOther = runningKey.take(new, openUntil: observer.open.map(\.deadline).max())
        runningKey.confirmRotation(in: CredentialFolder(managing: configuration))
        guard isOther else { return }
        materials = new
        noteRecordKey()
        observer.unseal = new.unsealer { [runningKey] in runningKey.oldKeyOpened() }
        log.notice("the identity key has been replaced")
    }
}
