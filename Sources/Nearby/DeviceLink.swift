import Bluetooth
import BootTime
import CLinux
import EventLoop
import Glibc
import ProofLink
import SRUP

/// One link of a device to a beacon: the socket, and a `DeviceSession` that decides what to send. One for each attempt.
///
/// `@unchecked Sendable`: used on the loop's thread only.
public final class DeviceLink: @unchecked Sendable {
    /// What the link tells.
    public enum Report: Sendable {
        /// The link is there.
        case linked
        /// The proof, or the value, has been sent.
        case presented
        /// For the operator.
        case say(String)
        /// A frame was sent, or received.
        case frame(LinkFrame, sent: Bool)
        /// The link is closed; this is the last report.
        case ended(LinkPlan.Ended)
    }

    /// Reads of one round, so that a beacon that sends without end does not block the rest of the loop.
    private static let readBatch = 8
    /// WAITs that may come together; after that one a second is accepted.
    private static let waitsAtOnce = 2
    private static let waitPause = Duration.seconds(1)
    /// How long a device waits while nothing is received. A silent peer proves nothing, like any other that does not hold the
    /// value: the device disconnects, and tries again. Longer: an impostor keeps the device longer.
    public struct Limits: Sendable {
        /// Until the link is there.
        public var connect = Duration.seconds(20)
        /// From there to HELLO.
        public var hello = Duration.seconds(5)
        /// From READY or CLAIM to WAIT or CHALLENGE.
        public var answer = Duration.seconds(5)
        /// From READY or CLAIM to CHALLENGE, where the beacon says WAIT; whole seconds.
        public var hold = Duration.seconds(30)
        /// From CHALLENGE to OUTCOME.
        public var outcome = Duration.seconds(15)

        /// The limits of docs/proof-link.md, "What a device makes of it".
        public init() {}
    }

    private let loop: Loop
    private let clock: any LoopClock
    private let address: NearbyAddress
    private let limits: Limits
    private let sign: @Sendable ([UInt8]) -> [UInt8]
    private let report: @Sendable (Report) -> Void
    private var session: DeviceSession
    private var assembler = FrameAssembler(from: .beacon)
    /// A signature is several frames, and an LE channel may take only some of them before the beacon has read.
    private var unsent: [LinkFrame] = []
    private var socket: Int32 = -1
    private var adapter = BluetoothAddress.any
    private var isConnected = false
    /// nil on a stream.
    private var packets: PacketSizes?
    /// The time up to which the WAITs received are accounted for, one second each.
    private var waitsUntil = Instant.boot
    private var watch: Loop.Watch?
    private var limit: (any LoopTimer)?
    /// When READY or CLAIM was first sent.
    private var readyAt = Instant.boot

    /// A link that is not open yet.
    /// - Parameters:
    ///   - clock: by which it measures `limits`; nil: the boot clock.
    ///   - limits: how long it waits while nothing is received.
    ///   - sign: signs with the device's identity key, in keyed mode, after PROOF has been sent: it may take its time.
    ///   - report: is told what happens, on the loop's thread.
    public init(
        _ loop: Loop, clock: (any LoopClock)? = nil, to address: NearbyAddress, session: DeviceSession,
        limits: Limits = Limits(),
        sign: @escaping @Sendable ([UInt8]) -> [UInt8], report: @escaping @Sendable (Report) -> Void
    ) {
        (self.loop, self.address, self.session, self.limits) = (loop, address, session, limits)
        (self.sign, self.report, self.clock) = (sign, report, clock ?? BootClock(loop: loop))
    }

    deinit { drop() }

    /// Starts to connect.
    public func open(from adapter: BluetoothAddress) {
        self.adapter = adapter
        do throws(LinkSocketError) { socket = try LinkSocket.connect(to: address, from: adapter) } catch {
            report(.ended(.unreachable(error.ofConnect(to: address, from: adapter))))
            return
        }
        watch = loop.watch(socket, for: EPOLLOUT.rawValue) { [weak self] _ in self?.connected() }
        limit = clock.timer { [weak self] in self?.expired() }
        limit?.set(after: limits.connect)
    }

    private func expired() {
        guard !isConnected, address.transport.isRadio else {
            return end(.left("the beacon has said nothing for too long"))
        }
        end(.unreachable(.noLink(NoLink(.late, address, from: adapter))))
    }

    /// The value has come from the server.
    public func take(value: Secret) {
        guard let step = session.take(value: value) else { return }
        follow(step)
    }

    /// Whether a proof has been sent and its OUTCOME has not been received.
    public var isProving: Bool {
        guard socket >= 0 else { return false }
        switch session.state {
        case .proving, .provingKeyed: return true
        case .awaitingHello, .ready, .claimed, .challenged, .ended: return false
        }
    }

    /// Closes without a report.
    public func drop() {
        if let watch { loop.unwatch(watch, socket) }
        if socket >= 0 { close(socket) }
        (watch, socket, limit) = (nil, -1, nil)
    }

    private func end(_ how: LinkPlan.Ended) {
        guard socket >= 0 else { return }
        drop()
        report(.ended(how))
    }

