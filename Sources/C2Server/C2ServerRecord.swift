import OperatorText

// The server's own record: the end of the chain over its history is signed at the beginning and at the end of a run, and now and then.
extension C2Server {
    /// How often the end is signed, if there is something new. Longer: more entries that no signature vouches for.
    private static let signingInterval = Duration.seconds(600)

    /// Signs the end of the history, if there is something new, and stops working if that cannot be stored.
    func signRecord() {
        do throws(OperatorFault) {
            try store.signHead(of: node.id, by: node.key, at: C2Entry.now / 1_000)
        } catch {
            breakOff(error)
        }
        signing?.set(after: C2Server.signingInterval)
    }
}
