import Auditing
import BootTime
import EventLoop
import Keys
import Observing
import SRUP

// The record of verdicts (docs/audit.md): whose it is, when its end is signed, and who is told.
extension Shell {
    /// The longest signature of a head that the answer to ID_REQUEST carries, so that it stays below 4 KiB: of RSA-8192.
    private static let longestIdentifiedSignature = 1_024

    func makeRecordHeads() -> RecordHeads {
        RecordHeads(
            clock: clock,
            outlets: RecordHeads.Outlets(
                untold: { [unowned self] in
                    assumeIsolated { $0.journal?.verdictChain.map { $0.link.number - $0.announced } }
                },
                settings: { [unowned self] in assumeIsolated { $0.configuration.history } },
                sign: { [unowned self] in assumeIsolated { $0.tellHead() } }))
    }

    /// Continues the chain of verdicts, with the key that signs now.
    func begin(recordIn journal: Journal) throws(Journal.Failure) {
        let seconds = wallSeconds()
        try journal.beginRecord(
            of: configuration.identity, key: materials.key.publicKey, configuration.history.retention, at: seconds)
        if journal.finding != .whole {
            log.notice("the record of verdicts begins again: servers are told with its next head")
        }
    }

    /// The identity key was replaced: the record keeps the old one's public half.
    func noteRecordKey() {
        transact { _ in try journal?.noteKey(materials.key.publicKey, at: wallSeconds()) }
    }

    /// The message that is handled may get its verdict at once. A server that asks who we are is told the end as it is now.
    func prepareRecord(for event: Event) throws {
        guard case .message(let message, _) = event else {
            journal?.arrived = nil
            return
        }
        journal?.arrived = message.frame
        if case .identityRequest = message.content.body {
            try journal?.signHead(by: materials.key, at: wallSeconds())
            observer.identification = Shell.identification(configuration, head: identifiedHead)
        }
    }

    /// The signed end of the record for the answer to ID_REQUEST; nil: there is none.
    var identifiedHead: AuditLine? {
        guard let head = journal?.verdictChain?.head, head.signature.count <= Shell.longestIdentifiedSignature else {
            return nil
        }
        return head.line
    }

    /// Signs the end of the record, tells the servers, and deletes what is kept no longer.
    private func tellHead() {
        let servers = observer.memberships.keys
        let tokens = Dictionary(
            uniqueKeysWithValues: servers.map { server in
                (server, Token(random: randomBytes(16), server: server, beacon: configuration.identity))
            })
        transact { transaction in
            try journal?.prune(at: wallSeconds(), atMost: VerdictRecord.prunedWithoutVerdict)
            guard let head = try journal?.signHead(by: materials.key, at: wallSeconds()) else { return }
            journal?.verdictChain?.announced = head.link.number
            try feed(.recordSigned(head: head.json, tokens: tokens), &transaction)
        }
    }
}
