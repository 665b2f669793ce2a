import ArgumentParser
import Arguments
import Bench
import SRUP

struct KeysVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Create identity keys for nodes of a bench.",
        discussion: """
            Creates two files in the folder for each id: <id>.key.pem, the private key (PKCS#8, no passphrase, mode 0600), and \
            <id>.pub.pem, the public key for the other nodes. The id in the file's name is written as in topics: lower case, \
            without leading zeros. No file is overwritten: if one of the files exists, no key is created.

            An id below 10 (hexadecimal) does not work with the reference implementation.

            With --devices, the one id is the first of so many that count up from it, for srup-bench load. They share --pool keys \
            in turn, because making a key takes up to a second: use them on a bench only.

            EXAMPLE:
              srup-bench keys --out keys c2 b1 d1
              srup-bench keys --out keys --bits 2048 --devices 1000 de00000000000000
              srup-bench keys --out keys --bits 2048 5f1e2d3c4b5a6978
            """)

    @Option(
        help: ArgumentHelp(
            "The folder; created, accessible by its owner only, if it does not exist (required).", valueName: "dir"))
    var out: String

    @Option(
        help: ArgumentHelp(
            "Bits of each RSA modulus: 2048 to 16384. A signature has an eighth as many bytes.", valueName: "n"))
    var bits = 3_072

    @Option(help: ArgumentHelp("Create files for so many devices, from the id on.", valueName: "n"))
    var devices: Int?

    @Option(help: ArgumentHelp("With --devices: how many different keys.", valueName: "n"))
    var pool = 4

    @Argument(help: ArgumentHelp("The nodes: 1 to 16 hexadecimal digits each (required).", valueName: "identity"))
    var nodes: [Identifier]

    func validate() throws {
        guard (2_048...16_384).contains(bits) else { throw ValidationError("--bits takes a number from 2048 to 16384") }
        guard let devices else { return }
        guard nodes.count == 1, (1...LoadPlan.Settings.mostDevices).contains(devices), pool >= 1,
            !nodes[0].number.addingReportingOverflow(UInt64(devices)).overflow
        else {
            throw ValidationError(
                "--devices takes a number from 1 to \(LoadPlan.Settings.mostDevices) and one id, with room above it; --pool a number from 1 up"
            )
        }
    }

    func run() throws {
        if let devices {
            let ids = (0..<UInt64(devices)).map { Identifier(nodes[0].number + $0) }
            try KeyPairs.makeShared(in: out, for: ids, pool: pool, bits: bits)
            return Terminal.print(
                "keys: \(out)/ID.key.pem and \(out)/ID.pub.pem for \(ids[0]) to \(ids[ids.count - 1])")
        }
        try KeyPairs.make(in: out, for: nodes, bits: bits) { node in
            Terminal.print("keys: \(out)/\(node.topicForm).key.pem and \(out)/\(node.topicForm).pub.pem")
        }
    }
}
