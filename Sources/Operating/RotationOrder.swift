import BootTime
import Daemon
import Enrolling
import EventLoop
import Glibc
import Keys
import OperatorText

/// `srup-beacon rotate`: a new identity key.
public struct RotationOrder {
    /// The beacon's configuration.
    public var configuration = ""
    /// A file with the service's CAs, where they are other ones than at the enrolment.
    public var authority: String?
    /// How the service is asked this time, if different from the enrolment.
    public var asking = RegistrationOptions()
    /// `tpm`, or a key file; nil: the new key is where the old one is.
    public var key: String?
    /// How a busy service is waited for; nil: it is not.
    public var busy: BusyWaiting?

    /// Seconds until what is signed with the old key has left.
    private static let timeout = 30

    /// Defaults for the caller to fill in.
    public init() {}

    /// Replaces the key at the service and here, and has a beacon that runs use it.
    /// - Throws: `OperatorError`; the old one is in use here then, as before.
    public func perform(say: @escaping (String) -> Void) throws {
        let configuration = try Configuration(file: configuration)
        guard let folder = CredentialFolder(managing: configuration) else {
            throw OperatorFault(
                "\(self.configuration) does not name the files of an enrolment, so there is no service that knows our key",
                hint: "replace the key file and the servers' copies of its public half by hand, and restart the beacon")
        }
        if isToBeFinished(folder, configuration) {
            say("an earlier rotation has replaced the key, and the beacon may not use it yet: finishing that one")
            return try haveItUsed(folder, configuration, say)
        }
        let home = try configuration.writingKeys { try rotate(folder, configuration) }
        say(
            "rotated: \(configuration.identity.topicForm) has a new identity key, \(home); servers get it from the registry"
        )
        try haveItUsed(folder, configuration, say)
    }

    /// Whether the key is in its place, and what is missing is only that the beacon uses it.
    private func isToBeFinished(_ folder: CredentialFolder, _ configuration: Configuration) -> Bool {
        guard !folder.hasUnfinishedRotation else { return false }
        guard folder.rotationMark == nil else { return true }
        guard let running = RotationOrder.runningKey(configuration), let own = RotationOrder.key(in: folder) else {
            return false
        }
        return running.fingerprint != own
    }

    /// The fingerprint of the key that is in its place, and not of the copy of its public half; nil: it cannot be read.
    private static func key(in folder: CredentialFolder) -> String? {
        (try? IdentityKey(pemFile: folder.identityKey))?.publicKey.fingerprint
    }

    /// nil: no beacon runs, or it does not tell, as an older one does not.
    private static func runningKey(_ configuration: Configuration) -> StatusReport.IdentityKey? {
        (try? Inquiry.status(configuration)).flatMap { try? Inquiry.report($0) }?.identityKey
    }

    private func rotate(_ folder: CredentialFolder, _ configuration: Configuration) throws -> KeyLocation {
        let service = try Renewal.service(in: folder)
        let asking = asking.over(service.asking)
        let client = try asking.client(for: service.address, authorityFile: authority ?? service.authorityFile)
        let registry = Registry(client, at: service.address)
        return try Rotation(folder: folder, registry: busy.map(registry.waiting) ?? registry) { Checkpoint.pass() }
            .run(from: key.map { KeyOrigin($0) }, bits: asking.keyBits) {
                try waitUntilNothingIsUnderWay(configuration)
                if folder.exists(folder.oldIdentityKey) { try waitUntilOldKeyIsFree(configuration) }
            }
    }

    /// The key before the last rotation is destroyed by this one. A beacon that is started again opens its open observations from what the
    /// servers have sealed, and so must still have the keys for them.
    private func waitUntilOldKeyIsFree(_ configuration: Configuration) throws(OperatorFault) {
        var need = OldKeyNeed.none
        for _ in 0..<RotationOrder.timeout * 2 {
            need = RotationOrder.oldKeyNeed(configuration)
            guard need != .none else { return }
            usleep(500_000)
        }
        let left = if case .seconds(let left) = need { left } else { Int64(0) }
        throw OperatorFault(
            "an open observation may still need the key before the last rotation, which this one destroys",
            hint: need == .unknown
                ? "it cannot be seen now: srup-beacon status; run this again when that answers"
                : "run this again in \(left) s, when that observation has ended")
    }

    /// How long an open observation may need the old key.
    private enum OldKeyNeed: Equatable {
        case none, unknown
        case seconds(Int64)
    }

    private static func oldKeyNeed(_ configuration: Configuration) -> OldKeyNeed {
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        guard Control.process(at: folder.control) == nil else {
            guard let report = try? Inquiry.report(Inquiry.status(configuration)) else { return .unknown }
            // An older beacon does not tell, and keeps no old key for long.
            return report.identityKey?.oldKeyNeededSeconds.map { .seconds($0) } ?? .none
        }
        guard access(folder.journal, F_OK) == 0 else { return .none }
        do {
            guard let end = try Journal.openUntil(of: folder) else { return .none }
            let left = end - .now
            return left > .zero ? .seconds(left.components.seconds + 1) : .none
        } catch {
            return .unknown
        }
    }

    /// What was signed with the old key must be with the broker before the servers are given the new one.
    private func waitUntilNothingIsUnderWay(_ configuration: Configuration) throws(OperatorFault) {
        for _ in 0..<RotationOrder.timeout * 10 {
            if RotationOrder.outbox(configuration) == 0 { return }
            usleep(100_000)
        }
        throw OperatorFault(
            "the beacon has messages that the broker has not taken yet, signed with the old key, or cannot tell",
            hint: "see srup-beacon status; run this again when beacon and broker are there")
    }

    /// The number of messages that wait; nil if it is not known.
    private static func outbox(_ configuration: Configuration) -> Int? {
        let folder = StateFolder(lookingInto: configuration.stateFolder)
        guard Control.process(at: folder.control) != nil else {
            return access(folder.journal, F_OK) == 0 ? try? Journal.outboxCount(of: folder) : 0
        }
        guard let report = try? Inquiry.report(Inquiry.status(configuration)), report.journal.state == .ok else {
            return nil
        }
        return report.journal.outbox
    }

    private func haveItUsed(
        _ folder: CredentialFolder, _ configuration: Configuration, _ say: (String) -> Void
    ) throws {
        let control = configuration.stateFolder + "/control"
        Checkpoint.pass()
        guard Control.process(at: control) != nil else {
            folder.removeRotationMark()
            return say("the beacon uses it from its next start on")
        }
        let reply = (try? Control.ask(control, .reload, within: 60)).map {
            ReloadReply(rawValue: String(decoding: $0, as: UTF8.self))
        }
        Checkpoint.pass()
        let (running, own) = (RotationOrder.runningKey(configuration)?.fingerprint, RotationOrder.key(in: folder))
        guard reply == .reloaded, running == nil || own == nil || running == own else {
            let why = reply == .reloaded ? "it still has the old one" : reply?.rawValue ?? "it does not answer"
            throw OperatorFault(
                "the key is replaced, and the running beacon has not taken it: \(why)",
                hint: "fix that, then run this again, or restart the beacon: systemctl restart srup-beacon")
        }
        folder.removeRotationMark()
        say("the running beacon signs with it from now on")
    }
}
