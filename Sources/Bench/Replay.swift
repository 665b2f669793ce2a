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
    private static let (tries, initialPause) = (6, Duration.seconds(1))
    /// The pause before the second attempt to connect; it doubles each time.
    private static let initialConnectPause = Duration.milliseconds(20)
    /// How long to wait for the connection, and for HELLO.
    private static let greetingLimit = Duration.seconds(20)

    private let address: NearbyAddress
    private let adapter: BluetoothAddress
    private let options: Options

    /// A replay to the beacon at an address.
    public init(to address: NearbyAddress, from adapter: BluetoothAddress = .any, options: Options = Options()) {
        (self.address, self.adapter, self.options) = (address, adapter, options)
    }

    /// Plays links, one after the other, without those in value mode. A link that cannot be made counts as unplayed.
    /// - Parameter played: is told of each link, with its place among them.
    /// - Throws: `OperatorFault` if the beacon was never reached.
    public func run(
        _ links: [RecordedLink], played: (Int, PlayedLink) -> Void
    ) throws(OperatorFault) -> ReplayReport {
        try LocalLink.check(address)
        var report = ReplayReport()
        for (place, link) in links.enumerated() {
            guard !link.isInValueMode else {
                report.skipped += 1
                continue
            }
            if !report.links.isEmpty { sleep(options.pause) }
            var result = PlayedLink(device: link.device, token: link.token)
            do throws(LinkSocketError) {
                result = try playUntilServed(link)
            } catch {
                guard !report.links.isEmpty else { throw LocalLink.fault(error, to: address) }
                result.end = "no link: \(error.ofConnect(to: address, from: adapter).message)"
            }
            played(place, result)
            report.links.append(result)
        }
        return report
    }

    /// A beacon holds off an address that has sent something false or malformed: it is tried again after that.
    private func playUntilServed(_ link: RecordedLink) throws(LinkSocketError) -> PlayedLink {
        var pause = Replay.initialPause
        for _ in 1..<Replay.tries {
            let result = play(link, to: try connect())
            guard result.outcome == Outcome.busy.description, result.played == 0 else { return result }
            sleep(pause)
            pause = pause * 2
        }
        return play(link, to: try connect())
    }

    /// Right after a link has ended, RFCOMM may refuse the next one as busy: it is tried again, unless that took too long already.
    private func connect() throws(LinkSocketError) -> LinkPeer {
        let limit = Instant.now + Replay.greetingLimit
        var pause = Replay.initialConnectPause
        for _ in 1..<Replay.tries {
            do throws(LinkSocketError) {
                return try LinkPeer(to: address, from: adapter, within: Replay.greetingLimit)
            } catch {
                guard Instant.now < limit else { throw error }
            }
            sleep(pause)
            pause = pause * 2
        }
        return try LinkPeer(to: address, from: adapter, within: Replay.greetingLimit)
    }

    private func play(_ link: RecordedLink, to peer: LinkPeer) -> PlayedLink {
        var player = PlayedLink(device: link.device, token: link.token)
        let greeting = Instant.now + Replay.greetingLimit
        guard player.takes(peer.next(until: greeting)) else { return player }
        let start = Instant.now
        for step in link.steps.dropFirst() where player.end == nil {
            switch (step.isSent, options.isTimed) {
            case (true, false): player.plays(step.frame, to: peer)
            case (true, true):
                // What the beacon sends until then is taken.
                let moment = start + step.after
                while Instant.now < moment, let frame = peer.next(until: moment), player.takes(frame) {}
                if player.end == nil { player.plays(step.frame, to: peer) }
            case (false, true): break
            case (false, false):
                if case .wait = step.frame { break }  // it depends on when the server's request came
                let limit = Instant.now + options.wait
                var next = peer.next(until: limit)
                while case .frame(.wait)? = next { next = Instant.now < limit ? peer.next(until: limit) : nil }
                // Without an answer the next frame is played as it is.
                if let next { _ = player.takes(next) }
            }
        }
        // The beacon may still judge what was played.
        let limit = Instant.now + options.wait
        while player.end == nil, player.takes(peer.next(until: limit)), Instant.now < limit {}
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
    /// Links in value mode, which cannot be played.
    public var skipped = 0

    /// Links of which the beacon has accepted anything.
    public var accepted: Int { links.count { $0.isAccepted } }
    /// Links of which nothing could be played, because the beacon was busy, gave no greeting, or was not reached.
    public var unplayed: Int { links.count { $0.played == 0 } }

    /// One line.
    public var summary: String {
        let outcomes = Dictionary(links.map { ($0.end ?? "open", 1) }, uniquingKeysWith: +)
        let ends = outcomes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
        return "\(links.count) links, \(links.map(\.played).reduce(0, +)) frames played, \(accepted) accepted: "
            + ends.joined(separator: ", ") + (skipped > 0 ? "; \(skipped) in value mode not played" : "")
    }

    /// The command's exit status: 0 if everything was played and nothing accepted, 10 if something was accepted, 12 if something could
    /// not be played.
    public var status: Int32 { accepted > 0 ? 10 : unplayed > 0 ? 12 : 0 }
}
