import Keys
import OperatorText
import Testing

@testable import Daemon

@Suite("What status says of the client certificate")
struct CertificateStateTests {
    private static let day: Int64 = 86_400
    private static let (start, end): (Int64, Int64) = (1_900_000_000, 1_900_000_000 + 90 * day)

    private static let certificate: Certificate = {
        do {
            let key = try IdentityKey.make(bits: 2_048)
            return try CertificateAuthority.make(key: key, named: "a", from: start, until: end).certificate
        } catch { preconditionFailure("no certificate was made: \(error)") }
    }()

    @Test(
        "its expiry, how many whole days are left, and who renews it",
        arguments: [
            (end - 90 * day, 90, "90 days left"), (end - 2 * day, 2, "2 days left"),
            (end - 2 * day + 1, 1, "1 day left"),
            (end - 1, 0, "less than a day left"), (end, 0, "less than a day left"),
            (end + 1, -1, "expired by this machine's clock"), (0, 22_080, "22080 days left"),
        ])
    func words(now: Int64, days: Int, words: String) {
        let state = StatusReport.CertificateState(Self.certificate, at: now, renewal: nil)
        #expect(state.until == Timestamp(Self.end).description)
        #expect(state.daysLeft == days)
        #expect(state.text == "certificate: until \(Timestamp(Self.end)), \(words), not renewed by this beacon")
        let renewed = StatusReport.CertificateState(Self.certificate, at: now, renewal: Self.start)
        #expect(renewed.text.hasSuffix(", \(words), renews automatically from \(Timestamp(Self.start))"))
    }

    @Test("a renewal that fails: when and why, how often, and when it is tried again, in place of a date that is past")
    func failing() {
        func text(_ count: Int) -> String {
            let failure = CertificateRenewal.Failure(
                at: Self.end - 100, next: Self.end - 40, cause: "no answer", count: count)
            return StatusReport.CertificateState(Self.certificate, at: Self.end, renewal: Self.start, failure: failure)
                .text
        }
        let (at, next) = (Timestamp(Self.end - 100), Timestamp(Self.end - 40))
        #expect(
            text(1) == "certificate: until \(Timestamp(Self.end)), less than a day left, not renewed yet\n"
                + "  renewal failed at \(at): no answer; next attempt about \(next)\n  hint: srup-beacon renew, once the fault is corrected"
        )
        #expect(text(7).contains("7 renewals failed, the last one at \(at): no answer"))
    }

    @Test("a file without a certificate is reported as such")
    func none() {
        #expect(StatusReport.CertificateState(nil, at: 0, renewal: nil).text == "certificate: its file holds none")
    }
}
