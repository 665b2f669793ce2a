import BootTime
import Broker
import EventLoop
import Glibc
import Keys
import Nearby
import OperatorText
import SRUP

/// A load: many devices in one process and on one thread, which join as a plan says (docs/load.md).
///
/// `@unchecked Sendable`: mutable state is used on the loop's thread only.
public final class LoadRun: @unchecked Sendable {
    /// Our bounds.
    public struct Limits: Sendable {
        /// How many joins are under way at a time; further ones wait for their turn.
        public var window = 1_000
        /// How long the joins may take in all.
        public var time = Duration.seconds(3_600)
        /// Between two lines of progress.
        public var progress = Duration.seconds(5)

        /// The usual bounds.
        public init() {}
    }

    /// Connections that are being made at a time: a broker makes one handshake after the other.
    private static let connecting = 32
    /// How long a connection may take, and how often it is tried.
    private static let (connectLimit, connectTries) = (Duration.seconds(30), 3)
    private static let tickPause = Duration.milliseconds(250)
    /// Descriptors beside those of the devices: standard ones, the loop, files, one for the next.
    private static let otherDescriptors = 32
    /// libmosquitto has two for each client beside the connection.
    private static let descriptorsOfClient = 3

    private let plan: LoadPlan
    private let site: LoadSite
    private let limits: Limits
    private let loop = Loop()
    private let say: (String) -> Void
    private var devices: [LoadDevice] = []
    private var address = ""
    private var collected: LoadReport
    private var fault: OperatorFault?
    private var missing = MissingLinks()
    private var unconnected: [Int] = []
    private var tries: [Int: Int] = [:]
    /// The devices that have not been ready yet and are making, or trying again, their first connection.
    private var connecting: Set<Int> = []
    /// Before the start, the devices that are ready.
    private var ready: Set<Int> = []
    private var startedAt: Instant?
    /// No further join begins.
    private var isOver = false
    private var processorAtStart = Duration.zero
    private var due = 0
    private var waiting: ArraySlice<LoadPlan.Join> = []
    private var underWay = 0
    private var nextJoin: Alarm?
    private var ticker: Alarm?
    private var lastTick = Instant.boot
    private var lastProgress = Instant.boot

    /// A run that has not started.
    /// - Parameters:
    ///   - nodes: one for each device of the plan.
    ///   - say: takes a line of progress.
    /// - Throws: `OperatorFault` if this process may not have enough descriptors.
    public init(
        _ nodes: [BenchNode], _ plan: LoadPlan, at site: LoadSite, limits: Limits = Limits(),
        say: @escaping (String) -> Void = { Terminal.printError($0) }
    ) throws(OperatorFault) {
        precondition(nodes.count == plan.settings.devices, "\(nodes.count) nodes")
        (self.plan, self.site, self.limits, self.say) = (plan, site, limits, say)
        collected = LoadReport(plan, over: site.place.address.transport)
        let links = min(limits.window, nodes.count)
        let needed = LoadRun.descriptorsOfClient * nodes.count + links + LoadRun.otherDescriptors
        guard needed <= Descriptors.limit else {
            throw OperatorFault(
                "\(nodes.count) devices with \(links) joins at a time need \(needed) open files, and this process may have \(Descriptors.limit)",
                hint:
                    "run: ulimit -Hn \(needed), as root if it is refused; or give fewer --devices or a smaller --window"
            )
        }
        let ring = PublicKeys([site.server: site.serverKey])
        devices = nodes.enumerated().map { place, node in
            LoadDevice(node, site, ring, on: loop) { [unowned self] event in note(event, of: place) }
        }
    }

    /// Runs on the calling thread until every join has ended, the time is over, or a signal has come.
    /// - Throws: `OperatorError` if the broker or the beacon cannot be reached because of a fault on this side.
    public func run(until signals: StopSignals?) throws -> LoadReport {
        try LocalLink.check(site.place.address)
        address = try devices[0].node.brokers[0].reach()
        signals?.watch(on: loop) { [self] in
            say("load: stopping")
            loop.stop()
        }
        nextJoin = Alarm(loop) { [unowned self] in takeDue() }
        ticker = Alarm(loop) { [unowned self] in tick() }
        ticker?.set(after: LoadRun.tickPause)
        unconnected = Array(devices.indices.reversed())
        lastProgress = .now
        loop.perform { [self] in connectMore() }
        loop.run()
        finish()
        if let fault { throw fault }
        if collected.count(.joined) == 0 { missing.faults.forEach { Terminal.printError($0) } }
        return collected
    }

