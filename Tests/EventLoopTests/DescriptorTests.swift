import CLinux
import Foundation
import Glibc
import TestVectors
import Testing

@testable import EventLoop

@Suite("Descriptors", .blocking)
struct DescriptorTests {
    /// What the kernel says that a loop's epoll watches.
    private func watched(by loop: Loop) throws -> Int {
        try String(contentsOfFile: "/proc/self/fdinfo/\(loop.epoll)", encoding: .utf8)
            .split(separator: "\n").count { $0.hasPrefix("tfd:") }
    }

    @Test("alarms need none: a process without a free descriptor can still wait and try again")
    func alarms() throws {
        let loop = Loop()
        let before = try watched(by: loop)
        let alarms = (0..<100).map { _ in Alarm(loop) {} }
        for alarm in alarms { alarm.set(after: .seconds(60)) }
        try #expect(watched(by: loop) == before && before == 2)
        withExtendedLifetime(alarms) {}
    }

    @Test("alarms fire in the order of their moments, also those that are set or released by one before them")
    func order() {
        final class Seen: @unchecked Sendable {
            var numbers: [Int] = []
            var alarms: [Int: Alarm] = [:]
        }
        let (loop, seen) = (Loop(), Seen())
        for number in 0..<6 {
            seen.alarms[number] = Alarm(loop) { [unowned loop] in
                seen.numbers.append(number)
                if number == 1 {
                    seen.alarms[2] = nil
                    seen.alarms[3]?.set(at: nil)
                    seen.alarms[0]?.set(after: .zero)
                }
                if number == 0, seen.numbers.count > 1 { loop.stop() }
            }
        }
        for number in (0..<6).reversed() { seen.alarms[number]?.set(after: .milliseconds(-100 + number)) }
        loop.run()
        #expect(seen.numbers == [0, 1, 4, 5, 0])
        seen.alarms = [:]
    }

    @Test("a program that is started has the usual limit, whatever this process may open")
    func child() {
        let result = ChildProcess.run("/bin/sh", ["-c", "sleep 0.2; ulimit -S -n"], limit: .seconds(30))
        let limit = result.lines.first.flatMap { Int($0) } ?? 0
        #expect(result.succeeded && limit == min(1_024, Descriptors.limit), "\(result.lines)")
    }

    @Test("a process may open as many files as its hard limit allows, and its first three descriptors are open")
    func prepared() {
        Descriptors.prepare()
        var limit = rlimit()
        #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #expect(
            UInt64(limit.rlim_cur) >= min(UInt64(limit.rlim_max), 65_536) && Descriptors.limit == Int(limit.rlim_cur))
        for descriptor in Int32(0)...2 { #expect(fcntl(descriptor, F_GETFD) >= 0) }
    }
}
