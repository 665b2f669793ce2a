import ArgumentParser
import Arguments
import Auditing
import Bench
import C2Server
import Files
import Glibc
import Keys
import OperatorText
import SRUP

struct AuditVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Check an exported record of verdicts, or export the record of a C2 server.",
        discussion: """
            A beacon's record: srup-beacon audit export. docs/audit.md describes both, so that other programs can check them.
            """,
        subcommands: [AuditVerifyVerb.self, AuditExportVerb.self])
}

struct AuditVerifyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check an exported record: the chain, the signed heads, and the signature of each message.",
        discussion: """
            Works offline. Prints what holds, what could not be checked and what it lacks for that, and what is wrong: changed, \
            missing, inserted, contradicted (what a server has says otherwise), or unreadable.

            Keys must come from another source than the record: the registry, or the folder of the nodes' public keys. A key from \
            before a rotation need not be given: a head that the present key has signed vouches for it.

            With --heads, the heads that a server has received from the beacon show whether the tail was cut or the record \
            rewritten, and the server's own copies of its requests show that it has asked.

            Exit status 0: what could be checked holds; 1: it does not, or a file cannot be read.

            EXAMPLE:
              srup-beacon audit export --output record.jsonl
              srup-bench audit export --state c2.sqlite --output server.jsonl
              srup-bench audit verify record.jsonl --keys keys --heads server.jsonl
              srup-bench audit verify server.jsonl --keys keys
            """)

    @Argument(help: ArgumentHelp("The exported record (required); - for standard input.", valueName: "file"))
    var record: String

    @Option(
        help: ArgumentHelp(
            "A public key <id>.pub.pem, or a folder of such files; may be given several times.", valueName: "file|dir"))
    var keys: [String] = []

    @Option(
        help: ArgumentHelp(
            "An exported record of a server, with the heads that it has received; may be given several times.",
            valueName: "file"))
    var heads: [String] = []

    @Flag(help: "Print one JSON object, for machines.")
    var json = false

    func run() throws {
        var trust = AuditVerifier.Trust()
        for path in keys {
            for (node, key) in try AuditVerifyVerb.known(at: path) { trust.keys[node, default: []].append(key) }
        }
        for path in heads {
            var witness = trust.server
            try AuditFile.read(path) { witness.take($0) }
            trust.server = witness
        }
        var verifier = AuditVerifier(trust)
        try AuditFile.read(record) { verifier.take($0) }
        let report = verifier.finish()
        for line in json ? [report.json] : report.lines { Terminal.print(line) }
        if !report.holds { throw ExitCode(1) }
    }

    /// The keys in a folder, or the one in a file that is named after its node.
    private static func known(at path: String) throws -> [Identifier: PublicKey] {
        guard File.isIrregular(path, isFollowing: true) == false else { return try KeyPairs.known(in: path) }
        let name = path.split(separator: "/").last ?? ""
        guard let node = Identifier(hexadecimal: name.prefix { $0 != "." }) else {
            throw OperatorFault("\(path) is not named after a node", hint: "name it <1 to 16 hex digits>.pub.pem")
        }
        return [node: try PublicKey(pemFile: path)]
    }
}

struct AuditExportVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write the record of a C2 server: its history, and the heads that beacons have sent.",
        discussion: """
            Reads the file of c2 --state; the server may be running. JSON: one object per line, for srup-bench audit verify. Of entries \
            that a filter leaves out, it has only the digests, so that the chain can still be followed. CSV: a table for people, which \
            cannot be checked.

            EXAMPLE:
              srup-bench audit export --state c2.sqlite --since 7d --output server.jsonl
            """)

    @Option(help: ArgumentHelp("The file of c2 --state (required).", valueName: "file"))
    var state: String

    @OptionGroup var times: TimeRangeOptions

    @Option(help: ArgumentHelp("Only entries that concern this node.", valueName: "identity"))
    var device: Identifier?

    @Option(help: ArgumentHelp("Only decisions with this verdict.", valueName: "accepted|refused|failed"))
    var verdict: C2.Decision?

    @Flag(help: "Write one JSON object per line (the default).")
    var json = false

    @Flag(help: "Write a table of comma-separated values.")
    var csv = false

    @Option(help: ArgumentHelp("Write to this file, mode 0600. Default: standard output.", valueName: "file"))
    var output: String?

    func validate() throws { if json, csv { throw ValidationError("give --json or --csv, not both") } }

    func run() throws {
        var filter = AuditFilter()
        (filter.milliseconds, filter.node, filter.verdict) = (times.milliseconds(), device, verdict?.rawValue)
        let store = try C2Store(lookingInto: state)
        let exporter = AuditExporter(try AuditWriter(output), filter, isTable: csv)
        try store.export(to: exporter, at: wallMicroseconds() / 1_000_000)
    }
}