    private func finish() {
        isOver = true
        for device in devices { device.join?.end(.interrupted) }
        // Without the goodbyes to the broker.
        collected.elapsed = startedAt.map { .now - $0 } ?? .zero
        collected.processor = startedAt == nil ? .zero : LoadRun.processorTime - processorAtStart
        for device in devices { device.stop() }
        (nextJoin, ticker) = (nil, nil)
        collected.close()
    }

    private static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    private func fail(_ fault: OperatorFault) {
        self.fault = self.fault ?? fault
        loop.stop()
    }

    // MARK: - Connections

    private func connectMore() {
        while connecting.count < LoadRun.connecting, let place = unconnected.popLast() {
            connecting.insert(place)
            devices[place].connect(over: address)
        }
    }

    private func note(_ event: LoadDevice.Event, of place: Int) {
        switch event {
        case .ready(let connect, let subscribe):
            collected.connections.append((connect, subscribe))
            if startedAt == nil {
                connecting.remove(place)
                ready.insert(place)
                connectMore()
                if ready.count == devices.count { begin() }
            } else {
                startWaiting()
            }
        case .lost(let fault):
            collected.lost += 1
            guard startedAt == nil else { break }
            ready.remove(place)
            tries[place, default: 0] += 1
            guard tries[place, default: 0] < LoadRun.connectTries else {
                return fail(
                    OperatorFault(
                        "device \(devices[place].node.id) has no connection to the broker: \(fault.message)",
                        hint: fault.hint(for: .bench)))
            }
        case .linkEnded(let how):
            collected.linkEnds[LoadReport.name(of: how), default: 0] += 1
            let (address, adapter) = (site.place.address, site.place.adapter)
            let line = missing.note(how, at: address) {
                try? RadioSurvey.take().fault(adapter, isLE: address.transport == .le)
            }
            if let line { say("load: \(line)") }
        case .ended(let join, let how, let fault):
            underWay -= 1
            collected.add(join, of: devices[place].node.id, how, since: startedAt ?? join.began)
            if let fault { return fail(fault) }
            if collected.results.count == plan.joins.count { loop.stop() } else { startWaiting() }
        }
    }

    // MARK: - Joins

    private func begin() {
        say("load: \(devices.count) devices are connected; \(plan.joins.count) joins begin")
        (startedAt, processorAtStart) = (.now, LoadRun.processorTime)
        takeDue()
    }

    /// Those whose time has come.
    private func takeDue() {
        guard let startedAt else { return }
        let now = Instant.now
        while due < plan.joins.count, startedAt + plan.joins[due].at <= now {
            waiting.append(plan.joins[due])
            due += 1
        }
        if due < plan.joins.count { nextJoin?.set(at: startedAt + plan.joins[due].at) }
        startWaiting()
    }

    /// Begins what may begin: a join waits while the window is full, and while its device has no connection or another join. At most a few
    /// in one turn, so that links and messages have theirs.
    private func startWaiting() {
        var started = 0
        while !isOver, underWay < min(limits.window, devices.count), started < 8, let join = takeWaiting() {
            (underWay, started) = (underWay + 1, started + 1)
            do throws(OperatorFault) { try devices[join.device].begin(join) } catch { return fail(error) }
        }
        if started == 8 { loop.perform { [weak self] in self?.startWaiting() } }
    }

    /// The earliest join whose device can begin it. Those before it, which were looked at, move up; those after it may be very many, and stay.
    private func takeWaiting() -> LoadPlan.Join? {
        guard let place = waiting.firstIndex(where: { devices[$0.device].isReady }) else { return nil }
        let join = waiting[place]
        for later in (waiting.startIndex..<place).reversed() { waiting[later + 1] = waiting[later] }
        waiting.removeFirst()
        return join
    }

    private func tick() {
        let now = Instant.now
        ticker?.set(after: LoadRun.tickPause)
        for device in devices {
            if let join = device.join, now - join.began > site.limit { join.end(.noAnswer) }
            if let moment = device.restartAt, moment <= now { device.connect(over: address) }
        }
        if now - lastTick >= .seconds(1) {
            lastTick = now
            for device in devices { device.tick(at: now, limit: LoadRun.connectLimit) }
        }
        if now - lastProgress >= limits.progress {
            lastProgress = now
            say("load: \(progress(at: now))")
        }
        if let startedAt, now - startedAt > limits.time {
            say("load: the time is over")
            loop.stop()
        }
    }

    private func progress(at now: Instant) -> String {
        guard let startedAt else { return "\(ready.count) of \(devices.count) devices are connected" }
        return
            "\((now - startedAt).wholeSeconds) s: \(collected.results.count) of \(plan.joins.count) joins have ended (\(collected.ends)); \(underWay) under way, \(waiting.count) waiting"
    }
}
