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
                    assumeIsolated { shell in
                        shell.journal?.verdictChain.map { $0.untold(hasMembers: shell.hasMembers) }
                    }
                },
                isUrgent: { [unowned self] in
                    assumeIsolated { $0.journal?.verdictChain?.isUrgent == true && $0.hasMembers }
                },
                settings: { [unowned self] in assumeIsolated { $0.configuration.history } },
                sign: { [unowned self] in assumeIsolated { $0.tellHead() } }))
    }

    private var hasMembers: Bool { observer.memberships.values.contains(.member) }

    /// A part of the record for an export.
    func auditPage(after place: Int64?) -> [UInt8] {
        journal?.holdPruning(from: clock.now)
        return (try? journal?.auditPage(after: place, at: wallSeconds())).map(\.json) ?? []
    }

    /// Continues the chain of verdicts, with the key that signs now.
    func begin(recordIn journal: Journal) throws(Journal.Failure) {
        let seconds = wallSeconds()
        let leftOver = try journal.beginRecord(
            of: configuration.identity, key: materials.key.publicKey, configuration.history.retention, at: seconds)
        if leftOver > 0 {
            log.error(
                "\(leftOver) rows of the record were of no verdict and have been deleted: somebody has changed the journal"
            )
        }
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
            // Half as much again as comes between two heads: a journal that is at its limit stays there.
            let most = max(VerdictRecord.prunedAtOnce, configuration.history.headVerdicts * 3 / 2)
            try journal?.prune(at: wallSeconds(), now: clock.now, atMost: most)
            guard let untold = journal?.verdictChain?.untold(hasMembers: hasMembers), untold > 0,
                let head = try journal?.signHead(by: materials.key, at: wallSeconds())
            else { return }
            try journal?.noteAnnounced(head.link.number, toMembers: hasMembers)
            try feed(.recordSigned(head: head.json, tokens: tokens), &transaction)
        }
    }
}
