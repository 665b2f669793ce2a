import ProofLink
import SRUP

// The evidence for a verdict *valid*, and whether it is sufficient (docs/proof-link.md, "Keyed mode").
extension C2 {
    /// How much the evidence shows, in ascending order.
    public enum Grade: String, CaseIterable, Codable, Comparable, Sendable {
        /// The observer reports that the device was there.
        case reachable
        /// The observer reports that the device answered a challenge, so that the value was not disclosed.
        case challenged
        /// The device signed its answer, and this server checked tag and signature: no observer can forge that.
        case keyed

        /// The order in which they are declared.
        public static func < (left: Grade, right: Grade) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .reachable: 0
            case .challenged: 1
            case .keyed: 2
            }
        }
    }

    /// Why a join was decided as it was.
    public struct Grounds: Equatable, Sendable {
        /// Of the evidence; nil if no observer said *valid*, or if a quorum was not reached.
        public var grade: Grade?
        /// As text.
        public var reason: String

        /// Grounds with a reason, and with a grade if there is one.
        public init(grade: Grade? = nil, reason: String) { (self.grade, self.reason) = (grade, reason) }
    }

    /// The grade of evidence that is required now. A verdict is compared with the requirement at the time it is received. A quorum
    /// counts keyed proofs only, independent of the requirement.
    public var requires: Grade { required ?? .reachable }

    /// Requires this grade from now on, also for the open joins.
    mutating func require(_ grade: Grade) -> [Effect] {
        required = grade
        return [.say("required grade of evidence from now on: \(grade.rawValue)")]
    }

    /// Handles OBSERVATION_PROOF, which precedes *valid*: the device's signed proof, forwarded by the observer. It must name this
    /// server, the device and the observer that was asked, contain a correct tag, and be signed by the device's key.
    mutating func take(
        proof data: [UInt8], _ message: Message, _ frame: [UInt8], checkedBy keyring: some Keyring
    ) -> [Effect] {
        guard let join = open[message.token], join.observer == message.sender else {
            return refuse(message, frame, .verdict, "a proof that this node was not asked for")
        }
        guard join.evidence < C2.mostEvidence else {
            return refuse(message, frame, .verdict, "more evidence than \(C2.mostEvidence) messages")
        }
        open[message.token]?.evidence += 1
        if let fault = fault(of: data, join, checkedBy: keyring) {
            open[message.token]?.fault = fault
            return refuse(message, frame, .verdict, "the proof of \(join.device): \(fault)")
        }
        open[message.token]?.grade = .keyed
        return accepted(message, frame) + [
            .say("proof of \(join.device) to \(join.observer): the device holds the value and signed with its key")
        ]
    }

    /// What is wrong with a proof; nil if it is correct.
    private func fault(of data: [UInt8], _ join: Join, checkedBy keyring: some Keyring) -> String? {
        guard let proof = KeyedProof(encoded: data) else {
            return "\(data.count) bytes that are not a proof of keyed mode"
        }
        let context = proof.context
        guard context.server == own else { return "it is for server \(context.server)" }
        guard context.device == join.device else { return "it is from device \(context.device)" }
        guard context.beacon == join.observer else { return "it is for beacon \(context.beacon)" }
        guard proof.matches(KeyedKeys(join.value, dependencies.authenticate), dependencies.authenticate) else {
            return "its tag does not match the value"
        }
        do throws(VerificationError) {
            try keyring.check(proof.signature[...], over: [proof.signedBytes[...]], of: join.device)
        } catch {
            return "its signature is not the device's"
        }
        return nil
    }

    /// Handles the observer's report of the evidence. Keyed mode counts only with the proof itself.
    mutating func take(evidence data: [UInt8], _ token: Token) {
        guard open[token]?.grade == .reachable else { return }
        let says = String(decoding: data, as: UTF8.self)
        if Grade.allCases.contains(where: { $0 >= .challenged && says.contains("\"grade\":\"\($0.rawValue)\"") }) {
            open[token]?.grade = .challenged
        }
    }

    /// The decision on a join after *valid*, and why it is refused if the evidence is not sufficient.
    func decision(onValid join: Join) -> (Decision, shortcoming: String?) {
        let needed = join.isOfQuorum ? .keyed : requires
        // A false proof is worse than none, independent of the requirement.
        if let fault = join.fault, join.grade < .keyed { return (.refused, "the device's proof is false: \(fault)") }
        guard join.grade < needed else { return (.accepted, nil) }
        let whose = join.isOfQuorum ? "a quorum counts keyed proofs only" : "\(needed.rawValue) is required"
        let hint = needed == .challenged ? "; observers report it if report-evidence = yes is set" : ""
        return (.refused, "the evidence is \(join.grade.rawValue), but \(whose)\(hint)")
    }

    /// Bound on how often an observer is asked about one join.
    static let mostAsks = 3

    /// Asks an observer again if the evidence for its *valid* is not sufficient: an attacker may have been faster than the device,
    /// such as a captured beacon that knows the value but not the key, or may have removed keyed mode from HELLO. nil if the observer
    /// is not asked again.
    mutating func askAgain(_ token: Token, _ join: Join) -> [Effect]? {
        guard join.asks < C2.mostAsks, join.fault != nil || join.isOfQuorum || requires == .keyed,
            let sealed = dependencies.seal(join.value, join.observer)
        else { return nil }
        var next = join
        (next.asks, next.evidence, next.grade, next.fault) = (join.asks + 1, 0, .reachable, nil)
        next.sealed = sealed
        next.repetition = Repetition(sentAt: now, again: C2.observationPauses, until: join.deadline)
        let newToken = dependencies.observationToken(join.observer)
        endWaiting(token)
        open[newToken] = next
        let request = Body.observationRequest(joining: join.device, sealed: sealed)
        return [
            .say("asking \(join.observer) about \(join.device) again: \(next.asks) of \(C2.mostAsks)"),
            .send(message(request, newToken, to: join.observer), to: join.observer),
        ]
    }
}
