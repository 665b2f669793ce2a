import ProofLink
import SRUP

/// What the beacon answers a server: exactly one for each observation, and it never changes.
public enum Verdict: String, CaseIterable, Hashable, Sendable {
    /// The device showed the value.
    case valid
    /// Something was presented, and it was not the value.
    case invalid
    /// Nothing was observed.
    case failed

    /// The status that the RESPONSE carries.
    public var status: Status {
        switch self {
        case .valid: .observedJoinValid
        case .invalid: .observedJoinInvalid
        case .failed: .observedJoinFail
        }
    }
}

/// Why a verdict is what it is. The server learns the verdict; the log and the history learn this.
public enum Reason: String, CaseIterable, Hashable, Sendable {
    /// The proof matched.
    case matched
    /// As many false values came, in value mode, as the policy allows.
    case mismatches
    /// The deadline came; there had been false proofs.
    case deadlineAfterMismatch
    /// The deadline came; nobody had presented anything.
    case silence
    /// The deadline came; the value had been proved, from outside the configured bounds only.
    case tooFar
    /// The deadline came; the value had been proved in keyed mode, and not signed.
    case unsigned
    /// The server asked again for the same device under another token.
    case superseded
    /// Our membership has ended.
    case withdrawn
    /// The machine was restarted meanwhile: the elapsed time is unknown.
    case interrupted
    /// The sealed value does not open under our key. Only earlier versions gave this reason.
    case sealUnopened
    /// The sealed value opens, and is neither 16 bytes nor 32 hexadecimal digits.
    case notAValue
    /// The request names us as the joining device.
    case namesUs
    /// As many observations are open as the policy allows.
    case tooMany
    /// The server has paused us.
    case paused
    /// After a restart the value no longer opens: the identity key was replaced while the observation was open.
    case keyReplaced
    /// After a restart the server's signature no longer holds: its key file was replaced meanwhile, or the journal was changed.
    case requestUnverified

    /// Whether a proof decided the observation when it came.
    public var isOfProof: Bool { self == .matched || self == .mismatches }

    /// The reason as a clause for a log line.
    public var message: String {
        switch self {
        case .matched: "the proof matched"
        case .mismatches: "too many false values"
        case .deadlineAfterMismatch: "the deadline came after false proofs"
        case .silence: "the deadline came and nobody presented a proof"
        case .tooFar: "the deadline came and the device had proved itself only from outside the configured bounds"
        case .unsigned: "the deadline came and the device had proved the value without signing it"
        case .superseded: "the server asked again for this device under another token"
        case .withdrawn: "our membership has ended"
        case .interrupted: "the machine was restarted meanwhile"
        case .sealUnopened: "the sealed value does not open under our key"
        case .notAValue: "the sealed value is neither 16 bytes nor 32 hexadecimal digits"
        case .namesUs: "the request names this beacon as the joining device"
        case .tooMany: "too many observations are open"
        case .paused: "the server has paused this beacon"
        case .keyReplaced:
            "the value was sealed to an identity key that this beacon no longer has: the key was replaced, by rotate or by hand, while the observation was open"
        case .requestUnverified:
            "this beacon was started again, and the stored request no longer verifies with the server's key"
        }
    }
}

/// Who is at the other end of a link, as far as the transport reports.
public struct Peer: Hashable, Sendable {
    /// How it reached us.
    public var transport: Transport
    /// Its address in the transport's own form.
    public var address: String
    /// What kind of Bluetooth address that is; nil if it is not one.
    public var kind: AddressKind?
    /// The security of the link; nil if the transport has none.
    public var security: LinkSecurity?
    /// Received signal strength in dBm, if the controller gives one.
    public var signal: Int8?

    /// A peer as a transport describes it.
    public init(
        transport: Transport, address: String, kind: AddressKind? = nil, security: LinkSecurity? = nil,
        signal: Int8? = nil
    ) {
        (self.transport, self.address, self.kind) = (transport, address, kind)
        (self.security, self.signal) = (security, signal)
    }
}

/// What was seen of the last proof of an observation. It does not measure distance: Bluetooth timing and signal strength
/// can be relayed.
public struct Evidence: Hashable, Sendable {
    /// How much the evidence shows, in growing order.
    public enum Grade: String, CaseIterable, Sendable {
        /// A link existed.
        case reachable
        /// A challenge was answered: the value was never shown.
        case challenged
        /// A challenge was answered and signed. The server must check the signature: the beacon cannot.
        case keyed
    }

    /// Who presented it.
    public var peer: Peer
    /// How it was presented.
    public var mode: Mode
    /// From CHALLENGE to the proof on CLOCK_BOOTTIME; nil if the challenge's departure was not seen.
    public var roundTrip: Duration?
    /// Proofs presented for this observation so far, this one included.
    public var attempts: Int
    /// How much it shows.
    public var grade: Grade
    /// Whether a configured bound on the round trip was met.
    public var isTimed: Bool
    /// The configured bounds that were not met.
    public var unmet: [UnmetBound]

    /// Evidence of one presentation.
    public init(
        peer: Peer, mode: Mode, roundTrip: Duration?, attempts: Int, grade: Grade, isTimed: Bool,
        unmet: [UnmetBound] = []
    ) {
        (self.peer, self.mode, self.roundTrip) = (peer, mode, roundTrip)
        (self.attempts, self.grade, self.isTimed, self.unmet) = (attempts, grade, isTimed, unmet)
    }

    /// The evidence as one JSON object, for the history and for the server. Its texts are our own words and addresses;
    /// a character that JSON would have to escape cannot be in them and is dropped.
    public var json: String {
        func quoted(_ text: String) -> String {
            let kept: String.UnicodeScalarView = text.unicodeScalars.filter {
                $0.value >= 0x20 && $0 != "\"" && $0 != "\\"
            }
            return "\"" + String(kept) + "\""
        }
        var fields = [
            "\"transport\":\(quoted(peer.transport.rawValue))", "\"peer\":\(quoted(peer.address))",
            "\"mode\":\(quoted(mode.description))", "\"attempts\":\(attempts)", "\"grade\":\(quoted(grade.rawValue))",
            "\"timed\":\(isTimed)",
        ]
        if let kind = peer.kind { fields.append("\"peer_kind\":\(quoted(kind.rawValue))") }
        if let security = peer.security { fields.append("\"security\":\(quoted(security.rawValue))") }
        if let signal = peer.signal { fields.append("\"signal_dbm\":\(signal)") }
        if let roundTrip { fields.append("\"round_trip_us\":\(roundTrip.wholeMicroseconds)") }
        for bound in unmet {
            switch bound {
            case .roundTrip(_, let maximum): fields.append("\"max_round_trip_us\":\(maximum.wholeMicroseconds)")
            case .signal(_, let minimum, _): fields.append("\"min_signal_dbm\":\(minimum)")
            }
        }
        return "{" + fields.joined(separator: ",") + "}"
    }
}
