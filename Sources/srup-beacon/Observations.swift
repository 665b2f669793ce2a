import ArgumentParser
import Arguments
import Daemon
import Operating

/// `srup-beacon observations`
struct Observations: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List past observations with their verdicts and evidence, the newest first.",
        discussion: """
            Below each date (UTC) a line for each: when, which device and which token (both shortened), the verdict, and why; \
            repeats in a row are one line, with their number and the time of the newest. On a terminal they go through your pager.

            --wide shows all of each on one line, also what was seen of the proof: transport and peer address, mode, grade, \
            whether it was timed, round trip from challenge to proof, how many proofs had been presented; and server and token.

            Grades: reachable, a link existed; challenged, the value was never shown; keyed, the device has signed its answer, \
            which only the server can check. Timed: within the configured round trip. None of them is a measure of distance: \
            Bluetooth can be relayed.

            A proof from outside [link] max-round-trip or min-rssi shows what was measured and what the bound was.

            Reasons in --json: matched; mismatches and deadlineAfterMismatch (false proofs); silence (nobody came); tooFar (proved \
            from outside the configured bounds only); unsigned (proved in keyed mode, and not signed); superseded, withdrawn, \
            interrupted, sealUnopened, notAValue, namesUs, tooMany, paused; keyReplaced, requestUnverified (after a restart).

            The beacon need not run: its journal is then read itself. srup-beacon audit export has the same verdicts with everything \
            that carries a signature.
            """)

    @OptionGroup var options: ConfigurationOption

    @Flag(help: "Print one JSON array, for machines.")
    var json = false

    @Flag(help: "Show ids and tokens in full, and the evidence; fold nothing.")
    var wide = false

    @Flag(inversion: .prefixedNo, help: "On a terminal, show what does not fit with PAGER, or less.")
    var pager = true

    @Option(help: ArgumentHelp("How many at most, 1 to \(Inquiry.maximumHistory).", valueName: "n"))
    var limit = 100

    @OptionGroup var times: TimeRangeOptions
    @OptionGroup var selection: SelectionOptions

    func validate() throws {
        guard (1...Inquiry.maximumHistory).contains(limit) else {
            throw ValidationError("--limit takes a number from 1 to \(Inquiry.maximumHistory)")
        }
    }

    func run() throws {
        try reportingFaults {
            let filter = selection.filter(times)
            let reply = try Inquiry.observations(try Configuration(file: options.config), limit: limit, filter)
            guard !json else { return print(String(decoding: reply, as: UTF8.self)) }
            let lines = ObservationsView(Screen.style, isWide: wide).lines(try Inquiry.history(reply))
            Screen.page(lines, isPaged: pager)
        }
    }
}
