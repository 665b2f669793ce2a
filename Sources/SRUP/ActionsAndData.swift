/// What a server can order by ACTION (§3.6; docs/protocol.md, "Actions"). Codes that are not among them are carried, not refused.
public enum Action: UInt8, CaseIterable, Hashable, Sendable {
    /// Answer this server's new observation requests *fail*, until `resume`.
    case pause = 0x01
    /// Observe again.
    case resume = 0x02
    /// Make the device noticeable to people nearby.
    case identify = 0x03
    /// Reopen the radio: listeners and advertisement.
    case restartRadio = 0x04
}

/// The ids of DATA that have a meaning here (§3.5; docs/protocol.md, "Data"). Other ids are carried, not refused.
public enum DataID: String, CaseIterable, Sendable {
    /// To a beacon: how long `identify` lasts from now on, a little-endian number of 4 bytes, 1 to 3,600 seconds.
    case identifySeconds = "IDENTIFY_SECONDS"
    /// To a server: the answer to ID_REQUEST, one JSON object.
    case identification = "IDENTIFICATION"
    /// The same from a node of the reference, under a token of its own, as text; and to a server of the reference.
    case identificationResponse = "IDENTIFICATION_RESPONSE"
    /// To a server: the evidence of a verdict, one JSON object.
    case observationEvidence = "OBSERVATION_EVIDENCE"
    /// To a server, just before *valid*: the device's signed proof as it was received (docs/proof-link.md, "Keyed mode").
    case observationProof = "OBSERVATION_PROOF"
    /// To a server, now and then: the signed end of the beacon's record of verdicts, one JSON object (docs/audit.md, "Heads").
    case auditHead = "AUDIT_HEAD"
    /// To a server, before the status *HTTP error*: the web server's status, a little-endian number of 4 bytes (§3.7).
    case updateHTTPStatus = "UPDATE_HTTP_STATUS"
    /// To a server, after that: the first bytes of the web server's reply, at most 1,024 (§3.7).
    case updateHTTPContents = "UPDATE_HTTP_CONTENTS"

    /// The id as a DATA message carries it.
    public var octets: Octets { Octets(rawValue.utf8) }

    /// The id of a DATA message; nil if it is not one of these.
    public init?(_ id: Octets) {
        guard let known = DataID.allCases.first(where: { id.bytes.elementsEqual($0.rawValue.utf8) }) else { return nil }
        self = known
    }
}
