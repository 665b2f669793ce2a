import ProofLink
import SRUP

extension TraceLine {
    /// A frame of the proof link, as its device sees it. VALUE is recorded without its bytes, which are the value. The others hold nonces,
    /// HMACs and a signature, which everyone near the device can receive as well.
    /// - Parameter token: of the join for which the link was opened.
    init(_ frame: LinkFrame, isSent: Bool, device: Identifier, token: Token, at microseconds: Int64) {
        // Not `encoded` for VALUE: that would create another copy of the value.
        let encoded: [UInt8]? = if case .value = frame { nil } else { frame.encoded }
        let (name, detail) = frame.summary
        self.init(
            atMicroseconds: microseconds, from: isSent ? .device : .beacon, to: isSent ? .beacon : .device, via: .link,
            name: name, bytes: encoded?.count ?? LinkFrame.headerLength + Secret.length, token: token.description,
            device: device, detail: detail, frameHex: encoded.map { hexadecimal($0) })
    }
}

extension LinkFrame {
    /// The name of OUTCOME, the only frame with a result.
    static let outcomeName = "OUTCOME"

    /// The specification's name.
    var name: String { summary.name }

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
