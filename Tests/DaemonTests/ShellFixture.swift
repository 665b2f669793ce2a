import Foundation
import Glibc
import Keys
import Observing
import OperatorText
import ProofLink
import SQLite
import SRUP
import TestVectors
import Testing

@testable import Daemon
@testable import EventLoop
@testable import Broker
@testable import Nearby

/// A shell with a journal on disk, a broker link that only records, a server's key, and a clock that the test sets. Its loop
/// is run by the test, one turn at a time.
final class ShellFixture {
    static let beacon = Identifier(0xbea0_0000_0000_0001)
    static let c2 = Identifier(0xc2)

    let loop = Loop()
    let clock = ManualClock()
    let log = LogRecorder()
    let link: FakeBrokerLink
    let shell: Shell
    let file: String
    private let folder: TemporaryFolder
    private let serverKey: IdentityKey
    private let beaconKey: PublicKey
    private var sequence: UInt64 = 0
    private var connection = 0

    /// - Parameters:
    ///   - settings: lines for the end of the configuration file.
    ///   - beacon: a line for its section [beacon].
    ///   - stateFolder: the folder of the other files, unless another is given.
    ///   - wall: its wall clock.
    ///   - keys: the beacon's own, which a reload reads again.
    init(
        _ folder: TemporaryFolder, _ settings: String = "", beacon: String = "", stateFolder: String? = nil,
        wall: WallClock = WallClock(), keys: @escaping @Sendable () throws -> OwnKeys = { try OwnKeys("obs_2048") },
        willPublish: @escaping @Sendable () -> Void = {}
    ) throws {
        (self.folder, file) = (folder, folder.path("beacon.conf"))
        try ShellFixture.write(settings, beacon: beacon, state: stateFolder, to: folder)
        (serverKey, beaconKey) = (try TestKeys.privateKey("c2_2048"), try TestKeys.publicKey("obs_2048"))
        let publicKey = try TestKeys.publicKey("c2_2048")
        link = FakeBrokerLink(willPublish: willPublish)
        shell = try Shell(
            try Configuration(file: file), configurationFile: file,
            loadMaterials: { configuration in
                if let server = configuration.servers.values.first(where: { $0.keyFile.hasSuffix("nothing.pem") }) {
                    throw OperatorFault("\(server.keyFile) does not exist", hint: "make it")
                }
                let own = try keys()
                return KeyMaterial(
                    key: own.key, oldKey: own.old,
                    keyring: PublicKeys(configuration.servers.mapValues { _ in publicKey }))
            }, loop: loop, clock: clock, wallMicroseconds: { wall.microseconds },
            background: BackgroundWork(loop: loop) { $1() }, log: log.logger)
        try on { try $0.openJournal() }
        try on { [link] in $0.broker.start(link) }
        try connect()
    }

    private static func write(
        _ settings: String, beacon: String = "", state: String? = nil, to folder: TemporaryFolder
    ) throws {
        let lines = Settings.good.map { line in
            line.hasPrefix("state")
                ? "state = \(state ?? folder.url.path)\n\(beacon)"
                : line.replacing("/etc/", with: folder.url.path + "/no-")
        }
        let text = lines.joined(separator: "\n") + "\n\(settings)\n"
        try folder.write(Data(text.utf8), to: "beacon.conf")
    }

