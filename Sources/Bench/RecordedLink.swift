import OperatorText
import ProofLink
import SRUP

/// A link of a device to a beacon as a trace has it: what `srup-bench replay` plays.
public struct RecordedLink: Equatable, Sendable {
    /// A frame of it.
    struct Step: Equatable, Sendable {
        let frame: LinkFrame
        /// Whether the device has sent it.
        let isSent: Bool
        /// Since HELLO.
        let after: Duration
    }

    /// The device, with 16 digits; empty where the trace does not tell it.
    public var device: String
    /// The token of its join; empty where the trace does not tell it.
    public var token: String
    var steps: [Step]
    /// Whether the device has shown the value itself. A trace does not hold values, so such a link cannot be played.
    public var isInValueMode = false

    /// How many frames the device has sent.
    public var played: Int { steps.count { $0.isSent } }

    /// The links of a trace on which the device has sent anything, in the order of their HELLOs; also those in value mode.
    /// - Throws: `OperatorFault` if there is none that can be played, or if the frames are not in the trace.
    public static func links(in lines: [TraceLine]) throws(OperatorFault) -> [RecordedLink] {
        var (links, open): ([RecordedLink], [String: Int]) = ([], [:])
        var begin: [Int64] = []
        for line in lines where line.via == .link {
            let device = line.device ?? ""
            if line.name == "VALUE" {
                if let place = open[device] { links[place].isInValueMode = true }
                continue
            }
            let frame = try frame(of: line)
            if case .hello = frame {
                open[device] = links.count
                links.append(RecordedLink(device: device, token: "", steps: []))
                begin.append(line.atMicroseconds)
            }
            guard let place = open[device] else { continue }  // the trace begins in the middle of a link
            let after = Duration.microseconds(max(0, line.atMicroseconds &- begin[place]))
            links[place].token = line.token ?? ""
            links[place].steps.append(Step(frame: frame, isSent: line.from == .device, after: after))
        }
        links.removeAll { $0.played == 0 && !$0.isInValueMode }
        guard links.isEmpty || links.contains(where: { !$0.isInValueMode }) else {
            throw OperatorFault(
                "every link in the trace is in value mode, and a trace does not hold values",
                hint:
                    "record a join with --mode keyed or --mode challenge; a value that was heard can be presented again, which is why "
                    + "value mode is off by default")
        }
        guard !links.isEmpty else {
            throw OperatorFault(
                "there is no link in the trace on which a device has sent anything",
                hint: "give the file that srup-bench device --trace or srup-bench load --trace has written")
        }
        return links
    }

    private static func frame(of line: TraceLine) throws(OperatorFault) -> LinkFrame {
        guard let bytes = line.frameHex.flatMap({ bytes(hexadecimal: $0.utf8) }),
            let frame = try? LinkFrame(packet: bytes)
        else {
            throw OperatorFault(
                "the \(line.name) of a link is in the trace without its bytes",
                hint: "record the join again with this version of srup-bench")
        }
        return frame
    }
}
