import EventLoop

/// What the service manager is told: ready, reloading, stopping, one line of status, and that work is being done (its watchdog).
///
/// The watchdog is notified for work that was done, not for time that has passed: a message goes from the loop through
/// the broker link's thread and back, and the journal is asked. If one of them hangs, no round ends, and systemd
/// restarts us. An unreachable broker and a disk that is known to be full do not count as a hang.
///
/// `@unchecked Sendable`: used on the loop's thread only.
final class ServiceNotifier: @unchecked Sendable {
    /// What it needs of the rest of the daemon.
    struct Outlets {
        /// Calls `done` on the loop's thread, after a turn of the broker link's.
        let turnBroker: (_ done: @escaping @Sendable () -> Void) -> Void
        /// Asks the journal for something. Returns once it has answered, or has been found failing.
        let askJournal: () -> Void
        /// The line of status as it is now.
        let status: () -> String
    }

    private let service: ServiceManager
    private let clock: any LoopClock
    private let outlets: Outlets
    private lazy var timer = clock.timer { [unowned self] in beginRound() }

    init(_ service: ServiceManager, clock: any LoopClock, outlets: Outlets) {
        (self.service, self.clock, self.outlets) = (service, clock, outlets)
    }

    /// The daemon is ready: from now on the watchdog is notified.
    func begin() {
        beginRound()
        service.ready()
        tellStatus()
    }

    /// The line of status may have changed.
    func tellStatus() { service.status(outlets.status()) }

    /// The configuration is being read again.
    func reloadBegins() { service.reloading() }

    /// It has been read, and the daemon is ready.
    func reloadEnds() { service.ready() }

    /// The daemon ends.
    /// - Parameter isRestart: the program is executed again in this process: to systemd, STOPPING would mean the end of the service.
    func stopping(isRestart: Bool) { isRestart ? service.reloading() : service.stopping() }

    private func beginRound() {
        guard service.watchdog != nil else { return }
        outlets.turnBroker { [weak self] in self?.endRound() }
    }

    private func endRound() {
        guard let limit = service.watchdog else { return }
        outlets.askJournal()
        service.alive()
        timer.set(after: limit / 4)
    }
}
