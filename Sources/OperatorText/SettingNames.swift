/// How a program names the settings that a hint can tell its operator to change: the beacon has a configuration file, the bench
/// kit has options. An error says which setting; the program that prints it says what the setting is called there.
public struct SettingNames: Sendable {
    /// Where the paths of keys are given, with its preposition.
    public var keyPaths: String
    /// The broker's host and port.
    public var brokerAddress: String
    /// The CA certificates for the broker.
    public var brokerAuthority: String
    /// The client certificate for the broker.
    public var brokerCertificate: String
    /// The client id at the broker.
    public var clientID: String
    /// The CA certificates for the registration service.
    public var registryAuthority: String
    /// A link without Bluetooth.
    public var localLink: String
    /// The command with which a node becomes another one, with a new identity and new keys.
    public var newIdentity: String

    /// The keys of the beacon's configuration file, and the options of its subcommands.
    public static let beacon = SettingNames(
        keyPaths: "in the configuration", brokerAddress: "[broker] address", brokerAuthority: "[broker] ca",
        brokerCertificate: "[broker] certificate", clientID: "[broker] client-id", registryAuthority: "--ca",
        localLink: "[link] local", newIdentity: "srup-beacon enrol URL --replace")

    /// The options of the bench kit.
    public static let bench = SettingNames(
        keyPaths: "on the command line", brokerAddress: "--broker", brokerAuthority: "--ca",
        brokerCertificate: "--cert",
        clientID: "--id", registryAuthority: "--ca", localLink: "--link local:PATH",
        newIdentity: "srup-bench enrol URL --folder DIR --replace")
}
