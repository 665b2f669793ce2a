import Glibc
import ProofLink

/// When a device opens its link to the beacon, and when again, as a value. Nothing here ends the join: only the server
/// can. The outcome of a link only says whether another attempt makes sense.
///
/// Anyone nearby can end a link, or answer in a beacon's place. So only an OUTCOME *valid* that shows that its sender holds
/// the value ends the attempts; any other proves nothing (docs/proof-link.md, "What a device makes of it").
public struct LinkPlan: Sendable {
    /// The outcome of one link.
    public enum Ended: Equatable, Sendable {
        /// No connection.
        case unreachable(LinkSocketError)
        /// OUTCOME has been received; whether it showed that the beacon holds the value.
        case outcome(Outcome, proved: Bool)
        /// We closed it: the beacon is not the one we want, or violates the protocol.
        case left(String)
        /// It closed without an OUTCOME.
        case closed
        /// Over Bluetooth, it closed before HELLO or an OUTCOME.
        case cut(NoLink)
    }

    /// What to do then.
    public enum Next: Equatable, Sendable {
        /// Another link after a pause.
        case again(after: Duration)
        /// No more links: only the server's answer is awaited.
        case done
        /// No more links, and the error is ours.
        case fault(LinkSocketError)
    }

    /// The pause after a link that ended inconclusively: doubled each time, up to `maximumPause`. It bounds
    /// the traffic on the air if a beacon never gets a request for us.
    public static let initialPause = Duration.milliseconds(500)
    /// See `initialPause`. Longer: a device reconnects later after an attack.
    public static let maximumPause = Duration.seconds(10)

    private let presentsOnce: Bool
    private var refusedConnects = 0
    private var endedLinks = 0
    private var hasPresented = false

    /// A plan; `presentsOnce`: no second link after a proof has been shown, whatever the beacon says.
    public init(presentsOnce: Bool) { self.presentsOnce = presentsOnce }

    /// A proof has been sent.
    public mutating func presented() { hasPresented = true }

    /// A link has ended. Connects are tried again soon, 50 to 500 ms; links that ended inconclusively later each time, 0.5
    /// to 10 s, because a beacon holds off a peer that reconnects too fast. So are connects that fail until people do something.
    public mutating func after(_ ended: Ended) -> Next {
        switch ended {
        case .unreachable(let error):
            guard LinkPlan.mayPass(error) else { return .fault(error) }
            if LinkPlan.needsPeople(error) { return again() }
            refusedConnects += 1
            return .again(after: .milliseconds(min(500, 50 << min(refusedConnects - 1, 4))))
        // Not an *invalid* with a tag: the claim has matched, so an attacker on the path has changed our proof.
        case .outcome(.valid, proved: true):
            return .done
        case .outcome, .closed, .left, .cut:
            return presentsOnce && hasPresented ? .done : again()
        }
    }

    private mutating func again() -> Next {
        endedLinks += 1
        return .again(after: min(LinkPlan.maximumPause, LinkPlan.initialPause * (1 << min(endedLinks - 1, 5))))
    }

    private static func needsPeople(_ error: LinkSocketError) -> Bool {
        switch error {
        case .noLink(let cause): cause.needsPeople
        case .shortPackets: true
        case .noBluetooth, .pathTooLong, .notASocket, .failed: false
        }
    }

    /// Whether a failed connect may succeed later: the beacon restarts, is busy, or is out of range at the moment. Whatever happens over
    /// the radio may: anyone nearby can cause it, and must not end a join by it.
    private static func mayPass(_ error: LinkSocketError) -> Bool {
        switch error {
        case .noBluetooth, .pathTooLong, .notASocket: false
        case .noLink, .shortPackets: true
        case .failed(_, let number):
            [
                EAGAIN, EALREADY, EBUSY, ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, EINTR,
                ENETDOWN, ENODEV, ENOENT, EPIPE, ETIMEDOUT,
            ].contains(number)
        }
    }
}
