import ArgumentParser
import Bench

struct DecodeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "Decode one SRUP frame.",
        discussion: """
            Reads one frame, in hexadecimal (white space anywhere) or raw, and prints one JSON object: version, type (its \
            number), name, sequence_id (a decimal string), sender (16 digits), token_hex, body (fields by name), signature \
            ("valid" or "unchecked"), and value_hex if a sealed value was opened. A device's signed proof \
            (OBSERVATION_PROOF) has its parts in the body's field proof; signed_hex is what the device's signature covers.

            Exit status 0 if the frame is well formed and all requested checks passed. Otherwise status 1, and the object is \
            {"refused": "frame"|"signature"|"seal"|"value", "reason": "..."}, which names the first check that failed.

            A printed value is no longer secret.

            EXAMPLE:
              mosquitto_sub ... -t 'SRUP/#' -C 1 -F %x |
                srup-bench decode --verify-with keys/c2.pub.pem
              jq -r 'select(.name == "OBSERVE_REQ").frame_hex' c2.jsonl |
                srup-bench decode --open-with keys/b1.key.pem
            """)

    @Option(help: ArgumentHelp("The sender's public key, to check the signature.", valueName: "pub.pem"))
    var verifyWith: String?

    @Option(help: ArgumentHelp("The reader's private key, to open the sealed value.", valueName: "key.pem"))
    var openWith: String?

    @Argument(help: ArgumentHelp("A file, or - for standard input.", valueName: "file"))
    var file = "-"

    func run() throws {
        let decoded = try Decoded(file: file, verifyWith: verifyWith, openWith: openWith)
        Terminal.print(decoded.json.line)
        if decoded.refusedBy != nil { throw ExitCode(1) }
    }
}
