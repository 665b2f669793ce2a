import ArgumentParser
import Arguments
import Bench
import OperatorText
import Registration
import SRUP

struct RegistryTokenVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Create a token that lets a device register, and print it once.",
        discussion: "The device sends it as \"token\" in the body of register. The service may be running.")

    @OptionGroup var place: RegistryPlace

    @Option(help: ArgumentHelp("Only for devices of this type. Default: any type.", valueName: "text"))
    var type: String?

    @Option(help: ArgumentHelp("Number of devices that may use it.", valueName: "n"))
    var uses: Int64 = 1

    @Option(help: ArgumentHelp("Its validity.", valueName: "hours"))
    var hours: Int64 = 24

    @Option(help: ArgumentHelp("A description for the list of tokens.", valueName: "text"))
    var label: String?

    @Option(help: ArgumentHelp("What the device is called, for list: at most 64 bytes.", valueName: "text"))
    var name: String?

    @Option(help: ArgumentHelp("The site that it belongs to: at most 64 bytes.", valueName: "text"))
    var site: String?

    @Option(help: ArgumentHelp("Where it is: at most 128 bytes.", valueName: "text"))
    var position: String?

    private var node: NodePlace { .init(name: name, site: site, position: position) }

    func validate() throws {
        try Limits.check(uses: uses, hours: hours, label: label)
        if let fault = node.fault { throw ValidationError(fault) }
        guard name == nil || uses == 1 else { throw ValidationError("--name is for one device: leave --uses out") }
    }

    func run() throws {
        let admin = try RegistryAdmin(RegistryFolder(existing: place.folder))
        Terminal.print(try admin.token(.enrol, type: type, uses: uses, label: label, place: node, hours: hours))
    }
}

struct RegistryReaderVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reader",
        abstract: "Create a token for reading keys and types, and print it once.",
        discussion: "Clients send it in the header \"Authorization: Bearer TOKEN\". The service may be running.")

    @OptionGroup var place: RegistryPlace

    @Flag(help: "Also allow it to deregister any device: for a C2 server.")
    var mayDeregister = false

    @Option(help: ArgumentHelp("Its validity.", valueName: "hours"))
    var hours: Int64 = 8_760

    @Option(help: ArgumentHelp("A description for the list of tokens.", valueName: "text"))
    var label: String?

    func validate() throws { try Limits.check(uses: 1, hours: hours, label: label) }

    func run() throws {
        let admin = try RegistryAdmin(RegistryFolder(existing: place.folder))
        Terminal.print(try admin.token(mayDeregister ? .c2 : .read, label: label, hours: hours))
    }
}

private enum Limits {
    static func check(uses: Int64, hours: Int64, label: String?) throws {
        guard (1...1_000_000).contains(uses) else { throw ValidationError("--uses takes 1 to 1000000") }
        guard (1...87_600).contains(hours) else { throw ValidationError("--hours takes 1 to 87600") }
        guard let label else { return }
        guard label.isPrintable(1...64, spaces: true) else {
            throw ValidationError("--label takes 1 to 64 printable ASCII characters")
        }
    }
}

struct RegistryTokensVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens",
        abstract: "List the tokens, the newest first.",
        discussion: """
            One line for each: its number, its purpose, how often it was used and may still be used, its expiry, and its \
            label. The tokens themselves are not stored and cannot be shown. Expired tokens are removed after a day.
            """)

    @OptionGroup var place: RegistryPlace

    func run() throws {
        let admin = try RegistryAdmin(RegistryFolder(existing: place.folder))
        for token in try admin.tokens() { Terminal.print(line(token, isValid: admin.isValid(token))) }
    }

    private func line(_ token: RegistryToken, isValid: Bool) -> String {
        let purpose =
            switch token.role {
            case .enrol:
                token.identity.map { "gives \($0.topicForm) a new key" } ?? "enrols"
                    + (token.type.map { " \"\($0)\"" } ?? " any type")
            case .read: "reads keys"
            case .c2: "reads keys, deregisters"
            }
        let uses = token.role == .enrol ? "  used \(token.used), left \(token.usesLeft.map(String.init) ?? "all")" : ""
        return "\(token.number)  \(purpose)\(uses)  made \(text(token.made))"
            + "  \(isValid ? "valid until" : "not valid; until") \(text(token.expires))"
            + (token.label.map { "  \"\($0)\"" } ?? "") + token.place.text
    }
}

struct RegistryWithdrawVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw",
        abstract: "Withdraw a token: it is no longer valid.",
        discussion: """
            Identities that were registered with it stay registered; use revoke to end one. The service may be running.
            """)

    @OptionGroup var place: RegistryPlace

    @Argument(
        help: ArgumentHelp("Its number, or the beginning of it, as listed by tokens (required).", valueName: "number"))
    var number: String

    func run() throws {
        let token = try RegistryAdmin(RegistryFolder(existing: place.folder)).withdraw(number)
        Terminal.print("withdrew \(token.number)" + (token.label.map { " \"\($0)\"" } ?? ""))
    }
}

private func text(_ seconds: Int64) -> String { Timestamp(seconds).description }

extension NodePlace {
    /// For the end of a line; empty if nothing is known.
    var text: String {
        [("name", name), ("site", site), ("position", position)].map { what, value in
            value.map { "  \(what) \"\($0)\"" } ?? ""
        }.joined()
    }
}

struct RegistryRevokeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Permanently revoke an identity and its certificates.",
        discussion: """
            The service no longer returns its key, and the revocation list names its certificates. A service that runs with \
            --on-list has the broker read the list; otherwise let the broker read it (mosquitto: SIGHUP). A connected client \
            stays connected until it must connect again.
            """)

    @OptionGroup var place: RegistryPlace

    @OptionGroup var passphrase: RegistryPassphrase

    @Argument(help: ArgumentHelp("The identity: 1 to 16 hexadecimal digits (required).", valueName: "identity"))
    var identity: Identifier

    func run() throws {
        let folder = try RegistryFolder(existing: place.folder)
        let registry = try Registry(
            in: folder, policy: RegistryPolicy(), passphrase: try passphrase.read(isNew: false)
        ) { Terminal.print($0) }
        try registry.end(identity)
    }
}

struct RegistryRekeyVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rekey",
        abstract: "Let an identity whose key is lost register a new one, and print the token for it once.",
        discussion: """
            The identity's key and its certificates are no longer valid from now on, and the revocation list names them, as \
            after revoke; the identity itself stays. The machine that takes its place enrols with the same identity and type, \
            and with the token:

              srup-bench registry rekey --folder registry bea0000000000001 >new.token
              srup-beacon enrol URL --ca service-ca.pem --identity bea0000000000001 --token new.token

            Until then the service returns no key for it. The service may be running.
            """)

    @OptionGroup var place: RegistryPlace

    @OptionGroup var passphrase: RegistryPassphrase

    @Option(help: ArgumentHelp("The token's validity.", valueName: "hours"))
    var hours: Int64 = 24

    @Argument(help: ArgumentHelp("The identity: 1 to 16 hexadecimal digits (required).", valueName: "identity"))
    var identity: Identifier

    func validate() throws { try Limits.check(uses: 1, hours: hours, label: nil) }

    func run() throws {
        let folder = try RegistryFolder(existing: place.folder)
        let registry = try Registry(
            in: folder, policy: RegistryPolicy(), passphrase: try passphrase.read(isNew: false)
        ) { Terminal.printError($0) }
        Terminal.print(try registry.rekey(identity, hours: hours))
    }
}