    private func connected() {
        if let error = LinkSocket.outcomeOfConnect(socket) {
            return end(.unreachable(error.ofConnect(to: address, from: adapter)))
        }
        isConnected = true
        packets = PacketSizes(of: socket, address.transport)
        if let fault = packets?.fault(forDeviceWith: session.modes) { return end(.unreachable(.shortPackets(fault))) }
        if let watch { loop.unwatch(watch, socket) }
        report(.linked)
        report(.say("linked to the beacon at \(address)"))
        limit?.set(after: limits.hello)
        watch = loop.watch(socket) { [weak self] _ in self?.read() }
    }

    /// Waits for space to write as well as for frames, or for frames only.
    private func watch(forRoom isWanted: Bool) {
        if let watch { loop.unwatch(watch, socket) }
        let events = EPOLLIN.rawValue | (isWanted ? EPOLLOUT.rawValue : 0)
        watch = loop.watch(socket, for: events) { [weak self] ready in
            if ready & EPOLLOUT.rawValue != 0 { self?.sendUnsent() }
            if ready & ~EPOLLOUT.rawValue != 0 { self?.read() }
        }
    }

    private func read() {
        for _ in 0..<DeviceLink.readBatch where socket >= 0 {
            var number = ECONNRESET
            switch LinkSocket.receive(from: socket, closedBy: { number = $0 }) {
            case .nothing: return
            case .closed: return end(closed(number))
            case .bytes(let bytes): take(bytes)
            }
        }
    }

    /// Before HELLO no beacon has spoken: what closed the link is Bluetooth, as after a refused security.
    private func closed(_ number: Int32) -> LinkPlan.Ended {
        guard session.state == .awaitingHello, address.transport.isRadio else { return .closed }
        return .cut(
            NoLink(errno: number, address, from: adapter) ?? NoLink(.broken, address, from: adapter))
    }

    private func take(_ bytes: [UInt8]) {
        do throws(LinkFrameError) {
            guard address.transport.isStream else { return receive(try LinkFrame(packet: bytes, from: .beacon)) }
            assembler.append(bytes)
            while socket >= 0, let frame = try assembler.next() { receive(frame) }
        } catch {
            end(.left("the beacon sent no link frame: \(error)"))
        }
    }

    private func receive(_ frame: LinkFrame) {
        report(.frame(frame, sent: false))
        if case .wait = frame, !takesWait() { return end(.left("the beacon sends WAIT more than once a second")) }
        do throws(DeviceSession.Refusal) { follow(try session.receive(frame)) } catch { end(.left(error.words)) }
        if socket >= 0 { limitTheNext(after: frame) }
    }

    /// Until when the next frame must come. WAITs cannot put it off without end.
    private func limitTheNext(after frame: LinkFrame) {
        switch frame {
        case .hello:
            readyAt = clock.now
            limit?.set(after: limits.answer)
        case .wait: limit?.set(at: readyAt + limits.hold)
        case .challenge: limit?.set(after: limits.outcome)
        case .ready, .proof, .value, .outcome, .claim, .sign: break
        }
    }

    /// Whether WAITs come slowly enough.
    private func takesWait() -> Bool {
        let now = clock.now
        waitsUntil = max(waitsUntil, now) + DeviceLink.waitPause
        return waitsUntil - now <= DeviceLink.waitPause * DeviceLink.waitsAtOnce
    }

    private func follow(_ step: DeviceSession.Step) {
        switch step {
        case .send(let frame): send(frame)
        case .prove(let proof, let message):
            send(proof)
            let piece = min(KeyedProof.maximumPiece, (packets?.sent ?? .max) - LinkFrame.headerLength - 1)
            if socket >= 0 { KeyedProof.frames(of: sign(message), pieces: piece).forEach(send) }
        case .wait(let seconds): report(.say("the beacon holds the link for \(seconds) s"))
        case .awaitValue: report(.say("the beacon is ready, and the value has not come yet"))
        case .end(let outcome, let proved):
            report(.say("the beacon says: \(outcome)" + (proved ? ", and has shown that it holds the value" : "")))
            end(.outcome(outcome, proved: proved))
        }
    }

    private func send(_ frame: LinkFrame) {
        guard socket >= 0 else { return }
        report(.frame(frame, sent: true))
        unsent.append(frame)
        if unsent.count == 1, !sendNext() { watch(forRoom: true) }
    }

    private func sendUnsent() {
        while socket >= 0, !unsent.isEmpty { if !sendNext() { return } }
        if socket >= 0 { watch(forRoom: false) }
    }

    /// Sends the next frame. False if there is no space for it now.
    private func sendNext() -> Bool {
        switch LinkSocket.offer(unsent[0], to: socket) {
        case .later: return false
        case .failed: end(.closed)
        case .taken:
            switch unsent.removeFirst() {
            case .proof, .value: report(.presented)
            case .hello, .ready, .wait, .challenge, .outcome, .claim, .sign: break
            }
        }
        return true
    }
}

extension DeviceSession.Refusal {
    /// One line, lower case.
    var words: String {
        switch self {
        case .version(let version): "the beacon speaks version \(version) of the proof link, wanted 1"
        case .modeNotOffered(let modes):
            "the beacon does not offer \(modes.map(\.description).joined(separator: " or ")) mode, and there is no fallback"
        case .otherBeacon(let beacon): "this is beacon \(beacon), not the observer that the join names"
        case .outOfTurn: "the beacon sent a frame out of turn"
        case .rogueBeacon: "the beacon says valid and does not hold the value: it is an impostor"
        }
    }
}
