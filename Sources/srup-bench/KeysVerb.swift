import ArgumentParser
import Arguments
import Bench
import SRUP

struct KeysVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make identity keys for nodes of a bench.",
        discussion: """
            For each id, two files in the folder: <id>.key.pem, the private key (PKCS#8, no passphrase, mode 0600), and \
            <id>.pub.pem, what the other nodes get. The id in the file's name is the one that topics have: lower case, \
            without leading zeros. Nothing is ever written over a file: where one exists, no key at all is made.

            An id below 10 (hexadecimal) does not work with the reference implementation.

            EXAMPLE:
              srup-bench keys --out keys c2 b1 d1
              srup-bench keys --out keys --bits 2048 5f1e2d3c4b5a6978
            """)

    @Option(
        help: ArgumentHelp(
            "The folder; made, for its owner only, where it does not exist (required).", valueName: "dir"))
    var out: String

    @Option(
        help: ArgumentHelp(
            "Bits of each RSA modulus: 2048 to 16384. A signature has an eighth as many bytes.", valueName: "n"))
    var bits = 3_072

    @Argument(help: ArgumentHelp("The nodes: 1 to 16 hexadecimal digits each (required).", valueName: "identity"))
    var nodes: [Identifier]

    func validate() throws {
        guard (2_048...16_384).contains(bits) else { throw ValidationError("--bits takes a number from 2048 to 16384") }
    }

    func run() throws {
        try KeyPairs.make(in: out, for: nodes, bits: bits) { node in
            Terminal.print("keys: \(out)/\(node.topicForm).key.pem and \(out)/\(node.topicForm).pub.pem")
        }
    }
}
