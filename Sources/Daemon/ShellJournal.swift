import BootTime
import EventLoop
import Glibc
import Keys
import Logging
import Observing
import OperatorText
import SRUP

// Opening the journal, losing it and reopening it. After a failed write the observer is discarded; the state on disk is
// authoritative and is loaded as after a restart (decisions/0003).
extension Shell {
    /// Opens the journal and restores the state in it.
    /// - Throws: `Journal.Failure`, or `OperatorFault` where a person is needed.
    func openJournal() throws {
        _ = try StateFolder(path: folder.path)  // it may have been removed meanwhile
        let mark = UsedMark(configuration)
        let journal = try Journal(
            folder, bootID: startup.bootID, knownDamaged: recovery.health.isDamaged,
            wasUsed: mark.isThere || !knownCeilings.isEmpty, wasReplaced: recovery.health.isReplaced)
        mark.leave()
        note(journal.finding)
        try begin(recordIn: journal)
        let floors = try raiseSequences(in: journal)
        warnOfFloors()
        if let since = try journal.takeFullSince() { log.warning("the disk was full at \(Timestamp(since))") }
        var observer = Shell.emptyObserver(configuration, materials, runningKey)
        let effects = observer.restore(
            try journal.servers(), try journal.openObservations(materials.keyring), update: try journal.update(),
            activations: try journal.activations(),
            sequencesLost: try journal.acceptedIDsWereLost())
        observer.raiseSequences(floors)
        observer.identify = { [unowned self] question in assumeIsolated { $0.identification(question) } }
        verdictsToday = try journal.verdictsToday(at: wallSeconds())
        (self.observer, self.journal) = (observer, journal)
        recovery.health.recovered()
        if observer.openObservations > 0 { log.notice("\(observer.openObservations) open observations go on") }
        // What waits goes first: a server drops what a later sequence id has overtaken.
        broker.publishOutbox()
        transact { try record(effects, &$0) }
        joinServers()
        unanswered.look()
    }

    private func note(_ finding: Journal.Finding) {
        let message: String
        switch finding {
        case .whole: return
        case .damaged(let aside): message = "the journal was damaged and has been set aside as \(aside)"
        case .lost:
            message = "the journal is missing, or is not the one that belongs to the sequence ids that were used"
        }
        recovery.health.found(message)
        log.error("\(message); observations are refused until each server has answered a new join")
    }

    /// A floor that stays in the configuration would be taken at the next loss, when it is too low.
    private func warnOfFloors() {
        guard configuration.servers.values.contains(where: { $0.sequenceFloor != nil }) else { return }
        log.notice("sequence-floor has done its work; hint: take it out of the configuration")
    }

    /// The journal cannot be written: nothing is acted on until it can.
    func journalFailed(_ error: any Error) {
        if error is IdentityKey.SigningError { Shell.endWithout(materials.key, "sign") }
        guard let failure = error as? Journal.Failure else { preconditionFailure("\(error)") }
        if failure.isFull { journal?.recordFullDisk(since: wallSeconds()) }
        // A folder that was removed takes both files with it; what this process knows is not lost.
        if let journal { knownCeilings.merge(journal.ceilings.ceilings) { max($0, $1) } }
        journal = nil  // closing it takes back what was not committed
        links.closeUnrecorded()
        observer = Shell.emptyObserver(configuration, materials, runningKey)
        deadlineTimer.set(at: nil)
        recovery.begin(after: failure)
    }

    /// A token was removed, or a TPM stopped answering: nothing was committed or acknowledged; the next start reports the cause.
    /// - Parameter use: what the key can no longer do: "sign" or "open".
    static func endWithout(_ key: IdentityKey, _ use: String) -> Never {
        Logger(label: "srup-beacon").critical(
            "the identity key can no longer \(use): it is \(key.home); hint: check that the token or the TPM is there"
        )
        _exit(1)
    }

    func makeRecovery() -> JournalRecovery {
        JournalRecovery(
            folder.path, clock: clock, log: log,
            outlets: JournalRecovery.Outlets(
                open: { [unowned self] in
                    try assumeIsolated { shell in
                        try shell.openJournal()
                        return shell.journal != nil
                    }
                },
                changed: { [unowned self] in assumeIsolated { $0.notifier.tellStatus() } },
                recovered: { [unowned self] in assumeIsolated { $0.broker.link?.hurry() } }, wallSeconds: wallSeconds))
    }
}

extension Configuration {
    /// Where our sequence ids towards each server start at least. Each one that is configured is listened to with that, also if
    /// we never ask it by ourselves: its JOIN_CMD may be the first thing between us.
    var sequenceFloors: [Identifier: SequenceID] { servers.mapValues { $0.sequenceFloor ?? SequenceID(0) } }
}
