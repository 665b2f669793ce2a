import ProofLink
import SRUP

/// One link that the driver runs: the assembler and the session of `ProofLink`, as `srup-bench device` uses them, without a socket.
struct DrivenLink {
    /// What a link is made of, besides the session.
    struct Setup {
        var transport: Transport
        /// The longest frame that the device may send, bytes: 67 to 132.
        var longestFrame: Int
        /// Signs with the device's key, or stands for that.
        var sign: ([UInt8]) throws -> [UInt8]
    }

    private let setup: Setup
    private var session: DeviceSession
    private var assembler = FrameAssembler(from: .beacon)
    private var unsent: [LinkFrame] = []
    /// The last word of the state, once nothing changes any more: `ended 60 tagged`, `left turn`.
    private var ending: String?
    private var (waits, seconds) = (0, UInt16(0))

    init(_ setup: Setup, _ parties: DeviceSession.Parties, nonce: [UInt8], authenticate: @escaping Authenticator) {
        self.setup = setup
        session = DeviceSession(parties, deviceNonce: nonce, authenticate: authenticate)
    }

    /// Bytes have arrived from the beacon: a piece of a stream, or one packet.
    mutating func feed(_ bytes: [UInt8]) {
        guard ending == nil else { return }
        do throws(LinkFrameError) {
            if setup.transport.isStream {
                assembler.append(bytes)
                while ending == nil, let frame = try assembler.next() { receive(frame) }
            } else {
                receive(try LinkFrame(packet: bytes, from: .beacon))
            }
        } catch { ending = "left malformed" }
    }

    /// The server's value has arrived.
    mutating func take(_ value: Secret) {
        guard ending == nil, let step = session.take(value: value) else { return }
        follow(step)
    }

    /// The lines that answer a command: what is sent because of it, and where the link stands.
    mutating func answer() -> [String] {
        defer { unsent = [] }
        return unsent.map { "send \(hexadecimal($0.encoded))" } + [
            "state \(ending ?? word) waits=\(waits) seconds=\(seconds)"
        ]
    }

    private mutating func receive(_ frame: LinkFrame) {
        do throws(DeviceSession.Refusal) { follow(try session.receive(frame)) } catch { ending = "left \(error.word)" }
    }

    private mutating func follow(_ step: DeviceSession.Step) {
        switch step {
        case .send(let frame): unsent.append(frame)
        case .prove(let proof, let message):
            unsent.append(proof)
            let piece = min(KeyedProof.maximumPiece, setup.longestFrame - LinkFrame.headerLength - 1)
            do { unsent += KeyedProof.frames(of: try setup.sign(message), pieces: piece) } catch {
                ending = "left failed"
            }
        case .wait(let announced): (waits, seconds) = (waits + 1, announced)
        case .awaitValue: break
        case .end(let outcome, let isProved):
            ending = "ended \(hexadecimal([outcome.rawValue])) \(isProved ? "tagged" : "untagged")"
        }
    }

    private var word: String {
        switch session.state {
        case .awaitingHello: "hello"
        case .ready: "ready"
        case .claimed(_, let hasValue): hasValue ? "claimed" : "unclaimed"
        case .challenged: "challenged"
        case .proving, .provingKeyed: "proving"
        case .ended: preconditionFailure("a link that has ended has its last word")
        }
    }
}

extension DeviceSession.Refusal {
    fileprivate var word: String {
        switch self {
        case .version: "version"
        case .modeNotOffered: "modes"
        case .otherBeacon: "beacon"
        case .outOfTurn: "turn"
        case .rogueBeacon: "rogue"
        }
    }
}
