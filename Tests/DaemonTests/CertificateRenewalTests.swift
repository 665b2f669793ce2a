import EventLoop
import Synchronization
import Testing
import TestVectors

@testable import Daemon

/// Work for other threads, which the test does when it chooses.
final class HeldWork: Sendable {
    private let held = Mutex<[@Sendable () -> Void]>([])
    let loop = Loop()

    var background: BackgroundWork {
        BackgroundWork(loop: loop) { [self] _, work in held.withLock { $0.append(work) } }
    }

    var count: Int { held.withLock { $0.count } }

    /// Does the oldest; its result waits for the loop.
    func work() {
        let work = held.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        work?()
    }

    /// Does the oldest, and lets the loop take its result.
    func finish() {
        work()
        loop.turn()
    }
}

@Suite("The renewal of the client certificate")
struct CertificateRenewalTests {
    /// What a test changes while the renewal runs.
    private final class Fixture: Sendable {
        let work = HeldWork()
        let clock = ManualClock()
        let log = LogRecorder()
        let state = Mutex(
            (
                schedule: RenewalSchedule?.some(RenewalSchedule(notBefore: 0, notAfter: 9_000)),
                wall: Int64(0)
            ))
        let result = Mutex(ChildProcess.Result(status: 0, lines: []))
        let renewed = Mutex(0)

        func renewal() -> CertificateRenewal? {
            CertificateRenewal(
                clock: clock, log: log.logger, background: work.background,
                outlets: .init(
                    schedule: { self.state.withLock { $0.schedule } },
                    wallSeconds: { self.state.withLock { $0.wall } },
                    renew: { self.result.withLock { $0 } }, renewed: { self.renewed.withLock { $0 += 1 } }))
        }

        /// Both clocks advance.
        func pass(_ seconds: Int64) {
            state.withLock { $0.wall += seconds }
            clock.advance(by: .seconds(seconds))
        }
    }

    private let fixture = Fixture()

    @Test(
        "begins at two thirds of the certificate's life, one child at a time, and the new one is used")
    func renews() throws {
        let renewal = try #require(fixture.renewal())
        for _ in 0..<2 { fixture.pass(2_900) }
        #expect(fixture.work.count == 0)
        for _ in 0..<3 { fixture.pass(3_600) }
        #expect(fixture.work.count == 1)
        fixture.state.withLock { $0.schedule = RenewalSchedule(notBefore: 6_000, notAfter: 60_000) }
        fixture.work.finish()
        #expect(
            fixture.renewed.withLock { $0 } == 1 && renewal.schedule.notAfter == 60_000
                && renewal.schedule.failures == 0)
        #expect(
            fixture.log.texts == [
                "the certificate lasts until 1970-01-01T02:30:00Z: renewing it",
                "the certificate has been renewed: it lasts until 1970-01-01T16:40:00Z",
            ])
    }

    @Test("that fails is tried again, and the reason is logged; the old certificate stays in use")
    func fails() throws {
        let renewal = try #require(fixture.renewal())
        fixture.result.withLock {
            $0 = ChildProcess.Result(status: 256, lines: ["srup-beacon: no answer"])
        }
        fixture.pass(6_001)
        fixture.work.finish()
        #expect(renewal.schedule.failures == 1 && fixture.renewed.withLock { $0 } == 0)
        #expect(
            fixture.log.texts.last
                == "the certificate has not been renewed: no answer; the old one goes on, and it is tried again"
        )
        let first = try #require(renewal.failure)
        #expect(first.at == 6_001 && first.cause == "no answer" && first.count == 1)
        #expect((6_031...6_061).contains(first.next), "half a minute to a minute later")
        fixture.pass(60)
        #expect(fixture.work.count == 1)
        fixture.work.finish()
        #expect(renewal.schedule.failures == 2 && renewal.failure?.at == 6_061 && renewal.failure?.count == 2)
        fixture.result.withLock { $0 = ChildProcess.Result(status: 0, lines: []) }
        fixture.pass(120)
        fixture.work.finish()
        #expect(renewal.failure?.cause == "the service has given the same certificate again")
        fixture.pass(240)
        fixture.state.withLock { $0.schedule = RenewalSchedule(notBefore: 6_000, notAfter: 60_000) }
        fixture.work.finish()
        #expect(renewal.failure == nil && fixture.renewed.withLock { $0 } == 1, "it has been renewed")
    }

    @Test("a certificate that a person has had renewed after a failure is used, and the failure is no longer told")
    func byHand() throws {
        let renewal = try #require(fixture.renewal())
        fixture.result.withLock { $0 = ChildProcess.Result(status: 256, lines: ["srup-beacon: no answer"]) }
        fixture.pass(6_001)
        fixture.work.finish()
        #expect(renewal.presentFailure != nil && renewal.due == 6_000)
        fixture.state.withLock { $0.schedule = RenewalSchedule(notBefore: 6_000, notAfter: 60_000) }
        #expect(renewal.presentFailure == nil && renewal.due == 42_000, "at once")
        fixture.pass(60)
        #expect(fixture.work.count == 0 && fixture.renewed.withLock { $0 } == 1, "no attempt; the broker gets it")
        #expect(renewal.failure == nil && !renewal.takeReplaced())
    }

    @Test("a child process that succeeds and leaves the same certificate has not renewed it")
    func same() throws {
        let renewal = try #require(fixture.renewal())
        fixture.pass(6_001)
        fixture.work.finish()
        #expect(renewal.schedule.failures == 1 && fixture.renewed.withLock { $0 } == 0)
    }

    @Test(
        "a new certificate that is due at once counts as a failure, so that it is not renewed without end"
    )
    func dueAtOnce() throws {
        let renewal = try #require(fixture.renewal())
        fixture.pass(6_001)
        fixture.state.withLock { $0.schedule = RenewalSchedule(notBefore: 0, notAfter: 8_000) }
        fixture.work.finish()
        #expect(renewal.schedule.failures == 1 && fixture.renewed.withLock { $0 } == 1)
        fixture.clock.advance(by: .seconds(1))
        #expect(fixture.work.count == 0)
    }

    @Test("does not happen without a certificate")
    func none() {
        fixture.state.withLock { $0.schedule = nil }
        #expect(fixture.renewal() == nil)
    }
}
