import Links
import ProofLink
import SRUP

extension TraceLine {
    /// A frame of the proof link. Its payload is not recorded: in value mode it is the value.
    init(_ frame: LinkFrame, from: Role, to: Role, at microseconds: Int64) {
        // Not `encoded` for VALUE: that would create another copy of the value.
        let bytes = if case .value = frame { LinkFrame.headerLength + Secret.length } else { frame.encoded.count }
        let (name, detail) = frame.summary
        self.init(
            atMicroseconds: microseconds, from: from, to: to, via: .link, name: name, bytes: bytes, detail: detail)
    }
}

extension LinkFrame {
    /// The name of OUTCOME, the only frame with a result.
    static let outcomeName = "OUTCOME"

    /// The specification's name, and a summary of the content.
    fileprivate var summary: (name: String, detail: String?) {
        switch self {
        case .hello(_, let modes, _, _):
            let offered = Mode.allCases.filter(modes.contains).map(\.description).joined(separator: " or ")
            return ("HELLO", "offers \(offered)")
        case .ready(let mode, _): return ("READY", "by \(mode)")
        case .wait(let seconds): return ("WAIT", "\(seconds) s")
        case .challenge: return ("CHALLENGE", nil)
        case .proof: return ("PROOF", nil)
        case .value: return ("VALUE", nil)
        case .outcome(let outcome, _): return (LinkFrame.outcomeName, outcome.description)
        case .claim(let claim): return ("CLAIM", claim == KeyedContext.noClaim ? "no value yet" : nil)
        case .sign(let isLast, let piece): return ("SIGN", "\(piece.count) bytes" + (isLast ? ", the last" : ""))
        }
    }
}
