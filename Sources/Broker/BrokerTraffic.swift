import BootTime
import COpenSSL
import EventLoop

/// What is received over one connection to a broker: how much is read in one round, and how much of it was of no use.
///
/// `mosquitto_loop_read` continues while TLS has more, and as often as messages of ours wait for the broker: a broker, or a
/// server's flood, would keep it busy without end. Therefore its reads are bounded beneath it: when a round has read its bytes,
/// the connection reports that there is nothing more for now.
///
/// Used on the broker link's thread only.
final class BrokerTraffic {
    /// Bytes of one round. It may be exceeded by one TLS record, of 16 KiB.
    static let roundLimit = 16_384
    /// How much more than its messages a broker may send: packets that deliver nothing, such as QoS 2 without its end, which
    /// libmosquitto keeps in memory.
    static let excessLimit = 4 << 20
    /// How much of it is allowed per second: answers to PING, and TLS's own records, for as long as a connection lasts.
    static let forgivenPerSecond = 16
    /// The overhead of a message, or of an acknowledgement of ours, beside topic and payload: MQTT's header and a TLS record.
    static let overhead = 64

    /// Bytes left in this round; unlimited outside of rounds, as for the TLS handshake.
    private var left = Int.max
    private var excess = 0
    private var lastForgiven: Instant

    init(at now: Instant) { lastForgiven = now }

    /// Whether nothing more is read in this round.
    var isSpent: Bool { left <= 0 }

    /// Whether the broker has sent far more than it has delivered.
    var isExcessive: Bool { excess > BrokerTraffic.excessLimit }

    /// Lets a round of reading begin.
    func beginRound(at now: Instant) {
        left = BrokerTraffic.roundLimit
        let seconds = (now - lastForgiven).wholeSeconds
        lastForgiven += .seconds(seconds)
        excess = max(0, excess - Int(clamping: seconds) * BrokerTraffic.forgivenPerSecond)
    }

    /// Ends a round of reading.
    func endRound() { left = .max }

    /// Bytes have come.
    func received(_ count: Int) {
        if left != .max { left -= count }
        excess += count
    }

    /// A message has come, or an acknowledgement of one of ours.
    /// - Parameter count: bytes of its topic and payload.
    func delivered(_ count: Int) { excess = max(0, excess - count - BrokerTraffic.overhead) }

    /// Watches what is read for a TLS connection, which must not outlive us.
    func watch(_ ssl: OpaquePointer) {
        guard let bio = SSL_get_rbio(ssl), BIO_get_callback_arg(bio) == nil else { return }
        BIO_set_callback_arg(bio, Unmanaged.passUnretained(self).toOpaque().assumingMemoryBound(to: CChar.self))
        BIO_set_callback_ex(bio) { bio, operation, _, _, _, _, result, count in
            let isRead = operation & ~BIO_CB_RETURN == BIO_CB_READ
            guard isRead, let bio, let mine = BIO_get_callback_arg(bio) else { return Int(result) }
            let traffic = Unmanaged<BrokerTraffic>.fromOpaque(mine).takeUnretainedValue()
            if operation & BIO_CB_RETURN != 0 {
                if result > 0 { traffic.received(count?.pointee ?? 0) }
            } else if traffic.isSpent {
                BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
                return -1
            }
            return Int(result)
        }
    }
}
