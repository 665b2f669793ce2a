import Observing

extension Explanation {
    /// The same of an open observation for which right proofs have come, with what they lacked. The journal does not have that.
    func lacking(in open: [OpenObservation]) -> Explanation {
        guard of == .observation, verdict == nil, let lacking = open.first(where: isAbout)?.lacking else { return self }
        var explanation = self
        switch lacking {
        case .unsigned:
            explanation.cause = "it is open: the device has proved the value, and has not signed it"
            explanation.next = Reason.unsigned.nextStep
        case .tooFar:
            let unmet = open.first(where: isAbout)?.unmet ?? []
            explanation.cause =
                "it is open: the device has proved itself only from outside the bounds: \(unmet.message)"
            explanation.next = Reason.tooFar.nextStep
        }
        return explanation
    }

    private func isAbout(_ one: OpenObservation) -> Bool {
        one.exchange.server.description == server && one.exchange.token.description == token
    }
}
