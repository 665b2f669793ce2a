import Keys
import ProofLink
import SRUP

// The signatures of the frames in a row. The chain shows that a row was not changed after it was written; these show that the server
// has asked, that the beacon has answered, and that the device has proved it.
extension AuditVerifier {
    mutating func checkFrames(of row: AuditRowKind, _ number: Int64) {
        switch row {
        case .verdict(let verdict):
            checkResponse(verdict, number)
            checkEvidence(verdict, number)
            checkProof(verdict, number)
            checkRequest(verdict, number)
        case .entry(let entry): check(entry, number)
        }
    }

    private mutating func checkResponse(_ row: AuditVerdict, _ number: Int64) {
        guard let frame = row.response else {
            report.unchecked["verdicts without a response", default: 0] += 1
            return
        }
        let statuses: [String: Status] = [
            "valid": .observedJoinValid, "invalid": .observedJoinInvalid, "failed": .observedJoinFail,
        ]
        guard let status = statuses[row.verdict] else {
            return report.add(.changed, number, "row \(number): \"\(row.verdict)\" is not a verdict")
        }
        check(frame, of: "the response", row, number, body: .response(status))
    }

    private mutating func checkEvidence(_ row: AuditVerdict, _ number: Int64) {
        guard let frame = row.evidenceFrame else { return }
        let body = Body.data(
            id: DataID.observationEvidence.octets, data: Octets((row.evidence ?? "").utf8.prefix(65_535)))
        check(frame, of: "the evidence", row, number, body: body)
    }

    /// A frame of the record's owner about a row, which must say just this.
    private mutating func check(
        _ frame: [UInt8], of what: String, _ row: AuditVerdict, _ number: Int64, body: Body
    ) {
        guard let message = signed(frame, what, number, by: identity, ownKeys) else { return }
        guard message.sender == identity, message.token.bytes == row.token, message.body == body else {
            return report.add(.changed, number, "row \(number): \(what) says something else than the row")
        }
    }

    private mutating func checkProof(_ row: AuditVerdict, _ number: Int64) {
        var encoded = row.proof
        if let frame = row.proofFrame {
            guard let message = signed(frame, "the proof's message", number, by: identity, ownKeys) else { return }
            guard message.sender == identity, message.token.bytes == row.token,
                case .data(DataID.observationProof.octets, let data) = message.body, encoded == nil
            else {
                return report.add(.changed, number, "row \(number): the proof's message is not one for the row")
            }
            encoded = data.bytes
        }
        guard let encoded else { return }
        guard let proof = KeyedProof(encoded: encoded), proof.context.beacon == identity,
            proof.context.device == row.device, proof.context.server == row.server
        else { return report.add(.changed, number, "row \(number): the proof is not this device's for this server") }
        guard let keys = trust.keys[row.device] else {
            report.unchecked["proofs: no key of their device was given", default: 0] += 1
            return
        }
        guard keys.contains(where: { $0.verifies(proof.signature[...], over: [proof.signedBytes[...]]) }) else {
            return report.add(.changed, number, "row \(number): the proof is not signed by device \(row.device)")
        }
        report.checked["proofs signed by their device", default: 0] += 1
    }

    private mutating func checkRequest(_ row: AuditVerdict, _ number: Int64) {
        guard let request = row.request else {
            report.unchecked["verdicts without their request", default: 0] += 1
            return
        }
        guard let message = request.message, message.sender == row.server, message.token.bytes == row.token,
            case .observationRequest(joining: row.device, _) = message.body,
            request.seal.count == AuditLink.digestLength
        else { return report.add(.changed, number, "row \(number): the request is not one for the row") }
        guard let frame = trust.server.seal(request.seal).flatMap({ request.restored(with: $0) }) else {
            report.unchecked["requests: their sealed value is only in the server's record", default: 0] += 1
            return
        }
        _ = signed(frame, "the request", number, by: row.server, trust.keys[row.server] ?? [])
    }

    /// A message whose signature holds, or could not be checked; nil: a fault was noted.
    private mutating func signed(
        _ frame: [UInt8], _ what: String, _ number: Int64, by node: Identifier, _ keys: [PublicKey]
    ) -> Message? {
        guard let shape = try? UnverifiedFrame(frame) else {
            report.add(.changed, number, "row \(number): \(what) is not a message")
            return nil
        }
        guard !keys.isEmpty else {
            report.unchecked["messages of \(node): no key of it was given", default: 0] += 1
            return shape.unverifiedMessage
        }
        for key in keys {
            guard let message = try? shape.verified(by: PublicKeys([node: key])) else { continue }
            report.checked["messages signed by \(node)", default: 0] += 1
            return message.content
        }
        report.add(.changed, number, "row \(number): \(what) is not signed by \(node)")
        return nil
    }

    private mutating func check(_ entry: AuditEntry, _ number: Int64) {
        guard let frame = entry.line.flatMap(TracedFrame.init)?.frame else { return }
        guard let sender = (try? UnverifiedFrame(frame))?.claimedSender else {
            return report.add(.changed, number, "row \(number): its frame is not a message")
        }
        _ = signed(frame, "the message", number, by: sender, sender == identity ? ownKeys : trust.keys[sender] ?? [])
    }
}
