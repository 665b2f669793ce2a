import BootTime
import Glibc

// One round of a connection: on the link's thread.
extension BrokerLink {
    /// Waits for something, and reads or writes it.
    /// - Parameter limit: how long the broker may acknowledge nothing.
    func round(_ session: BrokerSession, isConnected: Bool, _ limit: Duration) throws(BrokerFault) {
        let interest = Int16(POLLIN) | (session.wantsToWrite ? Int16(POLLOUT) : 0)
        var descriptors = [
            pollfd(fd: session.socket, events: interest, revents: 0),
            pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0),
        ]
        // The wakeup descriptor says that something must be sent; libmosquitto's keep-alive wants to be called every few
        // seconds. It does not wait if bytes were read and not yet handled, because a round had reached its limit.
        let isBuffered = session.isBuffered
        poll(&descriptors, 2, isBuffered ? 0 : isConnected ? rest(session, limit) : 200)
        if descriptors[1].revents != 0 { clearWakeup() }
        let readiness = descriptors[0].revents
        // Until the broker has answered, libmosquitto would spin on a dead socket forever (upstream #2421): what may
        // still be in it is read once, for the reason that it contains.
        if !isConnected, readiness & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 {
            let ended = session.unreachable ?? .closed
            do {
                try session.read()
            } catch {
                throw error == .closed ? ended : error
            }
            throw session.take().fault ?? ended
        }
        // Until then, too, reading comes before writing: a refusal explains why a write would fail. Nothing is written in
        // the same round, because acknowledgements may be waiting already.
        let readsOnly = !isConnected && readiness & Int16(POLLIN) != 0
        if readiness & Int16(POLLOUT) != 0, !readsOnly { try session.write() }
        if isBuffered || readiness & Int16(POLLIN | POLLHUP | POLLERR) != 0 { try session.read() }
        try session.tick()
    }

    /// How long a round may wait, in milliseconds: two seconds, or until an acknowledgement is overdue.
    private func rest(_ session: BrokerSession, _ limit: Duration) -> Int32 {
        guard let since = session.unansweredSince else { return 2_000 }
        return Int32(clamping: max(0, min(2_000, (since + limit - .now).wholeMilliseconds + 1)))
    }

    /// What is wrong with a broker that has acknowledged nothing for too long.
    func unacknowledged(_ session: BrokerSession, _ limit: Duration) -> BrokerFault? {
        guard let since = session.unansweredSince, .now - since >= limit else { return nil }
        return .unacknowledged(seconds: limit.wholeSeconds)
    }
}
