import EventLoop
import Files
import Keys
import Logging
import OperatorText
import SRUP

/// Where our sequence ids begin towards servers of which none is known: at the first start, and after both files were lost. They begin
/// at the clock (decisions/0025); as long as that is wrong, nothing is sent to these servers.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class SequenceStarts: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// The wall clock, in microseconds since 1970.
        let wall: () -> Int64
        /// When the client certificate began, in seconds since 1970; nil where there is none to be read.
        let certificateFrom: () -> Int64?
        /// Looks again which servers have no id.
        let again: () -> Void
        /// What `status` tells.
        let found: (String) -> Void
        /// It no longer applies.
        let isOver: (String) -> Void
    }

    /// How often a wrong clock is looked at again.
    static let pause = Duration.seconds(10)
    static let finding = "the sequence ids that were used are not known, and this machine's clock is wrong"

    /// The servers to which nothing is sent, because the clock is wrong.
    private(set) var awaited: Set<Identifier> = []
    private let log: Logger
    private let outlets: Outlets
    private let clock: any LoopClock
    private lazy var timer = clock.timer { [unowned self] in outlets.again() }

    init(clock: any LoopClock, log: Logger, outlets: Outlets) {
        (self.clock, self.log, self.outlets) = (clock, log, outlets)
    }

    /// An id above every one that can have been used; nil: the clock is wrong.
    var now: SequenceID? { SequenceID(clock: outlets.wall(), certificateFrom: outlets.certificateFrom()) }

    /// Where to begin towards each of these servers; empty where the clock is wrong, and it is looked at again.
    func begin(_ unknown: Set<Identifier>) -> [Identifier: SequenceID] {
        let servers = unknown.sorted { $0.number < $1.number }.map { "\($0)" }.joined(separator: ", ")
        if !unknown.isEmpty, let start = now {
            log.notice(
                "no earlier sequence ids towards \(servers) are known: they start above \(start), from the clock")
            return begun(unknown, at: start)
        }
        if !unknown.isEmpty { timer.set(after: SequenceStarts.pause) }
        guard awaited != unknown else { return [:] }
        guard !unknown.isEmpty else { return begun([], at: SequenceID(0)) }
        awaited = unknown
        outlets.found(SequenceStarts.finding)
        log.error(
            """
            \(SequenceStarts.finding) (\(Timestamp(outlets.wall() / 1_000_000))): nothing is sent to \(servers) until it is right; \
            hint: \(SequenceStarts.hint)
            """)
        return [:]
    }

    private func begun(_ servers: Set<Identifier>, at start: SequenceID) -> [Identifier: SequenceID] {
        awaited = []
        timer.set(at: nil)
        outlets.isOver(SequenceStarts.finding)
        return Dictionary(uniqueKeysWithValues: servers.map { ($0, start) })
    }

    static let hint =
        "set the clock: timedatectl; or set sequence-floor in [server ID] above every id that the server has seen from this beacon"
}

extension Shell {
    func makeSequenceStarts() -> SequenceStarts {
        SequenceStarts(
            clock: clock, log: log,
            outlets: SequenceStarts.Outlets(
                wall: startup.wallMicroseconds,
                certificateFrom: { [unowned self] in assumeIsolated { $0.certificateFrom } },
                again: { [unowned self] in
                    assumeIsolated { shell in
                        let before = shell.sequenceStarts.awaited
                        shell.raiseSequences()
                        if shell.sequenceStarts.awaited != before { shell.joinServers() }
                    }
                },
                found: { [unowned self] text in assumeIsolated { $0.recovery.health.found(text) } },
                isOver: { [unowned self] text in assumeIsolated { $0.recovery.health.isOver(text) } }))
    }

    private var certificateFrom: Int64? {
        (try? File.read(configuration.tls.certificate, isFollowing: true)).flatMap { try? Certificate(pem: $0) }?
            .notBefore
    }

    /// Applies the operator's sequence-floor settings, and begins where no id is known, in the journal and in memory.
    func raiseSequences() {
        guard let journal else { return }
        do {
            observer.raiseSequences(try raiseSequences(in: journal))
        } catch {
            journalFailed(error)
        }
    }

    /// The same in a journal.
    /// - Returns: where our ids towards each server start at least.
    func raiseSequences(in journal: Journal) throws(Journal.Failure) -> [Identifier: SequenceID] {
        let floors = configuration.sequenceFloors.merging(knownCeilings) { max($0, $1) }
        try journal.raiseSequences(floors)
        let starts = sequenceStarts.begin(try journal.unusedServers(among: configuration.servers.keys))
        try journal.raiseSequences(starts)
        return floors.merging(starts) { max($0, $1) }
    }

    /// Goes on above the clock towards a server that does not hear us, where it has seen higher ids of ours than we know.
    /// - Returns: whether that is above the last one.
    @discardableResult
    func raiseSequenceToClock(_ server: Identifier) -> Bool {
        guard let journal, let start = sequenceStarts.now else { return false }
        do {
            guard try journal.raiseSequences([server: start]) else { return false }
            observer.raiseSequences([server: start])
            return true
        } catch {
            journalFailed(error)
            return false
        }
    }
}
