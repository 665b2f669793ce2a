import Bluetooth
import BootTime
import EventLoop
import Nearby
import OperatorText
import ProofLink

/// Plays the device's side of recorded links to a beacon again, byte for byte (docs/load.md, "Replay"). Every link has fresh nonces, so
/// nothing of an earlier one may be accepted: an OUTCOME *valid* is a fault of the beacon.
public struct Replay: Sendable {
    /// How a link is played.
    public struct Options: Sendable {
        /// How long to wait for a frame of the beacon, before the next frame is played without it.
        public var wait = Duration.seconds(2)
        /// Whether each frame is played as long after HELLO as it was recorded; otherwise after the frames that the beacon had sent before it.
        public var isTimed = false
        /// Between two links.
        public var pause = Duration.zero

        /// A link is played in step, with two seconds for each answer.
        public init() {}
    }

    /// How often a link is tried at which the beacon was busy, and the pause before the second try; it doubles each time.
    private static let (tries, firstPause) = (6, Duration.seconds(1))
    /// How long to wait for the connection, and for HELLO.
    private static let greetingLimit = Duration.seconds(20)

    private let address: NearbyAddress
    private let adapter: BluetoothAddress
    private let options: Options

    /// A replay to the beacon at an address.
    public init(to address: NearbyAddress, from adapter: BluetoothAddress = .any, options: Options = Options()) {
        (self.address, self.adapter, self.options) = (address, adapter, options)
    }

    /// Plays links, one after the other.
    /// - Parameter played: is told of each link, with its place among them.
    /// - Throws: `OperatorFault` if the beacon cannot be reached.
    public func run(
        _ links: [RecordedLink], played: (Int, PlayedLink) -> Void
    ) throws(OperatorFault) -> ReplayReport {
        try LocalLink.check(address)
        var report = ReplayReport()
        for (place, link) in links.enumerated() {
            if place > 0 { sleep(options.pause) }
            let result = try playUntilServed(link)
            played(place, result)
            report.links.append(result)
        }
        return report
    }

    /// A beacon holds off an address that has sent something false or malformed: it is tried again after that.
    private func playUntilServed(_ link: RecordedLink) throws(OperatorFault) -> PlayedLink {
        var pause = Replay.firstPause
        for _ in 1..<Replay.tries {
            let result = try play(link)
            guard result.outcome == Outcome.busy.description, result.played == 0 else { return result }
            sleep(pause)
            pause = pause * 2
        }
        return try play(link)
    }

    private func play(_ link: RecordedLink) throws(OperatorFault) -> PlayedLink {
        var player = PlayedLink(device: link.device, token: link.token)
        let peer: LinkPeer
        do throws(LinkSocketError) {
            peer = try LinkPeer(to: address, from: adapter, within: Replay.greetingLimit)
        } catch {
            throw LocalLink.fault(error, to: address)
        }
        let greeting = Instant.now + Replay.greetingLimit
        guard player.takes(peer.next(until: greeting)) else { return player }
        let start = Instant.now
        for step in link.steps.dropFirst() where player.end == nil {
            switch (step.isSent, options.isTimed) {
            case (true, false): player.plays(step.frame, to: peer)
            case (true, true):
                // What the beacon sends until then is taken.
                while let frame = peer.next(until: start + step.after) { guard player.takes(frame) else { break } }
                if player.end == nil { player.plays(step.frame, to: peer) }
            case (false, true): break
            case (false, false):
                if case .wait = step.frame { break }  // it depends on when the server's request came
                var next = peer.next(until: .now + options.wait)
                while let frame = next, case .frame(.wait) = frame { next = peer.next(until: .now + options.wait) }
                // Without an answer the next frame is played as it is.
                if let next { _ = player.takes(next) }
            }
        }
        // The beacon may still judge what was played.
        while player.end == nil, player.takes(peer.next(until: .now + options.wait)) {}
        return player
    }

    private func sleep(_ pause: Duration) { if pause > .zero { waitForNothing(pause) } }
}

/// How a replayed link went.
public struct PlayedLink: Codable, Equatable, Sendable {
    /// The device, as the trace has it.
    public var device: String
    /// The token of the recorded join.
    public var token: String
    /// How many of the device's frames were played.
    public var played = 0
    /// The beacon's frames, in order.
    public var answers: [String] = []
    /// The beacon's OUTCOME, if it sent one.
    public var outcome: String?
    /// How the link ended; nil: it is still open.
    public var end: String?

    /// Whether the beacon has accepted what was replayed.
    public var isAccepted: Bool { outcome == Outcome.valid.description }

    init(device: String, token: String) { (self.device, self.token) = (device, token) }

    /// Takes what has come from the beacon. False if nothing more comes.
    mutating func takes(_ event: LinkPeer.Event?) -> Bool {
        switch event {
        case .frame(let frame):
            answers.append(frame.name)
            guard case .outcome(let outcome, _) = frame else { return true }
            (self.outcome, end) = (outcome.description, "outcome \(outcome)")
        case .closed: end = "closed by the beacon"
        case .invalid(let why): end = "the beacon sent no link frame: \(why)"
        case nil: end = "no answer"
        }
        return false
    }

    mutating func plays(_ frame: LinkFrame, to peer: LinkPeer) {
        // Where the beacon has closed the link, its last frame can still be read.
        if peer.send(frame) { played += 1 }
    }
}

/// How a replay went.
public struct ReplayReport: Codable, Equatable, Sendable {
    /// Each link, in the order of the recording.
    public var links: [PlayedLink] = []

    /// Links of which the beacon has accepted anything.
    public var accepted: Int { links.count { $0.isAccepted } }
    /// Links of which nothing could be played, because the beacon was busy or gave no greeting.
    public var unplayed: Int { links.count { $0.played == 0 } }

    /// One line.
    public var summary: String {
        let outcomes = Dictionary(links.map { ($0.end ?? "open", 1) }, uniquingKeysWith: +)
        let ends = outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
        return "\(links.count) links, \(links.map(\.played).reduce(0, +)) frames played, \(accepted) accepted: "
            + ends.joined(separator: ", ")
    }

    /// The command's exit status: 0 if everything was played and nothing accepted, 10 if something was accepted, 12 if something could
    /// not be played.
    public var status: Int32 { accepted > 0 ? 10 : unplayed > 0 ? 12 : 0 }
}
