import Glibc

extension BrokerFault {
    /// Whether a connection that was there may have ended because the broker closed it, for a reason that it does not tell: it may not
    /// like a message of ours. Other ends have a reason that we know.
    package var isClosing: Bool {
        if case .closedAgainAndAgain = self { return true }
        if case .unreachable(let why) = self {
            return [ECONNRESET, EPIPE].contains { why == String(cString: strerror($0)) }
        }
        return self == .closed
    }
}
