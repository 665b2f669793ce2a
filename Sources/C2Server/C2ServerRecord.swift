import OperatorText
import SRUP

// The server's own record: the end of the chain over its history is signed at the beginning and at the end of a run, and now and then.
extension C2Server {
    /// How often the end is signed, if there is something new. Longer: more entries that no signature vouches for.
    private static let signingInterval = Duration.seconds(600)

    /// Signs the end of the history, if there is something new, and stops working if that cannot be stored.
    /// - Parameter isTold: whether the signed end is printed: outside the file it shows later that the file was cut or replaced.
    func signRecord(isTold: Bool = false) {
        do throws(OperatorFault) {
            let head = try store.signHead(of: node.id, by: node.key, at: C2Entry.now / 1_000)
            if isTold, store.path != nil, let link = head?.link, link.number > 0 {
                say("c2: the history is signed up to entry \(link.number): \(hexadecimal(link.digest))")
            }
        } catch {
            breakOff(error)
        }
        signing?.set(after: C2Server.signingInterval)
    }
}
