import BootTime
import ProofLink
import SRUP

/// One case of the conformance test: what registry, server and beacon play, and what must be seen of the device.
package struct Case: Sendable {
    /// What a case needs beside a device and a link.
    package enum Need: String, CaseIterable, Sendable {
        /// A broker and a server: not with `--link-only`.
        case server
        /// A registration service.
        case registry
        /// A command that stays as a member.
        case member
        /// The device's modes.
        case keyed, challenge, value
        /// A mode other than value mode.
        case tagged = "keyed or challenge"
        /// A link on which frames are bytes in a stream.
        case stream
        /// A link on which each frame is a packet.
        case packets
        /// Time limits of seconds: with `--patient` only.
        case timeLimits = "--patient"
    }

    /// Names the case on the command line, in reports and in JSON.
    package let name: String
    /// What a device does that passes.
    package let description: String
    /// The rules of docs/proof-link.md (L…) and docs/protocol.md (D…) that it tests.
    package let rules: [String]
    /// Without one of these it is not tried.
    package let needs: Set<Need>
    /// What happens, in this order.
    let steps: [Step]

    init(_ name: String, _ description: String, _ rules: String, _ needs: Set<Need> = [], _ steps: [Step]) {
        (self.name, self.description, self.needs, self.steps) = (name, description, needs, steps)
        self.rules = rules.split(separator: " ").map(String.init)
    }

    /// All of them, in the order in which they are tried.
    package static let all: [Case] = [registry, joins, keyed, tags, beacons, frames, server, members, timeLimits]
        .flatMap {
            $0
        }
}

/// How long something may take: not before `after`, and at the latest `before`, both from the step's beginning.
struct Window: Sendable {
    var after = Duration.zero
    var before: Duration

    /// The device is starting, or connects for the first time.
    static let start = Window(before: .seconds(20))
    /// An answer to what has just been sent.
    static let answer = Window(before: .seconds(4))
    /// The device comes again after a link that has shown nothing: 0.5 s, with a margin for both clocks.
    static let soon = Window(after: .milliseconds(300), before: .seconds(4))
}

/// What the test does, or waits for.
enum Step: Sendable {
    /// Starts the device's command once more, as after a power cut.
    case restarts(losingState: Bool)
    /// The device enrols at the registration service; with a token that is not valid, it must not succeed.
    case enrols(isWelcome: Bool)
    /// The device sends OBS_JOIN_REQ. With `--link-only`: nothing.
    case asks
    /// The server sends the value. With `--link-only`: it is written to the device's standard input.
    case sendsValue(PlainText = .digits)
    /// The server, or someone else, sends what the device must ignore.
    case sends(Stray)
    /// The server sends RESPONSE under the value's token. With `--link-only`: nothing.
    case decides(Status)
    /// The device ends: with exit status 0 if it has joined, and with another one otherwise.
    case ends(isJoined: Bool)
    /// The device does not end for so long.
    case goesOn(Duration)

    /// Nobody listens for links, for so long.
    case isDeaf(Duration)
    /// The server sends a command, under a token that names the device, or another one.
    case commands(Body, isForDevice: Bool = true)
    /// The device answers it.
    case answers(Answer)
    /// The device sends no message for so long.
    case isQuiet(Duration)
    /// The device opens a link before the value has been sent. Some open it only then: the case is not for them.
    case connectsEarly
    /// The device opens a link.
    case connects(Window)
    /// The beacon sends these frames.
    case says([Spoken], Cut = .frames)
    /// The device sends READY in this mode.
    case ready(Mode)
    /// The device sends CLAIM; `hasValue`: it may send one with zeros before.
    case claims(hasValue: Bool)
    /// The device sends PROOF, and SIGN in keyed mode, or VALUE.
    case proves(Mode)
    /// The beacon closes the link. The device has sent nothing more, and sends nothing for another 0.1 s, or has closed it.
    case hangsUp
    /// The device closes the link, and sends nothing before.
    case leaves(Window)
    /// The device sends nothing on the link for so long, and does not close it.
    case isSilent(Duration)
    /// The device opens no link for so long.
    case staysAway(Duration)
}

/// What a member answers.
enum Answer: Sendable {
    /// RESPONSE with one of these codes.
    case status([UInt8])
    /// DATA `IDENTIFICATION`: a JSON object with product and version.
    case identification
}

/// The form in which the server seals the value.
enum PlainText: Sendable {
    /// 32 lower-case hexadecimal digits, as the reference does.
    case digits
    /// 32 upper-case ones.
    case upperCase
    /// 16 bytes, as the paper has it.
    case raw
}

/// A frame of the beacon.
enum Spoken: Sendable {
    case hello(Modes = [.challenge, .keyed], Named = .itself, version: UInt8 = LinkFrame.version)
    /// The HELLO of the link before, byte for byte.
    case helloAgain
    case wait(UInt16)
    case challenge
    case outcome(Outcome, Tag)
    /// Any bytes.
    case raw([UInt8])

    /// Whom HELLO names.
    enum Named: Sendable { case itself, another, nobody, littleEndian }

    /// The tag of OUTCOME.
    enum Tag: Sendable {
        /// Zeros: it shows nothing.
        case none
        /// That of a beacon that holds the value.
        case right
        /// The same, where PROOF has not been received: the nonce is zero.
        case beforeProof
        /// The tag of PROOF, sent back.
        case reflected
        /// The right tag of another status.
        case ofStatus(Outcome)
        /// The right tag of the link before.
        case ofLinkBefore
        /// The right tag with one bit changed.
        case oneBitOff
    }
}

/// How the bytes of several frames are sent.
enum Cut: Sendable {
    /// Each frame at once.
    case frames
    /// Each frame at once, until the device closes the link.
    case flood
    /// All in one piece; on packets: in one packet.
    case joined
    /// Byte by byte.
    case bytes
    /// All but the last byte of each frame, in one packet.
    case short
    /// Each frame with a byte after it.
    case long
}

/// A message that the device must ignore.
enum Stray: Sendable {
    /// RESPONSE refused under the right token, signed with a key that is not the server's.
    case forgedResponse
    /// The same, correctly signed by another node, in its own name.
    case responseOfAnother
    /// RESPONSE refused under a token that nobody has used.
    case responseToNobody
    /// RESPONSE refused under the right token, with the sequence id of the message before it.
    case oldResponse
    /// RESPONSE refused under the right token, with the highest sequence id that there is.
    case responseTooHigh
    /// RESPONSE success under the request's own token: no value was sent, so nobody can have seen it.
    case successWithoutValue
    /// OBS_JOIN_RESP with a value sealed to another device, and a high sequence id.
    case valueOfAnother
    /// OBS_JOIN_RESP with another value, signed with a key that is not the server's.
    case forgedValue
    /// RESPONSE refused under the request's own token: this one counts.
    case refusal
    /// The first OBS_JOIN_RESP of the case, byte for byte.
    case oldValue
    /// Payloads that are not SRUP messages: nothing, noise, a frame cut off, another version, a byte too many.
    case noise
}
