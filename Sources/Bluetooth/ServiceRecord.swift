import ProofLink

/// The beacon's service as SDP describes it to devices that browse: which service, and where it listens.
public struct ServiceRecord: Equatable, Sendable {
    /// The service's UUID: what a device looks for.
    public static let serviceUUID = Announcement.serviceText
    /// The service's name, for people.
    public static let serviceName = "SRUP beacon"

    private let rfcommChannel: UInt8?
    private let l2capPSM: UInt16?

    /// A record of what is listened on over BR/EDR; nil if nothing is. LE has no SDP.
    public init?(rfcommChannel: UInt8?, l2capPSM: UInt16?) {
        guard rfcommChannel != nil || l2capPSM != nil else { return nil }
        (self.rfcommChannel, self.l2capPSM) = (rfcommChannel, l2capPSM)
    }

    /// The record in BlueZ's XML, as ProfileManager1 takes it.
    public var xml: String {
        let root = [attribute(0x0001, sequence([uuid(ServiceRecord.serviceUUID)]))]
        let tail = [
            attribute(0x0005, sequence([uuid(0x1002)])),  // the public browse group
            // The language that the name is in: English, UTF-8, from attribute 0x0100 on.
            attribute(0x0006, sequence([uint16(0x656E), uint16(0x006A), uint16(0x0100)])),
        ]
        let name = attribute(0x0100, "<text value=\"\(ServiceRecord.serviceName)\"/>")
        let all = root + [attribute(0x0004, ways[0])] + tail + more + [name]
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<record>\n"
            + all.map { "  \($0)\n" }.joined() + "</record>\n"
    }

    /// A record has one protocol list; a second one goes into AdditionalProtocolDescriptorLists.
    private var more: [String] { ways.count > 1 ? [attribute(0x000D, sequence(Array(ways.dropFirst())))] : [] }

    private var ways: [String] {
        let rfcomm = rfcommChannel.map { sequence([sequence([l2cap]), sequence([uuid(0x0003), uint8($0)])]) }
        let bare = l2capPSM.map { sequence([sequence([l2cap, uint16($0)])]) }
        return [rfcomm, bare].compactMap { $0 }
    }

    private var l2cap: String { uuid(0x0100) }

    // MARK: - Elements

    private func attribute(_ id: UInt16, _ value: String) -> String {
        "<attribute id=\"\(hexadecimal(id, 4))\">\(value)</attribute>"
    }
    private func sequence(_ elements: [String]) -> String { "<sequence>\(elements.joined())</sequence>" }
    private func uuid(_ value: String) -> String { "<uuid value=\"\(value)\"/>" }
    private func uuid(_ value: UInt16) -> String { uuid(hexadecimal(value, 4)) }
    private func uint8(_ value: UInt8) -> String { "<uint8 value=\"\(hexadecimal(value, 2))\"/>" }
    private func uint16(_ value: UInt16) -> String { "<uint16 value=\"\(hexadecimal(value, 4))\"/>" }

    private func hexadecimal(_ value: some BinaryInteger, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: digits - text.count) + text
    }
}
