import ProofLink
import SRUP

// What a verdict of *valid* rests on, and whether that is enough (docs/proof-link.md, "Keyed mode").
extension C2 {
    /// How much is known of how a device proved itself, in growing order.
    public enum Grade: String, CaseIterable, Codable, Comparable, Sendable {
        /// The observer says that it was there.
        case reachable
        /// The observer says that it has answered a challenge, so that the value was never shown.
        case challenged
        /// The device has signed its answer, and we have checked tag and signature: no observer can make that up.
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
        /// Of the evidence; nil where no observer has said *valid*, or a quorum was not reached.
        public var grade: Grade?
        /// In words.
        public var reason: String

        /// These grounds.
        public init(grade: Grade? = nil, reason: String) { (self.grade, self.reason) = (grade, reason) }
    }

    /// How much must be known of a device's proof now. A verdict is held against what is required when it comes. A quorum counts
    /// keyed proofs only, whatever is required.
    public var requires: Grade { required ?? .reachable }

    /// Requires this much from now on, also of the joins that are open.
    mutating func require(_ grade: Grade) -> [Effect] {
        required = grade
        return [.say("required of a device's proof from now on: \(grade.rawValue)")]
    }

    /// OBSERVATION_PROOF, which comes just before *valid*: what the device has signed, as the observer has forwarded it. It must
    /// name us, the device and the observer that we have asked, hold the value, and be signed by the device's key.
    mutating func take(
        proof data: [UInt8], _ message: Message, _ frame: [UInt8], checkedBy keyring: some Keyring
    ) -> [Effect] {
        guard let join = open[message.token], join.observer == message.sender else {
            return refuse(message, frame, .verdict, "a proof that nobody asked this node for")
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
            .say("proof of \(join.device) to \(join.observer): it holds the value and is signed by the device's key")
        ]
    }

    /// What is wrong with a proof; nil where nothing is.
    private func fault(of data: [UInt8], _ join: Join, checkedBy keyring: some Keyring) -> String? {
        guard let proof = KeyedProof(encoded: data) else {
            return "\(data.count) bytes that are not a proof of keyed mode"
        }
        let context = proof.context
        guard context.server == own else { return "it is for server \(context.server)" }
        guard context.device == join.device else { return "it is of device \(context.device)" }
        guard context.beacon == join.observer else { return "it was made to beacon \(context.beacon)" }
        guard proof.matches(KeyedKeys(join.value, dependencies.authenticate), dependencies.authenticate) else {
            return "its tag is not made with the value"
        }
        do throws(VerificationError) {
            try keyring.check(proof.signature[...], over: [proof.signedBytes[...]], of: join.device)
        } catch {
            return "its signature is not the device's"
        }
        return nil
    }

    /// Takes the observer's own word on how the device has proved itself. What it says of keyed mode counts only with the proof.
    mutating func take(evidence data: [UInt8], _ token: Token) {
        guard open[token]?.grade == .reachable else { return }
        let says = String(decoding: data, as: UTF8.self)
        if Grade.allCases.contains(where: { $0 >= .challenged && says.contains("\"grade\":\"\($0.rawValue)\"") }) {
            open[token]?.grade = .challenged
        }
    }

    /// What becomes of a join that its observer calls valid, and why it is refused where the evidence is not enough.
    func decision(onValid join: Join) -> (Decision, shortcoming: String?) {
        let needed = join.isOfQuorum ? .keyed : requires
        // A proof that came and is false is worse than none, whatever is required.
        if let fault = join.fault, join.grade < .keyed { return (.refused, "the device's proof is false: \(fault)") }
        guard join.grade < needed else { return (.accepted, nil) }
        let whose = join.isOfQuorum ? "a quorum counts keyed proofs only" : "\(needed.rawValue) is required"
        let hint = needed == .challenged ? "; the observer tells it where report-evidence = yes is set" : ""
        return (.refused, "the evidence is \(join.grade.rawValue), and \(whose)\(hint)")
    }

    /// How often an observer is asked about one join.
    static let mostAsks = 3

    /// Asks an observer again, where its *valid* is not worth what it must be: somebody may have come before the device, such as a
    /// captured beacon that knows the value and not the key, or may have taken keyed mode out of HELLO. nil where it is not
    /// asked again.
    mutating func askAgain(_ token: Token, _ join: Join) -> [Effect]? {
        guard join.asks < C2.mostAsks, join.fault != nil || join.isOfQuorum || requires == .keyed,
            let sealed = dependencies.seal(join.value, join.observer)
        else { return nil }
        var next = join
        (next.asks, next.evidence, next.grade, next.fault) = (join.asks + 1, 0, .reachable, nil)
        let newToken = dependencies.observationToken(join.observer)
        (open[token], open[newToken]) = (nil, next)
        let request = Body.observationRequest(joining: join.device, sealed: sealed)
        return [
            .say("\(join.observer) is asked about \(join.device) again: \(next.asks) of \(C2.mostAsks)"),
            .send(message(request, newToken, to: join.observer), to: join.observer),
        ]
    }
}
