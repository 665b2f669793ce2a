import Testing

@testable import SRUP

@Suite("A sequence id from a clock")
struct SequenceStartTests {
    private let second: Int64 = 1_000_000
    private let earliest = SequenceID.earliestClock
    private let use = SequenceID.longestUse

    private func start(_ seconds: Int64, from certificate: Int64? = nil) -> UInt64? {
        SequenceID(clock: seconds * second + 5, certificateFrom: certificate)?.number
    }

    @Test("is its microseconds, unless it is before this program or the certificate, or decades after both")
    func plausible() {
        #expect(start(earliest) == UInt64(earliest * second + 5) && start(earliest - 1) == nil)
        #expect(start(0) == nil && start(-5) == nil && start(4_070_995_200) == nil, "1970, before it, and 2099")
        #expect(start(earliest + 99, from: earliest + 100) == nil && start(earliest + 100, from: earliest + 100) != nil)
        #expect(start(earliest, from: 0) != nil, "the program is newer than the certificate")
        #expect(start(earliest + use) != nil && start(earliest + use + 1) == nil)
        #expect(start(earliest + use + 100, from: earliest + 100) != nil)
        #expect(SequenceID(clock: .min, certificateFrom: .max) == nil && SequenceID(clock: .max) == nil)
    }

    @Test("of a device that keeps none rises by the hundredth of a second, above the microseconds of earlier devices")
    func device() throws {
        let one = try #require(SequenceID.ofDevice(clock: earliest * second))
        #expect(SequenceID.ofDevice(clock: earliest * second + 10_000)?.number == one.number + 1)
        #expect(one.number > UInt64((earliest + 10 * 31_557_600) * second))
        #expect(SequenceID.ofDevice(clock: 0) == nil)
    }

    @Test("is accepted where the sender's clock is less than a day ahead of the receiver's, in either form")
    func margin() throws {
        let now = earliest * second
        let day = 86_400 * second
        #expect(try #require(SequenceID(clock: now + day)) <= SequenceID.highest(atClock: now))
        let device = try #require(SequenceID.ofDevice(clock: now + day))
        #expect(device <= SequenceID.highest(atClock: now))
        #expect(SequenceID(device.number + 1) > SequenceID.highest(atClock: now))
        // From 2041 on microseconds are the greater ones.
        let later = 3_000_000_000 * second
        #expect(SequenceID.highest(atClock: later).number == UInt64(later + day))
        #expect(
            SequenceID.highest(atClock: .max).number == UInt64(Int64.max)
                && SequenceID.highest(atClock: .min).number == 1 << 51)
    }
}
