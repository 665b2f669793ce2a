import ArgumentParser
import Arguments
import Bench
import OperatorText
import Registration

struct RegistryAuthorityVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca",
        abstract: "Replace the CA while nodes are connected: begin, switch, finish.",
        discussion: """
            Between begin and finish both CAs are trusted: ca.pem and crl.pem hold the certificates and the revocation lists of \
            both, and each node that enrols or renews gets both. The service may be running.

            EXAMPLE:
              srup-bench registry ca begin --folder registry
              srup-beacon renew                                # on each node; ca status says which are left
              srup-bench registry ca switch --folder registry
              srup-beacon renew                                # again
              srup-bench registry ca finish --folder registry
            """,
        subcommands: [
            RegistryAuthorityStatusVerb.self, RegistryAuthorityBeginVerb.self, RegistryAuthoritySwitchVerb.self,
            RegistryAuthorityFinishVerb.self,
        ])
}

/// An existing registry whose CA's key can be used.
struct RegistryWithAuthority: ParsableArguments {
    @OptionGroup var place: RegistryPlace

    @OptionGroup var passphrase: RegistryPassphrase

    func open() throws -> Registry {
        try Registry(
            in: RegistryFolder(existing: place.folder), policy: RegistryPolicy(),
            passphrase: try passphrase.read(isNew: false)
        ) { Terminal.print($0) }
    }
}

struct RegistryAuthorityStatusVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the CAs, which nodes have the newest one's certificate, and what to do next.",
        discussion: "Nodes without a valid certificate are left out: they must enrol again in any case.")

    @OptionGroup var registry: RegistryWithAuthority

    func run() throws { for line in try registry.open().authorityStatus() { Terminal.print(line) } }
}

struct RegistryAuthorityBeginVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "begin",
        abstract: "Make a second CA, which nodes and the broker trust from now on.",
        discussion: """
            The first CA signs, as before. A service that runs with --on-list has the broker read ca.pem and crl.pem; otherwise \
            let the broker read them (mosquitto: SIGHUP). Then renew the certificate of each node.
            """)

    @OptionGroup var registry: RegistryWithAuthority

    @Option(help: ArgumentHelp("Bits of the CA's RSA modulus: 3072 to 8192.", valueName: "n"))
    var bits = 3_072

    func validate() throws {
        guard (3_072...8_192).contains(bits) else { throw ValidationError("--bits takes a number from 3072 to 8192") }
    }

    func run() throws { try registry.open().beginAuthority(bits: bits) }
}

struct RegistryAuthoritySwitchVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switch",
        abstract: "Let the second CA sign, and renew the HTTPS, broker and C2 certificates with it.",
        discussion: """
            A running service uses the new HTTPS certificate at once; the broker its own when it is told (mosquitto: SIGHUP); a \
            C2 server at its next connection.
            """)

    @OptionGroup var registry: RegistryWithAuthority

    @Flag(help: "Even if nodes have not got the new CA's certificate: they lose broker and registry.")
    var force = false

    func run() throws {
        for line in try registry.open().switchAuthority(isForced: force) { Terminal.print("registry: \(line)") }
    }
}

struct RegistryAuthorityFinishVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finish",
        abstract: "End the first CA: it is not trusted any longer, and its key is destroyed.",
        discussion: "Then let the broker read ca.pem and crl.pem again, as after begin.")

    @OptionGroup var registry: RegistryWithAuthority

    @Flag(help: "Even if nodes still have a certificate of the first CA only: they lose the broker.")
    var force = false

    func run() throws { try registry.open().finishAuthority(isForced: force) }
}

struct RegistryRenewVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew",
        abstract: "Renew the HTTPS, broker and C2 certificates, for the same keys.",
        discussion: """
            They end with the CA at the latest; to replace the CA: srup-bench registry ca. A running service uses the new HTTPS \
            certificate at once; the broker its own when it is told (mosquitto: SIGHUP); a C2 server at its next connection.
            """)

    @OptionGroup var registry: RegistryWithAuthority

    func run() throws {
        for line in try registry.open().renewCertificates() { Terminal.print("registry: \(line)") }
    }
}
