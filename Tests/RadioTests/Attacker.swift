import EventLoop
import Foundation
import Keys
import ProofLink
import Synchronization
import SystemSupport

/// What an attacker near the beacon may do all day.
enum Attack: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Links that are opened and closed as fast as possible.
    case opening = "links that come and go"
    /// Silent links, as many as the beacon allows.
    case silence = "links that say nothing"
    /// Links that send malformed frames.
    case garbage = "links that say garbage"
    /// Links that name the expected device and present a false proof.
    case impostor = "links that name the expected device and prove nothing"

    var description: String { rawValue }
}

/// One attacker on its own thread, until it is stopped or has done enough.
final class Attacker: Sendable {
    private static let attemptsAtMost = 50_000
    private static let silentAtMost = 64

    private struct Counts {
        var attempts = 0
        var links = 0
        var falseProofs = 0
    }

    private let attack: Attack
    private let way: Route
    private let stopped = Atomic<Bool>(false)
    private let ended = Atomic<Bool>(false)
    private let counts = Mutex(Counts())

    var attempts: Int { counts.withLock { $0.attempts } }
    /// Links that it opened.
    var links: Int { counts.withLock { $0.links } }
    /// Proofs that the beacon has rejected as false.
    var falseProofs: Int { counts.withLock { $0.falseProofs } }

    init(_ attack: Attack, over way: Route) {
        (self.attack, self.way) = (attack, way)
        startThread("attacker") { [self] in
            var silent: [Int32] = []
            for _ in 0..<Self.attemptsAtMost where !stopped.load(ordering: .relaxed) { attempt(&silent) }
            for socket in silent { close(socket) }
            ended.store(true, ordering: .releasing)
        }
    }

    /// Ends the attack.
    /// - Returns: its result, as text.
    func stop() throws -> String {
        stopped.store(true, ordering: .relaxed)
        try eventually("the attacker has ended", within: 30) { ended.load(ordering: .acquiring) }
        let counts = counts.withLock { $0 }
        return "\(counts.attempts) attempts, \(counts.links) links, \(counts.falseProofs) false proofs"
    }

    private func attempt(_ silent: inout [Int32]) {
        counts.withLock { $0.attempts += 1 }
        guard let socket = try? TestDevice.connectOnce(way, within: 2) else {
            // RFCOMM allows a peer one link at a time: it is closed after a while for the next.
            if attack == .silence, !silent.isEmpty, counts.withLock({ $0.attempts % 50 == 0 }) {
                close(silent.removeFirst())
            }
            usleep(5_000)
            return
        }
        counts.withLock { $0.links += 1 }
        switch attack {
        case .opening: close(socket)
        case .silence:
            silent.append(socket)
            Self.drop(&silent) { Self.hasEnded($0) }  // the others keep their places at the beacon
            if silent.count > Self.silentAtMost { close(silent.removeFirst()) }
        case .garbage:
            let noise = randomBytes(64)
            _ = send(socket, noise, noise.count, Int32(MSG_NOSIGNAL))
            _ = TestDevice.wait(for: POLLIN, on: socket, within: 0.05)
            close(socket)
        case .impostor: impersonate(TestDevice(socket, way))
        }
    }

    private static func drop(_ sockets: inout [Int32], where isOver: (Int32) -> Bool) {
        sockets.removeAll { socket in
            guard isOver(socket) else { return false }
            close(socket)
            return true
        }
    }

    /// Whether the beacon has closed a link.
    private static func hasEnded(_ socket: Int32) -> Bool {
        var one = pollfd(fd: socket, events: 0, revents: 0)
        return poll(&one, 1, 0) > 0 && one.revents & Int16(POLLHUP | POLLERR) != 0
    }

    private func impersonate(_ link: TestDevice) {
        guard case .hello? = try? link.receive(within: 2) else { return }
        link.send(.ready(mode: .challenge, device: Node.device))
        while !stopped.load(ordering: .relaxed) {
            switch try? link.receive(within: 1) {
            case .wait: continue  // until the server asks
            case .challenge:
                link.send(
                    .proof(nonce: randomBytes(LinkFrame.deviceNonceLength), tag: randomBytes(LinkFrame.tagLength)))
            case .outcome(.invalid, _): return counts.withLock { $0.falseProofs += 1 }
            default: return
            }
        }
    }
}
