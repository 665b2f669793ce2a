import CLinux
import Glibc
import ProofLink
import SRUP

/// One link of a device to a beacon: the socket, and a `DeviceSession` that says what to send. Made anew for each try.
///
/// `@unchecked Sendable`: used on the loop's thread only.
public final class DeviceLink: @unchecked Sendable {
    /// What the link tells.
    public enum Report: Sendable {
        /// The proof, or the value, has gone.
        case presented
        /// For the operator.
        case say(String)
        /// A frame has gone, or has come.
        case frame(LinkFrame, sent: Bool)
        /// The link is closed; no report comes after this.
        case ended(LinkPlan.Ended)
    }

    private let loop: Loop
    private let address: NearbyAddress
    private let report: @Sendable (Report) -> Void
    private var session: DeviceSession
    private var assembler = FrameAssembler()
    private var socket: Int32 = -1
    private var watch: Loop.Watch?

    /// A link that is not open yet.
    /// - Parameter report: is told what happens, on the loop's thread.
    public init(
        _ loop: Loop, to address: NearbyAddress, session: DeviceSession, report: @escaping @Sendable (Report) -> Void
    ) {
        (self.loop, self.address, self.session, self.report) = (loop, address, session, report)
    }

    deinit { drop() }

    /// Starts to connect.
    public func open(from adapter: BluetoothAddress) {
        do throws(LinkSocketError) { socket = try LinkSocket.connect(to: address, from: adapter) } catch {
            report(.ended(.unreachable(error)))
            return
        }
        watch = loop.watch(socket, for: EPOLLOUT.rawValue) { [weak self] _ in self?.connected() }
    }

    /// The value has come from the server.
    public func take(value: Secret) {
        guard let step = session.take(value: value) else { return }
        follow(step)
    }

    /// Whether a proof has gone and its OUTCOME has not come.
    public var isProving: Bool {
        guard socket >= 0, case .proving = session.state else { return false }
        return true
    }

    /// Closes without a report.
    public func drop() {
        if let watch { loop.unwatch(watch, socket) }
        if socket >= 0 { close(socket) }
        (watch, socket) = (nil, -1)
    }

    private func end(_ how: LinkPlan.Ended) {
        guard socket >= 0 else { return }
        drop()
        report(.ended(how))
    }

    private func connected() {
        if let error = LinkSocket.outcomeOfConnect(socket) { return end(.unreachable(error)) }
        if let watch { loop.unwatch(watch, socket) }
        report(.say("linked to the beacon at \(address)"))
        watch = loop.watch(socket) { [weak self] _ in self?.read() }
    }

    private func read() {
        while socket >= 0 {
            switch LinkSocket.receive(from: socket) {
            case .nothing: return
            case .closed: return end(.closed)
            case .bytes(let bytes): take(bytes)
            }
        }
    }

    private func take(_ bytes: [UInt8]) {
        do throws(LinkFrameError) {
            guard address.transport.isStream else { return receive(try LinkFrame(packet: bytes)) }
            assembler.append(bytes)
            while socket >= 0, let frame = try assembler.next() { receive(frame) }
        } catch {
            end(.left("the beacon sent no link frame: \(error)"))
        }
    }

    private func receive(_ frame: LinkFrame) {
        report(.frame(frame, sent: false))
        do throws(DeviceSession.Refusal) { follow(try session.receive(frame)) } catch { end(.left(error.words)) }
    }

    private func follow(_ step: DeviceSession.Step) {
        switch step {
        case .send(let frame): send(frame)
        case .wait(let seconds): report(.say("the beacon holds the link for \(seconds) s"))
        case .awaitValue: report(.say("the beacon is ready, and the value has not come yet"))
        case .end(let outcome, let proved):
            report(.say("the beacon says: \(outcome)" + (proved ? ", and has shown that it holds the value" : "")))
            end(.outcome(outcome))
        }
    }

    private func send(_ frame: LinkFrame) {
        report(.frame(frame, sent: true))
        guard LinkSocket.send(frame, over: socket) else { return end(.closed) }
        switch frame {
        case .proof, .value: report(.presented)
        case .hello, .ready, .wait, .challenge, .outcome: break
        }
    }
}

extension DeviceSession.Refusal {
    /// One line, lower case.
    var words: String {
        switch self {
        case .version(let version): "the beacon speaks version \(version) of the proof link, wanted 1"
        case .modeNotOffered(let mode): "the beacon does not offer \(mode) mode, and there is no falling back"
        case .otherBeacon(let beacon): "this is beacon \(beacon), not the observer that the join names"
        case .outOfTurn: "the beacon sent a frame out of turn"
        case .rogueBeacon: "the beacon says valid and does not hold the value: a rogue"
        }
    }
}
