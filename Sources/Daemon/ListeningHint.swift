import Glibc
import Nearby
import ProofLink

extension LinkSocketError {
    /// What to do where the beacon cannot listen at an address; nil: the message says it all.
    func hint(toListenOn address: NearbyAddress) -> String? {
        guard case .failed(_, let number) = self else { return nil }
        if isShortage { return DescriptorBudget.hint }
        switch (address.transport, number) {
        case (.local, EADDRINUSE): return "another beacon listens there: give each its own [link] local"
        case (.local, EACCES), (.local, ENOENT), (.local, EROFS), (.local, ENOTDIR):
            return "create its folder for the beacon's user, or have the unit do it: RuntimeDirectory="
        case (.rfcomm, EADDRINUSE), (.l2cap, EADDRINUSE), (.le, EADDRINUSE):
            return "another program has it: set another number for [link] \(address.transport.rawValue), at both ends"
        case (.l2cap, EACCES), (.le, EACCES):
            return "a PSM below 0x1001, on LE below 0x80, needs CAP_NET_BIND_SERVICE: set a higher one, at both ends"
        case (.rfcomm, _), (.l2cap, _), (.le, _), (.local, _): return nil
        }
    }
}
