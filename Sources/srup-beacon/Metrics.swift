import ArgumentParser
import Daemon
import Operating

/// `srup-beacon metrics`
struct Metrics: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print what the running beacon counts, as Prometheus reads it.",
        discussion: """
            Counters since the start, gauges, and histograms of the two latencies. [metrics] file has the same written to a file \
            all the time, for node_exporter.
            """)

    @OptionGroup var options: ConfigurationOption

    func run() throws {
        try reportingFaults { print(try Inquiry.metrics(try Configuration(file: options.config)), terminator: "") }
    }
}
