import ArgumentParser
import Bench
import SRUP

struct C2Verb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "c2",
        abstract: "Be the C2 server: let beacons join, serve observed joins, decide them by the beacons' verdicts.",
        discussion: """
            JOIN_REQ of any node in the keyring is answered with RESPONSE 50. OBS_JOIN_REQ is refused at once (5E, under \
            the request's token) where the policy does not name the device or the observer has not joined; else device and \
            observer get the same fresh value, sealed to each. The verdict counts only from the observer that was asked, \
            under the token that it was asked with: 60, 6E, 6F make the device's answer 50, 5E, 5F.

            Sequence ids are kept as the reference keeps them: one number per peer for both directions. They are not kept \
            across runs, so a beacon that joined an earlier run must join this one.

            One line per step on standard output. The ones to wait for:
              c2: ready
              c2: join of <node>: accepted
              c2: observed join of <device> by <observer>: accepted|refused|failed

            Status 0 after the expected joins or by SIGTERM or SIGINT, 12 where --timeout came before them.

            EXAMPLE:
              srup-bench c2 --id c2 --key keys/c2.key.pem --keyring keys \\
                --broker localhost:8883 --ca ca.pem --cert c2.pem \\
                --tls-key c2.key --accept d1 --expect-joins 1 --trace c2.jsonl
            """)

    @OptionGroup var common: CommonOptions

    @Option(
        help: ArgumentHelp(
            "The nodes that we know: a folder of <id>.pub.pem. Our own may be in it.", valueName: "dir"))
    var keyring: String

    @Option(help: ArgumentHelp("End when so many observed joins are decided.", valueName: "n"))
    var expectJoins: Int?

    @Option(help: ArgumentHelp("Then go on listening for so long.", valueName: "seconds"))
    var linger = Seconds(0)

    @Option(help: ArgumentHelp("Give up on an observer after so long, and answer 5F.", valueName: "seconds"))
    var window = Seconds(180)

    @Option(
        help: ArgumentHelp(
            "Only these devices may join by observation; may be given several times. Without it, all known ones.",
            valueName: "id"))
    var accept: [Identifier] = []

    @Option(
        help: ArgumentHelp(
            """
            Misbehave: publish the OBSERVE_REQ for this device a second time, byte for byte, right after its join is \
            decided; may be given several times.
            """, valueName: "id"))
    var replayRequestsOf: [Identifier] = []

    func validate() throws {
        if let expectJoins, expectJoins < 1 { throw ValidationError("--expect-joins wants 1 or more") }
    }

    func run() throws {
        let signals = StopSignals()
        let keys = try KeyPairs.known(in: keyring)
        var policy = C2.Policy()
        if !accept.isEmpty { policy.accepted = Set(accept) }
        policy.window = window.nanoseconds
        policy.replaysRequestsOf = Set(replayRequestsOf)
        var ending = C2Server.Ending()
        (ending.decisions, ending.linger) = (expectJoins, linger.nanoseconds)
        ending.limit = common.timeout?.nanoseconds
        switch C2Server(try common.node, keys: keys, policy: policy, ending: ending).run(until: signals) {
        case .done: break
        case .outOfTime: throw ExitCode(12)
        }
    }
}
