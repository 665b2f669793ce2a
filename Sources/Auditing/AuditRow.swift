import SRUP

/// A row of a record: a beacon's verdict, or an entry of a server's history.
package protocol AuditRow: Sendable {
    /// The digest of all its fields.
    var content: [UInt8] { get }
    /// The line of the exported file.
    /// - Parameter link: its place in the chain.
    func line(_ link: AuditLink) -> AuditLine
}

/// A beacon's verdict with everything that carries a signature.
package struct AuditVerdict: AuditRow, Equatable {
    /// Who asked.
    package var server: Identifier
    /// About which device.
    package var device: Identifier
    /// Of the exchange.
    package var token: [UInt8]
    /// `valid`, `invalid` or `failed`.
    package var verdict: String
    /// Why.
    package var reason: String
    /// What was seen of the proof: one JSON object.
    package var evidence: String?
    /// In seconds since 1970 by the beacon's wall clock.
    package var decided: Int64
    /// When the request was taken, in the same form.
    package var asked: Int64?
    /// False proofs.
    package var mismatches: Int64
    /// The server's request; nil: it was not there any more.
    package var request: AuditRequest?
    /// The signed RESPONSE.
    package var response: [UInt8]?
    /// The signed DATA with the evidence, where the server takes it.
    package var evidenceFrame: [UInt8]?
    /// The signed DATA with the device's proof, where the server takes it.
    package var proofFrame: [UInt8]?
    /// The device's proof in keyed mode, where `proofFrame` does not carry it.
    package var proof: [UInt8]?

    /// A verdict without frames.
    package init(
        server: Identifier, device: Identifier, token: [UInt8], verdict: String, reason: String, evidence: String?,
        decided: Int64, asked: Int64?, mismatches: Int64
    ) {
        (self.server, self.device, self.token) = (server, device, token)
        (self.verdict, self.reason, self.evidence) = (verdict, reason, evidence)
        (self.decided, self.asked, self.mismatches) = (decided, asked, mismatches)
    }

    package var content: [UInt8] {
        var fields = AuditFields("SRUP audit verdict 1")
        fields.add(server.number)
        fields.add(device.number)
        fields.add(token)
        fields.add(verdict)
        fields.add(reason)
        fields.add(evidence)
        fields.add(decided)
        fields.add(asked)
        fields.add(mismatches)
        fields.add(request?.frame)
        fields.add(request?.seal)
        for frame in [response, evidenceFrame, proofFrame, proof] as [[UInt8]?] { fields.add(frame) }
        return fields.digest
    }

    package func line(_ link: AuditLink) -> AuditLine {
        var line = AuditLine(.verdict)
        (line.number, line.digest) = (link.number, hexadecimal(link.digest))
        (line.server, line.device, line.token) = (server.description, device.description, .init(token))
        (line.verdict, line.reason, line.evidence) = (verdict, reason, evidence)
        (line.decided, line.asked, line.mismatches) = (decided, asked, mismatches)
        (line.request, line.seal) = (.init(request?.frame), request.map { hexadecimal($0.seal) })
        (line.response, line.evidenceFrame) = (.init(response), .init(evidenceFrame))
        (line.proofFrame, line.proof) = (.init(proofFrame), .init(proof))
        return line
    }

    /// nil: the line lacks a field.
    init?(_ line: AuditLine) {
        guard let server = line.server.flatMap({ Identifier(hexadecimal: $0) }),
            let device = line.device.flatMap({ Identifier(hexadecimal: $0) }), let token = line.token?.bytes,
            let verdict = line.verdict, let reason = line.reason, let decided = line.decided,
            let mismatches = line.mismatches
        else { return nil }
        self.init(
            server: server, device: device, token: token, verdict: verdict, reason: reason, evidence: line.evidence,
            decided: decided, asked: line.asked, mismatches: mismatches)
        let seal = line.seal.flatMap(bytes(ofHexadecimal:))
        guard (line.request == nil) == (seal == nil) else { return nil }
        if let frame = line.request?.bytes, let seal { request = AuditRequest(frame: frame, seal: seal) }
        (response, evidenceFrame) = (line.response?.bytes, line.evidenceFrame?.bytes)
        (proofFrame, proof) = (line.proofFrame?.bytes, line.proof?.bytes)
    }
}

/// An entry of a C2 server's history.
package struct AuditEntry: AuditRow, Equatable {
    /// In milliseconds since 1970 by the server's wall clock.
    package var wall: Int64
    /// Its kind.
    package var kind: String
    /// The node that it concerns.
    package var node: Identifier?
    /// The message as a line of a trace, as it is stored: JSON, with the frame.
    package var line: String?
    /// The text for the operator.
    package var words: String
    /// Of a decision: the grade of the evidence, the reason, and the verdict.
    package var grade: String?, reason: String?, verdict: String?

    /// An entry of these parts.
    package init(
        wall: Int64, kind: String, node: Identifier?, line: String?, words: String, grade: String?, reason: String?,
        verdict: String? = nil
    ) {
        (self.wall, self.kind, self.node, self.line) = (wall, kind, node, line)
        (self.words, self.grade, self.reason, self.verdict) = (words, grade, reason, verdict)
    }

    package var content: [UInt8] {
        var fields = AuditFields("SRUP audit entry 1")
        fields.add(wall)
        fields.add(kind)
        fields.add(node?.number)
        for text in [self.line, words, grade, reason, verdict] as [String?] { fields.add(text) }
        return fields.digest
    }

    package func line(_ link: AuditLink) -> AuditLine {
        var line = AuditLine(.entry)
        (line.number, line.digest) = (link.number, hexadecimal(link.digest))
        (line.wall, line.entry, line.node, line.line) = (wall, kind, node?.description, self.line)
        (line.words, line.grade, line.reason, line.verdict) = (words, grade, reason, verdict)
        return line
    }

    /// nil: the line lacks a field.
    init?(_ line: AuditLine) {
        guard let wall = line.wall, let kind = line.entry, let words = line.words else { return nil }
        let node = line.node.map { Identifier(hexadecimal: $0) }
        if case .some(nil) = node { return nil }
        self.init(
            wall: wall, kind: kind, node: node ?? nil, line: line.line, words: words, grade: line.grade,
            reason: line.reason, verdict: line.verdict)
    }
}
