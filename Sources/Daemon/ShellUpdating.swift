import Observing
import SRUP

// Update over SRUP (§3.2): what its components need of the rest.
extension Shell {
    func makeUpdateFetcher() -> UpdateFetcher {
        UpdateFetcher(
            UpdateFolder(in: configuration.stateFolder), configurationFile: startup.configurationFile, log: log,
            background: background,
            timeLimit: { [unowned self] in assumeIsolated { $0.configuration.updates.timeLimit } },
            handle: { [unowned self] event in assumeIsolated { _ = $0.handle(event) } })
    }

    func makeUpdateActivation() -> UpdateActivation {
        UpdateActivation(
            UpdateFolder(in: configuration.stateFolder), configurationFile: startup.configurationFile,
            version: Shell.version, clock: clock, log: log, background: background,
            outlets: UpdateActivation.Outlets(
                settings: { [unowned self] in assumeIsolated { $0.configuration.updates } },
                handle: { [unowned self] event in assumeIsolated { $0.handle(event) } },
                countStart: { [unowned self] in assumeIsolated { $0.countStartOfUpdate() } },
                canRecord: { [unowned self] in assumeIsolated { $0.journal != nil } },
                isConnected: { [unowned self] in assumeIsolated { $0.broker.isConnected } },
                startOther: { [unowned self] in assumeIsolated { $0.stopping.stop(startingAgain: true) } }))
    }

    private func countStartOfUpdate() -> Int? {
        do {
            return try journal?.countStartOfUpdate() ?? 0
        } catch {
            journalFailed(error)
            return nil
        }
    }
}

extension Update.Phase {
    var words: String {
        switch self {
        case .fetching: "fetching"
        case .fetched(let version): "version \(version) is here and verified; it waits to be activated"
        case .activating(let version): "activating version \(version)"
        case .answered(let status): "\(status)"
        }
    }
}
