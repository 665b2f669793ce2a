import Bluetooth
import Broker
import HumanView
import Keys
import Logging
import Nearby
import Observing
import OperatorText
import ProofLink
import SRUP

/// The configuration: read once from its files (docs/srup-beacon.conf has every key with its comment).
public struct Configuration: Equatable, Sendable {
    /// A server that we listen to.
    public struct Server: Equatable, Sendable {
        /// How we join it.
        enum Joining: String, CaseIterable {
            case simple, human, observed
            /// Only `srup-beacon join` or JOIN_CMD makes us.
            case no
        }

        /// PEM file with its public key.
        public var keyFile = ""
        /// Where our sequence ids towards it start at least: only needed where the journal was lost.
        public var sequenceFloor: SequenceID?
        var join = Joining.simple
        /// Who observes our own join.
        var observer: Identifier?
        /// How we join it, and what it may do to us.
        public var terms = ServerPermissions()
        /// Whether DEREGISTER_CMD from it is obeyed; nil: only where its commands must name us.
        var obeysDeregistration: Bool?
        /// Whether it takes DATA that it has not asked for; nil: only where its commands must name us, since the reference may not.
        var takesData: Bool?
        /// Whether it takes OBSERVATION_PROOF; nil: only where its commands must name us, since the reference cannot.
        var takesProofs: Bool?
        /// Whether it may be one of several servers although it compares no tokens.
        var isShared = false
        /// Whether we ask it by ourselves.
        public var joinsByItself: Bool { join != .no }
        /// The view in which our own value is shown to a human; the server must show it in the same.
        public var view = HumanView.words
        /// Where the observer of our own join is near by.
        public var observerAddress: NearbyAddress?
    }

    /// How the adapters must be set up.
    public struct Radio: Equatable, Sendable {
        /// What an LE advertisement says.
        public enum Advertising: String, CaseIterable, Sendable {
            /// That here is a beacon, and which.
            case `public`
            /// That here is a beacon.
            case `private`
            // swift-format-ignore: AllPublicDeclarationsHaveDocumentation
            case off
        }

        /// Which adapters are used; empty: all.
        public var adapters: [BluetoothAddress] = []
        /// Whether we power them on and set them up.
        public var setsUp = true
        /// What is advertised.
        public var advertising = Advertising.public
        /// Where to register, advertised beside it; nil: that is not advertised.
        public var registrationURL: EddystoneURL?
        /// Whether the LE address changes every few minutes.
        public var rotatesAddress = false
        /// The classic name, under which an inquiry finds the beacon; nil: none does.
        public var name: String?
        /// Whether bluetoothd, where it runs, gets a service record.
        public var serviceRecord = true
        /// The beacons in range whose advertisements must be heard; empty: none is listened for.
        public var neighbours: [Identifier] = []
        /// How long one of them may be silent.
        public var neighbourLimit = Duration.seconds(600)
    }

    /// A way in for nearby devices.
    public struct Listening: Equatable, Sendable {
        /// Where.
        public var address: NearbyAddress
        /// What Bluetooth itself must have done before a link is accepted.
        public var security: LinkSecurity
    }

    /// Who we are.
    public internal(set) var identity = Identifier(0)
    /// What people call us, and where we are.
    public internal(set) var place = BeaconPlace()
    /// PEM file with our identity key.
    public internal(set) var keyFile = ""
    /// Folder of the journal and the control socket.
    public internal(set) var stateFolder = ""
    /// File that takes "1" and "0" to switch a light: an LED's `brightness` in /sys/class/leds; nil: there is none.
    public internal(set) var lightFile: String?
    /// Tried in turn.
    public internal(set) var brokers: [BrokerAddress] = []
    /// The brokers' CA, and our client certificate.
    public internal(set) var tls = TLSFiles(authority: "", certificate: "", key: "")
    /// nil: the identity.
    public internal(set) var clientID: String?
    /// First and longest wait between two attempts to connect.
    public internal(set) var reconnect = (first: Duration.seconds(1), longest: Duration.seconds(60))
    /// How the brokers are used.
    public internal(set) var brokerPolicy = BrokerPolicy()
    /// Servers by identity.
    public internal(set) var servers: [Identifier: Server] = [:]
    /// Updates.
    public internal(set) var updates = UpdateSettings()
    /// Our numbers.
    public internal(set) var policy = Policy()
    /// RFCOMM channel; nil: not listened for.
    public internal(set) var rfcommChannel: UInt8? = NearbyAddress.defaultChannel
    /// L2CAP PSM; nil: not listened for.
    public internal(set) var l2capPSM: UInt16? = NearbyAddress.defaultPSM
    /// L2CAP PSM on LE; nil: not listened for.
    public internal(set) var lePSM: UInt16? = NearbyAddress.defaultLEPSM
    /// Path of the local socket; nil: not listened for.
    public internal(set) var localPath: String?
    /// What each radio transport asks of its links.
    public internal(set) var security: [Transport: LinkSecurity] = [
        .rfcomm: .none, .l2cap: .none, .le: .none,
    ]
    /// The adapters.
    public internal(set) var radio = Radio()
    /// How long verdicts are kept, and how often their record is signed.
    var history = HistorySettings()
    /// Lines below this are not written.
    var logLevel = Logger.Level.info
    /// The textfile of metrics; nil: none is written. How long it is left as it is.
    var metrics: (file: String?, interval: Duration) = (nil, .seconds(15))
    /// How they are written.
    var logFormat = LineLog.Format.auto

