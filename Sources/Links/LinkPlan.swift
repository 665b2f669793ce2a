import Glibc
import ProofLink

/// When a device opens its link to the beacon, and when again, as a value. Nothing here ends the join: that is the
/// server's to do. What a link tells is only whether another try makes sense.
public struct LinkPlan: Sendable {
    /// What became of one link.
    public enum Ended: Equatable, Sendable {
        /// No connection.
        case unreachable(LinkSocketError)
        /// OUTCOME has come.
        case outcome(Outcome)
        /// We left it: the beacon is not the one we want, or does not speak as it must.
        case left(String)
        /// It closed without an OUTCOME.
        case closed
    }

    /// What to do then.
    public enum Next: Equatable, Sendable {
        /// Another link after so many milliseconds.
        case again(milliseconds: Int64)
        /// No more links: only the server's word is awaited.
        case done
        /// No more links, and it is our own fault.
        case fault(LinkSocketError)
    }

    /// How often a beacon may end a link without a verdict before we stop: bounds the noise on the air where a beacon
    /// never gets a request for us.
    public static let mostLinks = 64

    /// How often *invalid* may be heard before a device stops. Once is no fault of its own where the beacon still has an
    /// earlier request of the server's open: the value may reach the device before its request reaches the beacon. More
    /// than twice would make an honest device with a wrong value refuse itself (`Policy.mismatchLimit`, 3 by default).
    public static let mostInvalid = 2
    /// After the first hold-off of a beacon in its default configuration, 1 s, in milliseconds.
    static let pauseAfterInvalid: Int64 = 1_500

    private let presentsOnce: Bool
    private var refusedConnects = 0
    private var endedLinks = 0
    private var invalid = 0
    private var hasPresented = false

    /// A plan; `presentsOnce`: no second link after a proof has been shown, whatever the beacon says.
    public init(presentsOnce: Bool) { self.presentsOnce = presentsOnce }

    /// A proof has been sent.
    public mutating func presented() { hasPresented = true }

    /// A link has ended. Connects are tried again soon, 50 to 500 ms; links that ended without a verdict later each time,
    /// 0.25 to 8 s, because a beacon holds off who comes back too fast. A first *invalid* is tried again after 1.5 s.
    public mutating func after(_ ended: Ended) -> Next {
        switch ended {
        case .unreachable(let error):
            guard LinkPlan.mayPass(error) else { return .fault(error) }
            refusedConnects += 1
            return .again(milliseconds: min(500, 50 << min(refusedConnects - 1, 4)))
        case .outcome(.unknown), .outcome(.busy), .outcome(.fail), .closed:
            endedLinks += 1
            guard endedLinks < LinkPlan.mostLinks, !(presentsOnce && hasPresented) else { return .done }
            return .again(milliseconds: min(8_000, 250 << min(endedLinks - 1, 5)))
        case .outcome(.invalid):
            invalid += 1
            guard invalid < LinkPlan.mostInvalid, !presentsOnce else { return .done }
            return .again(milliseconds: LinkPlan.pauseAfterInvalid)
        case .outcome(.valid), .outcome(.malformed), .outcome(.tooFar), .left:
            return .done
        }
    }

    /// Whether a failed connect may succeed later: the beacon restarts, is busy, or is not in reach at the moment.
    private static func mayPass(_ error: LinkSocketError) -> Bool {
        switch error {
        case .noBluetooth, .pathTooLong, .notASocket: false
        case .failed(_, let number):
            [
                EAGAIN, EALREADY, EBUSY, ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, EINTR,
                ENETDOWN, ENODEV, ENOENT, EPIPE, ETIMEDOUT,
            ].contains(number)
        }
    }
}
