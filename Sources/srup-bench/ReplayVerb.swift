import ArgumentParser
import Arguments
import Bench
import OperatorText
import SRUP

struct ReplayVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Play the device's side of recorded links to a beacon again; nothing of it may be accepted.",
        discussion: """
            Plays each link on which a device has sent anything, one after the other: it connects, waits for HELLO, and sends \
            the device's frames byte for byte. Each frame is sent after the frames that the beacon had sent before it in the \
            recording, or after --wait without them; with --timed as long after HELLO as it was recorded. Nonces are fresh on \
            every link, so a beacon must accept nothing. A link that is refused as busy, because the beacon holds this \
            address off, is tried up to six times, for half a minute.

            No server and no key is needed. To try proofs as well, and not only claims, keep an observation open for the \
            same device meanwhile: srup-bench device --silent.

            The last line on standard output is the summary; the exit status says the same:
              0    everything was played, and nothing was accepted
              10   the beacon has accepted something: that is a fault of the beacon
              12   some links could not be played
            Links in value mode are not played, because traces do not hold values.

            EXAMPLE:
              srup-bench replay d1.jsonl --link rfcomm:00:11:22:33:44:55
            """)

    @Argument(
        help: ArgumentHelp("Files that device --trace or load --trace has written (required).", valueName: "trace"))
    var traces: [String]

    @OptionGroup var beacon: BeaconLinkOptions

    @Option(help: ArgumentHelp("Only the links of this device.", valueName: "identity"))
    var device: Identifier?

    @Option(help: ArgumentHelp("At most this number of links, from the first.", valueName: "n"))
    var most = 1_000

    @Option(help: ArgumentHelp("How long to wait for a frame of the beacon.", valueName: "seconds"))
    var wait = Seconds(2)

    @Option(help: ArgumentHelp("The pause between two links.", valueName: "seconds"))
    var pause = Seconds(0)

    @Flag(help: "Send each frame as long after HELLO as it was recorded, to repeat a fault that depends on time.")
    var timed = false

    @Flag(help: "Print each link and the totals as one JSON object.")
    var json = false

    func validate() throws {
        guard (1...100_000).contains(most) else { throw ValidationError("--most takes a number from 1 to 100000") }
    }

    func run() throws {
        let links = try RecordedLink.links(
            in: TraceMerge(files: traces).lines.filter { line in
                device == nil || line.device == device?.description
            })
        var options = Replay.Options()
        (options.wait, options.pause, options.isTimed) = (wait.duration, pause.duration, timed)
        let report = try Replay(to: beacon.link, from: beacon.adapter ?? .any, options: options).run(
            Array(links.prefix(most))
        ) {
            guard !json else { return }
            let (number, link) = ($0 + 1, $1)
            let answers = link.answers.isEmpty ? "nothing" : link.answers.joined(separator: " ")
            Terminal.print(
                "replay: link \(number) of \(link.device.isEmpty ? "a device" : link.device): \(link.played) frames played; the beacon: \(answers); \(link.end ?? "open")"
            )
        }
        Terminal.print(json ? report.json : "replay: \(report.summary)")
        throw ExitCode(report.status)
    }
}
