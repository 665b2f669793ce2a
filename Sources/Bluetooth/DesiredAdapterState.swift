import ProofLink

/// What the operator wants of an adapter.
public struct DesiredAdapterState: Equatable, Sendable {
    /// Whether BR/EDR devices must be able to reach us.
    public var classic = true
    /// Whether LE devices must be able to reach us.
    public var le = true
    /// Whether bluetoothd does not manage the adapter: then nobody can confirm a pairing, and no device may pair.
    public var isAlone = true
    /// Whether we may power it on and set it up; otherwise another program does.
    public var setsUp = true
    /// What is advertised; nil: nothing.
    public var announcement: Announcement?
    /// What else is advertised: where to register; nil: nothing.
    public var registrationURL: EddystoneURL?
    /// The classic name under which an inquiry finds it; nil: its name stays, and we do not make it discoverable.
    public var name: String?
    /// The identity resolving key under which its LE address rotates; nil: it keeps its own address.
    public var privacyKey: [UInt8]?

    /// The defaults.
    public init() {}
}

extension ManagementCommand {
    /// Whether an adapter that cannot do this can do the rest.
    var mayBeSkipped: Bool {
        switch self {
        case .setSimplePairing, .setSecureConnections, .setCapability, .setName, .setDiscoverable, .setLE, .setClassic,
            .setPrivacy,
            .readAdvertisingFeatures:
            true
        case .readIndexList, .readInformation, .setPowered, .setConnectable, .setBondable, .pair, .cancelPairing,
            .confirm, .unpair,
            .startDiscovery, .stopDiscovery, .readConnection, .readOutOfBand, .addAdvertising, .addBroadcast,
            .removeAdvertising:
            false
        }
    }

    var isSetConnectable: Bool { if case .setConnectable = self { true } else { false } }

    /// What it does, for a log line. Its parameters are not shown.
    public var words: String {
        switch self {
        case .readIndexList: "listing adapters"
        case .readInformation: "reading its properties"
        case .setPowered(let on): on ? "powering on" : "powering off"
        case .setDiscoverable: "setting discoverable"
        case .setConnectable: "setting connectable"
        case .setBondable: "setting bondable"
        case .setSimplePairing: "setting simple pairing"
        case .setLE: "turning LE on"
        case .setSecureConnections: "setting secure connections"
        case .setClassic: "turning BR/EDR on"
        case .setName: "setting its name"
        case .setCapability: "setting what pairing may ask"
        case .setPrivacy: "turning address rotation on"
        case .pair: "pairing"
        case .cancelPairing: "giving up pairing"
        case .confirm: "confirming a pairing"
        case .unpair: "forgetting a pairing"
        case .startDiscovery: "looking for beacons"
        case .stopDiscovery: "ending the search"
        case .readConnection: "reading the signal strength"
        case .readOutOfBand: "checking whether it responds"
        case .readAdvertisingFeatures: "reading its advertising features"
        case .addAdvertising: "advertising"
        case .addBroadcast: "advertising the registration URL"
        case .removeAdvertising: "ending the advertisement"
        }
    }
}
