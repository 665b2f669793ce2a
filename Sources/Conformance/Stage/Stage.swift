import Bench
import BootTime
import EventLoop
import Files
import Glibc
import Keys
import Nearby
import OperatorText
import ProofLink
import SRUP
import Synchronization

/// Plays cases against a device, one after the other, on the calling thread.
package final class Stage {
    /// Why a case ended before its last step, beside a `CaseResult.Fault`.
    enum Ended: Error {
        /// The case is not for this device.
        case notTried(String)
        /// A signal has ended the run.
        case stopped
    }

    /// Milliseconds between two looks at what has come.
    private static let pause: Int32 = 10

    let setting: Setting
    let say: @Sendable (String) -> Void
    private let stopped: @Sendable () -> Bool
    var server: ServerSide?
    var listener: Int32 = -1
    var device: DeviceProcess?
    var link: OpenLink?
    var key: PublicKey?
    /// The device's standard input, with the link alone.
    var input: DeviceInput?
    var variables: [String: String] = [:]
    var state = CaseState()
    var usedNonces: Set<[UInt8]> = []
    /// How often the device has lost its state: each time it gets another folder.
    var lostStates = 0
    private lazy var strangersKey = Result { () throws(KeyMakingError) in try IdentityKey.make(bits: 2_048) }

    /// What one case has come to.
    struct CaseState {
        var name = ""
        var mode = ""
        var stays = false
        /// The token of the last command.
        var commandToken: Token?
        /// The token of the request, and of the value.
        var requestToken: Token?
        var valueToken: Token?
        var facts: LinkFacts?
        /// Those of the link before.
        var factsBefore: LinkFacts?
        /// The first OBS_JOIN_RESP.
        var valueFrame: [UInt8]?
        var value: Secret?
        var signature: [UInt8] = []
    }

    /// - Parameters:
    ///   - say: takes a line for a person.
    ///   - stopped: whether a signal has come.
    package init(
        _ setting: Setting, say: @escaping @Sendable (String) -> Void,
        stopped: @escaping @Sendable () -> Bool = { false }
    ) {
        (self.setting, self.say, self.stopped, key) = (setting, say, stopped, setting.deviceKey)
    }

    deinit { if listener >= 0 { close(listener) } }

    /// Plays these cases.
    /// - Parameter done: takes each result at once.
    /// - Throws: `OperatorError` if the test itself cannot be set up.
    package func run(_ cases: [(number: Int, case: Case)], done: (CaseResult) -> Void) throws -> Report {
        try open()
        defer {
            device?.stop()
            server?.stop()
        }
        let begun = Instant.now
        var results: [CaseResult] = []
        for (number, one) in cases {
            let result =
                if let obstacle = setting.obstacle(to: one) {
                    CaseResult(number, one, .notTried, reason: obstacle)
                } else if .now > begun + setting.limit {
                    CaseResult(number, one, .notTried, reason: CaseResult.timeIsOver)
                } else if key == nil, setting.service != nil, !one.needs.contains(.registry) {
                    CaseResult(number, one, .notTried, reason: "the device is not enrolled: the case enrol comes first")
                } else {
                    try play(number, one)
                }
            guard !stopped() else { break }
            results.append(result)
            done(result)
        }
        return Report(setting, results)
    }

    private func open() throws {
        guard setting.address.transport.isRadio || setting.folder.utf8.count < NearbyAddress.maximumPath else {
            throw OperatorFault(
                "the path of the temporary folder is too long for a socket", hint: "set TMPDIR to a shorter one")
        }
        try listen()
        guard let node = setting.node else { return }
        try node.key.publicKey.write(pemFile: setting.folder + "/server.pub.pem")
        let server = try ServerSide(node, device: setting.device)
        try server.connect()
        self.server = server
    }

    func listen() throws {
        guard listener < 0 else { return }
        do throws(LinkSocketError) { listener = try LinkSocket.listen(on: setting.address) } catch {
            throw OperatorFault(
                "cannot listen on \(setting.address.transport.rawValue) \(setting.address): \(error)",
                hint: error.hint(forListeningOn: setting.address.transport))
        }
    }

    /// - Throws: `OperatorError` if the test itself cannot go on.
    private func play(_ number: Int, _ one: Case) throws -> CaseResult {
        let begun = Instant.now
        func result(_ ended: CaseResult.Ended, reason: String? = nil, fault: CaseResult.Fault? = nil) -> CaseResult {
            let seconds = Double((Instant.now - begun).wholeMilliseconds) / 1_000
            return CaseResult(number, one, ended, seconds: seconds, reason: reason, fault: fault)
        }
        defer { clear() }
        do {
            try begin(one)
            for step in one.steps { try take(step) }
            return result(.pass)
        } catch let fault as CaseResult.Fault {
            try server?.check()
            var fault = fault
            device?.stop()
            fault.deviceSaid = device?.result?.lines.last
            return result(.fail, fault: fault)
        } catch let Ended.notTried(reason) {
            return result(.notTried, reason: reason)
        } catch Ended.stopped {
            return result(.notTried, reason: "the test was stopped")
        }
    }

    /// No link, no device, no message of the case before.
    private func clear() {
        device?.stop()
        (device, link, input) = (nil, nil, nil)
        drain()
        server?.clear()
    }

    /// The key of another node than the server.
    func anotherKey() throws -> IdentityKey { try strangersKey.get() }

    /// Closes links that nobody has looked at.
    func drain() {
        while listener >= 0, let waiting = try? LinkSocket.accept(listener, setting.address.transport) {
            close(waiting.socket)
        }
    }

    // MARK: - Waiting

    /// Waits until `body` gives something, for at most this long.
    /// - Parameter isScaled: whether `--slow` makes it longer: not where nothing may happen in this time.
    /// - Returns: nil if it gave nothing in time.
    /// - Throws: what `body` throws, `Ended.stopped`, and `OperatorFault` if the connection to the broker has ended.
    func wait<Value>(_ time: Duration, isScaled: Bool = true, _ body: () throws -> Value?) throws -> Value? {
        let deadline = Instant.now + (isScaled ? time * setting.slowness : time)
        while true {
            if let value = try body() { return value }
            guard !stopped() else { throw Ended.stopped }
            try server?.check()
            guard .now < deadline else { return nil }
            poll(nil, 0, Stage.pause)
        }
    }

    /// The device has ended, and nothing can come any more.
    func fault(expected: String) -> CaseResult.Fault? {
        guard let device, device.result != nil else { return nil }
        return CaseResult.Fault(expected: expected, seen: device.ending)
    }
}