    /// Where nearby devices are listened for: each transport on all adapters, or on each of those that are named.
    public var listeners: [Listening] {
        let adapters = radio.adapters.isEmpty ? [.any] : radio.adapters
        let nearby =
            adapters.flatMap { adapter -> [NearbyAddress?] in
                [
                    rfcommChannel.map { .rfcomm(adapter, channel: $0) }, l2capPSM.map { .l2cap(adapter, psm: $0) },
                    lePSM.map { .le(adapter, psm: $0, random: false) },
                ]
            } + [localPath.map { .local(path: $0) }]
        return nearby.compactMap { $0 }.map { Listening(address: $0, security: security[$0.transport] ?? .none) }
    }

    // One key for each mode.
    var offersValueMode: Bool {
        get { policy.modes.contains(Modes.value) }
        set { offer(.value, newValue) }
    }

    var offersChallengeMode: Bool {
        get { policy.modes.contains(Modes.challenge) }
        set { offer(.challenge, newValue) }
    }

    var offersKeyedMode: Bool {
        get { policy.modes.contains(Modes.keyed) }
        set { offer(.keyed, newValue) }
    }

    private mutating func offer(_ mode: Modes, _ isOffered: Bool) {
        if isOffered { policy.modes.insert(mode) } else { policy.modes.remove(mode) }
    }

    /// The MQTT client id.
    package var mqttClientID: String { clientID ?? identity.topicForm }

    /// Whether it listens for devices on a radio, or advertises something else.
    var usesRadio: Bool {
        radio.registrationURL != nil || !radio.neighbours.isEmpty
            || listeners.contains { $0.address.transport.isRadio }
    }

    /// What each server may do to us.
    var terms: [Identifier: ServerPermissions] { servers.mapValues(\.terms) }

    /// What is advertised; nil: nothing.
    var announcement: Announcement? {
        switch radio.advertising {
        case .public: Announcement(lePSM: lePSM ?? 0, beacon: identity)
        case .private: Announcement(lePSM: lePSM ?? 0, beacon: nil)
        case .off: nil
        }
    }

    /// Reads and checks a configuration: its file, and the files of the folder conf.d beside it.
    /// - Throws: `OperatorFault`, with file and line where there are: an unknown key is a fault, and so is a missing one.
    public init(file path: String) throws {
        try self.init(try ConfigurationFiles(path))
    }

    /// - Parameter withFragments: whether the files of conf.d are read.
    /// - Throws: as `init(file:)`.
    package init(file path: String, withFragments: Bool) throws {
        try self.init(withFragments ? try ConfigurationFiles(path) : try ConfigurationFiles(path, fragments: []))
    }

    /// Checks each line of the files of conf.d, where the configuration's own file may not be there yet.
    /// - Throws: `OperatorFault`, as `init(file:)`.
    package static func checkFragments(of path: String) throws {
        var configuration = Configuration()
        for fragment in try ConfigurationFiles.fragments(of: path) {
            for setting in try ConfigurationFiles(fragment, fragments: []).settings { try configuration.take(setting) }
        }
    }

    /// - Throws: `OperatorFault` with file and line.
    private mutating func take(_ setting: Setting) throws(OperatorFault) {
        do throws(BadSetting) {
            try set(setting)
        } catch {
            throw OperatorFault("\(setting.place): \(error.message)", hintOf: error)
        }
    }

    /// - Throws: as `init(file:)`.
    init(_ files: ConfigurationFiles) throws {
        self.init()
        for setting in files.settings { try take(setting) }
        try checkNothingMissing(files.path)
        try settleJoinModes(files.path)
        try settleTerms(files.path)
        policy.hidesIdentity = radio.advertising != .public
    }

    init() {}
}
