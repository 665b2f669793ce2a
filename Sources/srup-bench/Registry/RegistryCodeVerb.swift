import ArgumentParser
import Bench
import Enrolling
import HumanView
import OperatorText
import Registration

struct RegistryCodeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "code",
        abstract:
            "Show the registration code: the service's address as a QR code, with its CA, and a token if one is given.",
        discussion: """
            With it a node enrols without any other file: srup-bench enrol and srup-beacon enrol take a picture of it, or its text. \
            The text is a URL. Behind its # are the fingerprint of the registry's CA, which the node then trusts and no other, \
            and the token. Without a token the code is public: it can be on a sign or on the device's package.

            With --token it is a secret until the token has been used, has expired, or is withdrawn. Show it only to the device's \
            installer, and write it to a file rather than to a screen that others see. Files are for their owner only.

            EXAMPLE:
              srup-bench registry code --folder registry
              srup-bench registry token --folder registry --type device >d1.token
              srup-bench registry code --folder registry --token d1.token --form png --output d1.png
              srup-bench enrol d1.png --folder d1
            """)

    @OptionGroup var place: RegistryPlace

    @Option(
        help: ArgumentHelp(
            "How nodes reach the service. Default: https:// and the name of init --host, port 8443.",
            valueName: "address"))
    var url: String?

    @Option(
        help: ArgumentHelp(
            "A file with an enrolment token, or - for standard input: the code is then a secret.", valueName: "file"))
    var token: String?

    @Option(help: ArgumentHelp("The output format.", valueName: "terminal|svg|png"))
    var form = ViewTask.Form.terminal

    @Option(
        help: ArgumentHelp("Write to this file. Needed for PNG if standard output is a terminal.", valueName: "file"))
    var output: String?

    func run() throws {
        let token = try token.map { path throws(OperatorFault) in try EnrolmentRequest.readToken(path) }
        let code = try RegistryFolder(existing: place.folder).code(at: url, token: token)
        try RegistryCodeVerb.show(code, form, output)
    }

    /// The text, where it is for a person, and the picture.
    static func show(_ code: RegistrationCode, _ form: ViewTask.Form, _ output: String?) throws {
        guard code.text.utf8.count <= Picture.maximumCodeText else {
            throw OperatorFault(
                "the code has \(code.text.utf8.count) characters, and a picture of it holds \(Picture.maximumCodeText)",
                hint: "give --url a shorter address")
        }
        if form == .terminal, output == nil { Terminal.print(code.text) }
        try ViewTask(qrCodeOf: code.text, form: form).write(to: output)
    }
}
