import Auditing
import Foundation
import Keys
import ProofLink
import SRUP
import TestVectors

/// A beacon's record of six verdicts with two signed heads, exported; and what a server has of it.
struct RecordFixture {
    static let (beacon, server, device) = (Identifier(0xbea0_0000_0000_0001), Identifier(0xc2), Identifier(0xd1))
    static let chain: UInt64 = 0x0123_4567_89ab_cdef

    let beaconKey: IdentityKey, serverKey: IdentityKey, deviceKey: IdentityKey
    var trust = AuditVerifier.Trust()
    var rows: [AuditVerdict] = []
    var links: [AuditLink] = []
    var heads: [AuditHead] = []
    var anchor: AuditLink?
    let keys: [AuditKey]
    /// The sealed values, which only the server has.
    private(set) var seals: [[UInt8]] = []

    init() throws {
        beaconKey = try TestKeys.privateKey("obs_2048")
        serverKey = try TestKeys.privateKey("c2_2048")
        deviceKey = try TestKeys.privateKey("dev_2048")
        trust.keys = [
            Self.beacon: [beaconKey.publicKey], Self.server: [serverKey.publicKey], Self.device: [deviceKey.publicKey],
        ]
        keys = [AuditKey(der: beaconKey.publicKey.der, since: 900)]
        var link = AuditLink(beginning: Self.chain, of: Self.beacon)
        for number in 1...6 {
            rows.append(try row(UInt8(number)))
            link = link.next(rows[number - 1].content)
            links.append(link)
            if number.isMultiple(of: 3) { heads.append(try head(link, at: Int64(2_000 + number))) }
        }
    }

    /// A head of this record, signed.
    func head(
        _ link: AuditLink, at time: Int64, chain: UInt64 = RecordFixture.chain, anchor: AuditLink? = nil
    ) throws -> AuditHead {
        try AuditHead(
            identity: Self.beacon, chain: chain, link: link, time: time, anchor: anchor, keys: AuditKey.digest(of: keys)
        ).signed(by: beaconKey)
    }

    /// Row 1: keyed, the server takes proofs; 2: keyed, and does not; 3: challenge; 4: invalid; 5 and 6: failed.
    private mutating func row(_ number: UInt8) throws -> AuditVerdict {
        let token = Token(
            random: [UInt8](repeating: number, count: 16), server: RecordFixture.server, beacon: RecordFixture.beacon)
        let (verdict, status): (String, Status) =
            switch number {
            case ...3: ("valid", .observedJoinValid)
            case 4: ("invalid", .observedJoinInvalid)
            default: ("failed", .observedJoinFail)
            }
        var row = AuditVerdict(
            server: Self.server, device: Self.device, token: token.bytes, verdict: verdict,
            reason: number < 4 ? "matched" : "silence", evidence: number < 5 ? "{\"mode\":\"\(number)\"}" : nil,
            decided: 1_000 + Int64(number), asked: 999, mismatches: Int64(number % 2))
        func ours(_ body: Body) throws -> [UInt8] {
            try Message(sequence: SequenceID(16 * UInt64(number)), sender: Self.beacon, token: token, body: body)
                .signed(by: beaconKey)
        }
        let sealed = try serverKey.publicKey.seal(.random())
        seals.append(sealed)
        let request = Body.observationRequest(joining: Self.device, sealed: Octets(sealed))
        let frame = try Message(sequence: SequenceID(1), sender: Self.server, token: token, body: request)
            .signed(by: serverKey)
        row.request = AuditRequest(of: frame)
        row.response = try ours(.response(status))
        if let evidence = row.evidence {
            row.evidenceFrame = try ours(.data(id: DataID.observationEvidence.octets, data: Octets(evidence.utf8)))
        }
        if number < 3 {
            let proof = try proof()
            if number == 1 {
                row.proofFrame = try ours(.data(id: DataID.observationProof.octets, data: Octets(proof)))
            } else {
                row.proof = proof
            }
        }
        return row
    }

    private func proof() throws -> [UInt8] {
        let context = KeyedContext(
            modes: [.keyed], linkNonce: [UInt8](repeating: 1, count: 16), beacon: Self.beacon, device: Self.device,
            server: Self.server, transport: .le)
        let (challenge, nonce, tag) = (
            [UInt8](repeating: 2, count: 32), [UInt8](repeating: 3, count: 32), [UInt8](repeating: 4, count: 32)
        )
        let signed = context.signedBytes(challenge: challenge, nonce: nonce, tag: tag)
        return KeyedProof(
            context: context, challenge: challenge, nonce: nonce, tag: tag,
            signature: try deviceKey.signature(over: [signed[...]])
        ).encoded
    }

    /// The exported file's lines.
    var lines: [AuditLine] {
        let header = AuditHeader(
            of: "beacon", identity: Self.beacon, exported: 3_000, anchor: anchor, keys: keys,
            chains: [(Self.chain, 1)], heads: heads)
        let kept = zip(rows, links).filter { $1.number > anchor?.number ?? 0 }
        return header.lines + kept.map { $0.line($1) } + [.end(rows: Int64(kept.count), last: links.last?.number ?? 0)]
    }

    /// The rows with the digests that follow from them, as one with write access to the file, and without the key, would make them.
    mutating func chainAgain() {
        var link = AuditLink(beginning: Self.chain, of: Self.beacon)
        links = rows.map { row in
            link = link.next(row.content)
            return link
        }
    }

    func check(_ lines: [AuditLine]? = nil) -> AuditReport {
        var verifier = AuditVerifier(trust)
        for line in lines ?? self.lines { verifier.take(Array(line.json.utf8)) }
        return verifier.finish()
    }

    /// The requests as the server's history has them.
    var witnessed: AuditWitness {
        var witness = AuditWitness()
        for (row, seal) in zip(rows, seals) {
            let frame = (row.request?.frame ?? []) + seal
            let line = "{\"via\":\"mqtt\",\"frame_hex\":\"\(hexadecimal(frame))\"}"
            let entry = AuditEntry(
                wall: 1, kind: "message", node: Self.beacon, line: line, words: "OBSERVE_REQ", grade: nil, reason: nil)
            witness.take(Array(entry.line(AuditLink(number: 1, digest: [])).json.utf8))
        }
        return witness
    }
}
