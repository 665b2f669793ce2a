import ArgumentParser
import Arguments
import Bench
import HumanView

struct StudyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "study",
        abstract: "Measure how well a person compares values: pairs of pictures, answers and times as CSV.",
        discussion: """
            Shows pairs of values beside each other, in random order. Half of them are equal, the others differ by one of the \
            numbers of bits in --bits. The person types s (the same) or d (different) for each. Afterwards a table shows the error \
            rates and median times for each view and number of bits; docs/human-views.md describes what it says and what not.

            Each answer is one row of the CSV file, written at once. The file is readable by its owner only, is never \
            overwritten, and contains no name; nothing is sent anywhere. q, Ctrl-C and the end of input end the study with what was \
            answered so far, and so do three pairs in a row without an answer.

            The same --seed, with the same --views, --bits and --pairs, shows the same pairs in the same order.

            EXAMPLE:
              srup-bench study --output anna.csv
              srup-bench study --output bert.csv --views words,colours --bits 1,4 --pairs 20 --seed 7
            """)

    @Option(help: ArgumentHelp("The CSV file, which must not exist (required).", valueName: "file"))
    var output: String

    @Option(help: ArgumentHelp("The views, with commas between them. Default: all four.", valueName: "view,..."))
    var views = ViewList(views: HumanView.counted)

    @Option(
        help: ArgumentHelp(
            "In how many bits the different pairs differ: up to 16 numbers from 1 to 128, used in turn.",
            valueName: "n,..."))
    var bits = BitsList(bits: [1, 2, 8, 32])

    @Option(help: ArgumentHelp("How many pairs of each view, 2 to 500; half of them are equal.", valueName: "n"))
    var pairs = 16

    @Option(help: ArgumentHelp("The seed of the pairs and of their order. Default: a random one.", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("The time for each pair, 1 to 600.", valueName: "seconds"))
    var timeout = Seconds(30)

    func validate() throws {
        guard StudyPlan.pairsOfAView.contains(pairs) else {
            throw ValidationError("--pairs takes a number from 2 to 500")
        }
        guard pairs / 2 >= bits.bits.count else {
            throw ValidationError(
                "--pairs must be at least twice the count of numbers in --bits: \(2 * bits.bits.count)")
        }
        guard (Duration.seconds(1)...Duration.seconds(600)).contains(timeout.duration) else {
            throw ValidationError("--timeout takes a number from 1 to 600")
        }
    }

    func run() throws {
        let signals = StopSignals()
        let seed = seed ?? UInt64.random(in: 0...0xFFFF_FFFF)
        let plan = StudyPlan(views: views.views, bits: bits.bits, count: pairs, seed: seed)
        try StudyTask(plan, timeout: timeout.duration, output: output).run(until: signals)
    }
}

/// The value of `--views`: each view at most once.
struct ViewList: ExpressibleByArgument {
    let views: [HumanView]

    init(views: [HumanView]) { self.views = views }

    init?(argument: String) {
        let names = argument.split(separator: ",", omittingEmptySubsequences: false)
        let views = names.compactMap { HumanView(rawValue: String($0)) }
        guard views.count == names.count, Set(views).count == views.count else { return nil }
        self.views = views
    }

    var defaultValueDescription: String { views.map(\.rawValue).joined(separator: ",") }
}

/// The value of `--bits`.
struct BitsList: ExpressibleByArgument {
    let bits: [Int]

    init(bits: [Int]) { self.bits = bits }

    init?(argument: String) {
        let words = argument.split(separator: ",", omittingEmptySubsequences: false)
        let bits = words.compactMap { Int($0) }.filter { StudyPlan.differingBits.contains($0) }
        guard bits.count == words.count, Set(bits).count == bits.count, bits.count <= 16 else { return nil }
        self.bits = bits
    }

    var defaultValueDescription: String { bits.map(String.init).joined(separator: ",") }
}
