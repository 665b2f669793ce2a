import ArgumentParser
import Arguments
import Bench
import C2Server
import Conformance
import EventLoop
import Glibc
import Keys
import Nearby
import OperatorText
import SRUP

struct ProveVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove",
        abstract: "Test a device: play registry, server and beacon against it, rule by rule.",
        discussion: """
            Plays each case of --list: correct joins, and everything that a device must leave or ignore. Each case cites the rules of \
            docs/proof-link.md (L...) and docs/protocol.md (D...) that it tests. For a wrong proof it tries the usual mistakes, and \
            says for example "correct if the device id were little-endian".

            --run is a command for the shell that starts the device. It is started for each case, with these variables:
              PROVE_DEVICE PROVE_SERVER PROVE_BEACON   identities, in their topic form
              PROVE_LINK                               the beacon's address, such as local:/tmp/x/link
              PROVE_MODE                               value where the device must use value mode; otherwise empty
              PROVE_STAY                               yes where it must stay as a member; otherwise empty
              PROVE_BROKER PROVE_BROKER_CA             host:port; CA certificates, PEM
              PROVE_SERVER_KEY                         the server's public key, PEM
              PROVE_STATE                              a folder for sequence ids; it stays from case to case
              PROVE_CASE PROVE_FOLDER                  the case's name; a folder for anything else
            The command ends with 0 when the server has accepted the device, and with another status when it has refused it. \
            With --member there are cases in which it must carry out the server's commands until TERMINATE_CMD, and then end with 0. \
            Without --run, each case prints the variables, and waits for a person to start the device.

            With --link-only there is no broker and no server: the value is one line of 32 hexadecimal digits on the device's \
            standard input, and the command ends with 0 when a beacon has said valid with the value's tag.

            With --registry and --enrol, the device is enrolled first, by the command of --enrol, which also has PROVE_REGISTRY \
            (the URL), PROVE_REGISTRY_CA and PROVE_TOKEN (files). The service is srup-bench registry run.

            Each case prints a line, and where it fails what was expected, what was seen, the probable mistake, and the rules. Then there \
            is a line for each probable mistake, and the last line has the counts:
              prove: <n> passed, <n> failed, <n> not tried, in <seconds> s

            Exit status 0: no case failed; 1: a case failed; 64: invalid command line; 69: the test could not be set up or go on, was \
            stopped, --timeout left out cases, or no case was tried.

            EXAMPLE: a device that has only the link so far:
              srup-bench prove --link-only --device d1 --device-key d1.pub.pem \\
                --run './device $PROVE_LINK $PROVE_DEVICE $PROVE_SERVER $PROVE_BEACON d1.key.pem'
            EXAMPLE: a whole device:
              srup-bench prove --device d1 --device-key d1.pub.pem --id c2 --key c2.key.pem \\
                --broker localhost:8883 --ca ca.pem --cert c2.pem --tls-key c2.key \\
                --run './join $PROVE_BROKER $PROVE_SERVER $PROVE_BEACON $PROVE_LINK'
            """)

    @Option(
        name: .customLong("run"),
        help: ArgumentHelp("The command that starts the device, for the shell; see above.", valueName: "command"))
    var command: String?

    @Option(help: ArgumentHelp("The device's identity (required without --list).", valueName: "identity"))
    var device: Identifier?

    @Option(
        help: ArgumentHelp("The device's public key, PEM (required without --registry and --list).", valueName: "file"))
    var deviceKey: String?

    @Option(help: ArgumentHelp("The identity of the beacon that is played.", valueName: "identity"))
    var beacon = Identifier(0xBEA0_0000_0000_0001)

    @Option(
        help: ArgumentHelp(
            "Where the beacon listens. Default: a local socket in a temporary folder.", valueName: "address"))
    var link: NearbyAddress?

    @Option(help: ArgumentHelp("The modes that the device has.", valueName: "keyed,challenge,value"))
    var modes = ModesOption.usual

    @Flag(help: "Test the link alone: no broker, no server.")
    var linkOnly = false

    @Flag(help: "The command can stay as a member: also try the cases about members; see PROVE_STAY.")
    var member = false

    @OptionGroup(title: "The server that is played") var played: PlayedServer

    @Option(help: ArgumentHelp("The registration service for --enrol.", valueName: "URL"))
    var registry: String?

    @Option(help: ArgumentHelp("CA certificates for it, PEM.", valueName: "file"))
    var registryCa: String?

    @Option(help: ArgumentHelp("A file with an enrolment token for the device.", valueName: "file"))
    var token: String?

    @Option(
        help: ArgumentHelp(
            "A file with a token for reading keys, where the service wants one: srup-bench registry reader.",
            valueName: "file"))
    var readerToken: String?

    @Option(help: ArgumentHelp("The command that enrols the device, for the shell; see above.", valueName: "command"))
    var enrol: String?

    @Option(
        help: ArgumentHelp("Try only this case, by its name or number; may be given several times.", valueName: "case"))
    var only: [String] = []

    @Option(
        help: ArgumentHelp(
            "Of the chosen cases, try each Nth only, from the Kth on: for several runs at once, with other identities.",
            valueName: "K/N"))
    var part: PartOption?

    @Flag(help: "Also try the cases that wait for time limits, which take some minutes.")
    var patient = false

    @Option(help: ArgumentHelp("Wait so many times as long, for a slow device or machine.", valueName: "factor"))
    var slow = 1.0

    @Option(help: ArgumentHelp("Begin no case after this time.", valueName: "seconds"))
    var timeout = Seconds(1_800)

    @Option(help: ArgumentHelp("Write the report to this file, as JSON.", valueName: "file"))
    var json: String?

    @Flag(help: "Print the cases, and the rules that no case tests with the reason; nothing is tried.")
    var list = false

    func validate() throws {
        guard !list else { return }
        guard device != nil else { throw ValidationError("give --device") }
        guard (1...100).contains(slow) else { throw ValidationError("--slow takes a number from 1 to 100") }
        let service = [registry, registryCa, token, enrol]
        guard service.allSatisfy({ $0 == nil }) || service.allSatisfy({ $0 != nil }) else {
            throw ValidationError("give all of --registry, --registry-ca, --token and --enrol, or none")
        }
        guard deviceKey != nil || registry != nil else { throw ValidationError("give --device-key, or --registry") }
        guard !linkOnly || registry == nil else { throw ValidationError("--link-only excludes --registry") }
        try played.check(isNeeded: !linkOnly)
        _ = try chosen()
    }

    /// The cases with their numbers.
    private func chosen() throws -> [(number: Int, case: Case)] {
        let all = Case.all.enumerated().map { (number: $0.offset + 1, case: $0.element) }
        for name in only where !all.contains(where: { $0.case.name == name || String($0.number) == name }) {
            throw ValidationError("--only: there is no case \"\(name)\"; see srup-bench prove --list")
        }
        let wanted = all.filter { only.isEmpty || only.contains($0.case.name) || only.contains(String($0.number)) }
        guard let part else { return wanted }
        return wanted.enumerated().filter { $0.offset % part.count == part.number - 1 }.map(\.element)
    }

    func run() throws {
        guard !list else { return printList() }
        let signals = StopSignals()
        let isStopped = StopMark()
        let loop = Loop()
        signals.watch(on: loop) { isStopped.set() }
        startThread("signals") { loop.run() }
        let report: Report
        do {
            report = try test(isStopped)
        } catch let error as any OperatorError {
            throw OperatorFault(error.message, hintOf: error, exitStatus: EX_UNAVAILABLE)
        }
        (report.mistakes + [report.summary]).forEach { Terminal.print($0) }
        if let json { try report.write(to: json) }
        if report.failed > 0 { throw ExitCode(1) }
        if report.passed == 0 || report.isCutShort || isStopped.isSet { throw ExitCode(EX_UNAVAILABLE) }
    }

    private func test(_ isStopped: StopMark) throws -> Report {
        let folder = try ProveFolder()
        defer { folder.remove() }
        let setting = try setting(in: folder.path)
        // Not only at the end: a place that cannot be written would cost the whole run.
        if let json { try Report(setting, []).write(to: json) }
        let stage = Stage(setting, say: { Terminal.print($0) }, stopped: { isStopped.isSet })
        return try stage.run(try chosen()) { result in result.lines.forEach { Terminal.print($0) } }
    }

    private func setting(in folder: String) throws -> Setting {
        guard let device else { preconditionFailure("options that were not validated") }
        var setting = Setting(
            device: device, beacon: beacon, server: played.id ?? Identifier(0xC200_0000_0000_0001),
            address: link ?? .local(path: folder + "/link"), folder: folder)
        setting.deviceKey = try deviceKey.map { try PublicKey(pemFile: $0) }
        setting.node = try played.node
        (setting.modes, setting.command, setting.isMember) = (modes.modes, command, member)
        (setting.isPatient, setting.slowness, setting.limit) = (patient, slow, timeout.duration)
        if let registry, let registryCa, let token, let enrol {
            setting.service = Setting.Service(url: registry, authority: registryCa, token: token, command: enrol)
            setting.service?.readerToken = try readerToken.map(C2Registry.token)
        }
        return setting
    }

    private func printList() {
        for (index, one) in Case.all.enumerated() {
            let needs = one.needs.map(\.rawValue).sorted().joined(separator: ", ")
            Terminal.print("\(index + 1) \(one.name): \(one.description)")
            Terminal.print("    tests \(one.rules.joined(separator: ", "))\(needs.isEmpty ? "" : "; needs \(needs)")")
        }
        for one in UntestedRule.all { Terminal.print("not tested: \(one.rule): \(one.reason)") }
    }
}
