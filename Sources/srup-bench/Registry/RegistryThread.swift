import Bench
import BootTime
import Dispatch
import OperatorText
import Registration

/// The registry, on one thread at a time: it answers requests, and in between it looks after its files and has the broker told.
actor RegistryThread {
    private let registry: Registry
    private let program: ListProgram?
    private let metricsFile: String?
    private var schedule = ListSchedule()
    /// When the registry is maintained and the metrics are written again.
    private var (nextMaintenance, nextMetrics) = (Instant.now + .seconds(3_600), Instant.now)
    /// The last message about the maintenance, the list or the metrics: each is reported once in a row.
    private var reported: [String: String] = [:]

    init(_ registry: sending Registry, _ program: ListProgram?, metricsFile: String?) {
        (self.registry, self.program, self.metricsFile) = (registry, program, metricsFile)
    }

    func answer(_ request: RegistryRequest) -> RegistryReply { registry.answer(request) }

    /// Until the task is cancelled. A list may also be written by another process, as by `revoke`: so it is looked for each second.
    func maintain() async {
        repeat {
            if .now >= nextMaintenance {
                let isDone = attempt("maintenance") { try registry.maintain() }
                nextMaintenance = .now + (isDone ? .seconds(3_600) : .seconds(60))
            }
            await tellBroker()
            writeMetrics()
        } while (try? await Task.sleep(for: .seconds(1))) != nil
    }

    private func tellBroker() async {
        guard let program else { return }
        var found: RegistryList?
        attempt("list") { found = try registry.list() }
        guard let list = found, schedule.isDue(list, at: .now) else { return }
        // The program may take a minute, in which requests are answered.
        let fault = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: program.take(list)) }
        }
        nextMetrics = .now
        guard let pause = schedule.ended(list, succeeded: fault == nil, at: .now), let fault else {
            return Terminal.printError(
                "registry: the broker has been told of revocation list \(list.number), valid until \(Timestamp(list.end))"
            )
        }
        Terminal.printError(
            "registry: \(fault.message); hint: \(fault.hint(for: .bench)); tried again in \(pause.components.seconds) s"
        )
    }

    private func writeMetrics() {
        guard let metricsFile, .now >= nextMetrics else { return }
        nextMetrics = .now + .seconds(60)
        attempt("metrics") {
            let list = try registry.list()
            let hasTaken = program == nil ? nil : list.map { schedule.hasTaken($0) }
            try writeRegistryMetrics(try registry.metrics(hasTaken: hasTaken), to: metricsFile)
        }
    }

    /// - Returns: whether it succeeded.
    @discardableResult
    private func attempt(_ what: String, _ body: () throws -> Void) -> Bool {
        do {
            try body()
            reported[what] = nil
            return true
        } catch let error as any OperatorError {
            let message = "\(error.message); hint: \(error.hint(for: .bench))"
            if reported[what] != message { Terminal.printError("registry: \(message); tried again in a minute") }
            reported[what] = message
        } catch {
            preconditionFailure("unexpected error: \(error)")
        }
        return false
    }
}
