import Testing

@testable import Daemon

@Suite("Metrics")
struct MetricsTests {
    @Test("a histogram counts each duration in every bucket that holds it")
    func histogram() {
        let histogram = Histogram()
        for nanoseconds: Int64 in [0, 500_000, 500_001, 1_500_000_000, 9_000_000_000] {
            histogram.add(.nanoseconds(nanoseconds))
        }
        let counts = histogram.snapshot
        #expect(counts.upTo == [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4])
        #expect(counts.all == 5)
        #expect(abs(counts.sum - 10.501000001) < 1e-9)
    }

    @Test("are text as Prometheus reads it: the contents of help and labels cannot break a line")
    func text() {
        var out = Exposition()
        out.add("a_total", "counter", "Words.", [([("reason", "b\"\\\n")], 3), ([("reason", "c")], 0.5)])
        out.add("g", "gauge", "More.", 12)
        #expect(
            out.text == """
                # HELP srup_beacon_a_total Words.
                # TYPE srup_beacon_a_total counter
                srup_beacon_a_total{reason="b\\"\\\\\\n"} 3
                srup_beacon_a_total{reason="c"} 0.5
                # HELP srup_beacon_g More.
                # TYPE srup_beacon_g gauge
                srup_beacon_g 12

                """)
    }
}