    /// Writes the configuration with other lines at its end, and reloads it.
    /// - Returns: what the person who asked for it is told.
    func reload(_ settings: String) throws -> String {
        try ShellFixture.write(settings, to: folder)
        let slot = Slot<[UInt8]>()
        try on { $0.answer("reload") { bytes in slot.result = .success(bytes) } }
        loop.turn()
        return String(decoding: try #require(slot.result).get(), as: UTF8.self)
    }

    /// Does something as the shell, in one turn of its loop.
    @discardableResult
    func on<Value: Sendable>(_ body: @escaping @Sendable (isolated Shell) throws -> Value) throws -> Value {
        let slot = Slot<Value>()
        loop.perform { [shell] in slot.result = Result { try shell.assumeIsolated { try body($0) } } }
        loop.turn()
        return try #require(slot.result).get()
    }

    /// Time passes, and whatever is due happens.
    func pass(_ delay: Duration) throws {
        try on { [clock] _ in clock.advance(by: delay) }
        loop.turn()
    }

    // MARK: - The server

    /// A broker connects, and receives whatever no broker has acknowledged.
    func connect(hasSession: Bool = true) throws {
        connection += 1
        let address = BrokerAddress(host: "broker.example.org", port: 8883)
        try on { [connection] in
            $0.brokerHappened(.connected(address, connection: connection, hasSession: hasSession))
        }
    }

    /// What the server has received since the last call.
    func received() throws -> [Message] {
        try link.takeMessages().map { try UnverifiedFrame($0.payload).unverifiedMessage }
    }

    /// A server's message, with the next sequence id or with another.
    func message(
        _ body: Body, token: Token, from sender: Identifier = ShellFixture.c2, sequence other: UInt64? = nil
    ) throws -> Incoming {
        if other == nil { sequence += 1 }
        let message = Message(sequence: SequenceID(other ?? sequence), sender: sender, token: token, body: body)
        return Incoming(topic: "t", payload: try message.signed(by: serverKey))
    }

    /// Something arrives from the broker.
    /// - Returns: whether all of it was taken, and may be acknowledged.
    @discardableResult
    func take(_ incoming: Incoming...) throws -> Bool {
        let now = clock.now
        return try on { $0.take(incoming[...], arrivedAt: now) } == incoming.count
    }

    /// A server sends something.
    /// - Returns: whether all of it was taken, and may be acknowledged.
    @discardableResult
    func send(_ body: Body, token: Token, from sender: Identifier = ShellFixture.c2) throws -> Bool {
        try take(message(body, token: token, from: sender))
    }

    /// Each server accepts this beacon.
    func join() throws {
        let requests = link.takeMessages()
        try #require(!requests.isEmpty)
        for request in requests {
            let server = try #require(request.topic.split(separator: "/").dropFirst(2).first)
            try send(
                .response(.joinSuccess), token: try UnverifiedFrame(request.payload).unverifiedMessage.token,
                from: try #require(Identifier(hexadecimal: server)))
        }
        _ = (log.take(), link.take())
    }

    /// The journal is closed and opened again, and everything known comes from it, as at a restart.
    func reopenJournal() throws {
        try on { shell in
            _ = shell.transact { _ in throw Journal.Failure.database(DatabaseError(code: 10, words: "disk I/O error")) }
        }
        try pass(.seconds(1))
    }

    /// The journal is closed, as at the end of the process.
    func close() throws { try on { $0.journal = nil } }

    func token(_ number: UInt8) -> Token {
        Token(random: [UInt8](repeating: number, count: 16), server: ShellFixture.c2, beacon: ShellFixture.beacon)
    }

    /// A request for an observation, with the next sequence id.
    func request(
        _ joining: Identifier, _ value: Secret, token: Token, from sender: Identifier = ShellFixture.c2
    ) throws -> Incoming {
        let sealed = Octets(try beaconKey.seal(value))
        return try message(.observationRequest(joining: joining, sealed: sealed), token: token, from: sender)
    }

    /// A server asks for an observation.
    @discardableResult
    func observe(_ joining: Identifier, _ value: Secret, token: Token, from sender: Identifier = ShellFixture.c2) throws
        -> Bool
    {
        try take(request(joining, value, token: token, from: sender))
    }

    // MARK: - What it reports

    func refused(_ reason: String) throws -> Int { try on { $0.reports.metrics.refused[reason] ?? 0 } }
    func report() throws -> StatusReport { try on { $0.statusReport } }

    // MARK: - Devices

    func connectDevice() throws -> FakeDevice {
        var pair: [Int32] = [0, 0]
        let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        try #require(socketpair(AF_UNIX, flags, 0, &pair) == 0)
        let accepted = LinkSocket.Accepted(socket: pair[0], peer: "a device")
        try on { $0.links.take(accepted, .local) }
        return FakeDevice(pair[1], self)
    }
}

/// A beacon's identity key, and the one before its last rotation, by the names of test keys.
struct OwnKeys {
    let key: IdentityKey
    let old: IdentityKey?

    init(_ key: String, before old: String? = nil) throws {
        (self.key, self.old) = (try TestKeys.privateKey(key), try old.map { try TestKeys.privateKey($0) })
    }
}

/// A wall clock that the test sets; it stands still. Used on one thread.
final class WallClock: @unchecked Sendable {
    /// 2027-01-01.
    static let newYear: Int64 = 1_798_761_600_000_000

    /// Since 1970.
    var microseconds = WallClock.newYear
}

/// The result of a closure on the loop. Used on one thread.
private final class Slot<Value>: @unchecked Sendable { var result: Result<Value, any Error>? }

/// A device at the other end of a link to the shell.
final class FakeDevice {
    let socket: Int32
    private let fixture: ShellFixture
    private var assembler = FrameAssembler()

    init(_ socket: Int32, _ fixture: ShellFixture) { (self.socket, self.fixture) = (socket, fixture) }

    deinit { close(socket) }

    func send(_ frame: LinkFrame) { #expect(LinkSocket.send(frame, over: socket)) }

    /// The next frame; nil if the beacon has sent nothing more, or has closed the link.
    func receive() throws -> LinkFrame? {
        fixture.loop.turn()
        while case .bytes(let bytes) = LinkSocket.receive(from: socket) { assembler.append(bytes) }
        return try assembler.next()
    }

    var isClosed: Bool { LinkSocket.receive(from: socket) == .closed }

    /// Proves a value over the link, as a device does.
    /// - Parameters:
    ///   - sign: signs the proof in keyed mode; nil for a proof without a signature.
    ///   - waiting: called when the beacon sends WAIT.
    /// - Returns: the outcome, and whether the beacon has shown that it holds the value; nil if there was none.
    func prove(
        _ value: Secret, as device: Identifier, mode: Mode = .challenge, signedBy sign: IdentityKey? = nil,
        waiting: () throws -> Void = {}
    ) throws -> (outcome: Outcome, isProved: Bool)? {
        var session = session(value, device, mode)
        while let frame = try receive() {
            switch try session.receive(frame) {
            case .send(let reply): send(reply)
            case .prove(let proof, let message):
                send(proof)
                if let sign { KeyedProof.frames(of: try sign.signature(over: [message[...]])).forEach(send) }
            case .end(let outcome, let isProved): return (outcome, isProved)
            case .wait: try waiting()
            case .awaitValue: break
            }
        }
        return nil
    }

    private func session(_ value: Secret, _ device: Identifier, _ mode: Mode) -> DeviceSession {
        DeviceSession(
            DeviceSession.Parties(
                device: device, server: ShellFixture.c2, beacon: ShellFixture.beacon, transport: .local, modes: [mode]),
            deviceNonce: randomBytes(LinkFrame.deviceNonceLength), value: value, authenticate: hmacSHA256)
    }
}

/// Runs a shell that each of its servers has accepted.
func withMember(
    _ settings: String = "", wall: WallClock = WallClock(), willPublish: @escaping @Sendable () -> Void = {},
    _ body: (ShellFixture) throws -> Void
) throws {
    try TemporaryFolder.with { folder in
        let fixture = try ShellFixture(folder, settings, wall: wall, willPublish: willPublish)
        try fixture.join()
        try body(fixture)
    }
}
