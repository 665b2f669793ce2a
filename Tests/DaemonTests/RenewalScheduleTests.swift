import Foundation
import Keys
import TestVectors
import Testing

@testable import Daemon

@Suite("When a certificate is renewed")
struct RenewalScheduleTests {
    private let day: Int64 = 86_400
    private func schedule(days: Int64, failures: Int = 0) -> RenewalSchedule {
        RenewalSchedule(notBefore: 1_000_000_000, notAfter: 1_000_000_000 + days * day, failures: failures)
    }

    @Test("it is due from two thirds of its lifetime on")
    func due() {
        let schedule = schedule(days: 90)
        #expect(schedule.due == 1_000_000_000 + 60 * day)
        #expect(!schedule.isDue(schedule.due - 1))
        #expect(schedule.isDue(schedule.due))
        #expect(schedule.isDue(schedule.notAfter + 50 * 365 * day))
    }

    @Test("those of many certificates are spread over the week before that; of short ones over a part as large")
    func spread() {
        for (days, seconds) in [(365, 7 * day), (90, 7 * day), (45, 7 * day / 2), (9, 7 * day / 10)] {
            var schedule = schedule(days: Int64(days))
            let latest = schedule.due
            schedule.place = 1
            #expect(latest - schedule.due == seconds)
            schedule.place = 0.25
            #expect(latest - schedule.due == seconds / 4)
        }
        let senseless = RenewalSchedule(notBefore: 60, notAfter: 0, place: 1)
        #expect(senseless.due <= 60)
    }

    @Test("where in it a certificate's lies follows from the certificate, and different ones lie all over it")
    func place() throws {
        try TemporaryFolder.with { folder in
            let key = Roles.device.key
            let places = try (0..<40).map { number in
                let authority = try CertificateAuthority.make(
                    key: key, named: "node \(number)", from: 1_000_000_000, until: 1_000_000_000 + 90 * day)
                let file = try folder.write(Data(authority.certificate.pem), to: "\(number).pem")
                let schedule = try #require(RenewalSchedule(certificate: file))
                #expect(RenewalSchedule(certificate: file) == schedule, "a restart does not change it")
                #expect((1_000_000_000 + 53 * day...1_000_000_000 + 60 * day).contains(schedule.due))
                return schedule.place
            }
            #expect(Set(places).count == places.count)
            for part in 0..<4 { #expect(places.contains { Int($0 * 4) == part }, "\(places)") }
        }
    }

    @Test("with a clock that is fifty years behind it is checked every hour, since the clock may jump")
    func clock() {
        #expect(schedule(days: 90).wait(0, fraction: 0.5) == 3_600)
        let soon = schedule(days: 90)
        #expect(soon.wait(soon.due - 10, fraction: 0.5) == 11)
        #expect(soon.wait(soon.due + 10, fraction: 0.5) == 1)
    }

    @Test("after failures it waits longer each time, up to six hours, until a random moment in the second half")
    func failures() {
        for (failures, longest) in [(1, 60.0), (2, 120), (3, 240), (9, 15_360), (10, 21_600), (1_000_000, 21_600)] {
            let schedule = schedule(days: 365, failures: failures)
            #expect(schedule.wait(schedule.due, fraction: 1) == longest)
            #expect(schedule.wait(schedule.due, fraction: 0) == longest / 2)
        }
    }

    @Test("a certificate of one minute does not wait for minutes, and one with invalid times does not wait forever")
    func short() {
        let minute = RenewalSchedule(notBefore: 0, notAfter: 60, failures: 5)
        #expect(minute.wait(50, fraction: 1) == 3)
        let senseless = RenewalSchedule(notBefore: 60, notAfter: 0, failures: 5)
        #expect(senseless.wait(50, fraction: 1) == 1)
        #expect(senseless.isDue(60))
    }
}
