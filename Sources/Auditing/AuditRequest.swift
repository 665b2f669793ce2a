import Keys
import SRUP

/// An OBSERVE_REQ without its sealed value, which is replaced by its digest: the record holds no value, not even a sealed one. With the
/// sealed value, which the server's own history has, the frame is whole again, and the server's signature can be checked.
package struct AuditRequest: Equatable, Sendable {
    /// The frame up to the sealed value, its length included.
    package let frame: [UInt8]
    /// SHA-256 of the sealed value.
    package let seal: [UInt8]

    /// A request as the record holds it.
    package init(frame: [UInt8], seal: [UInt8]) { (self.frame, self.seal) = (frame, seal) }

    /// The request of a frame; nil if it is not an OBSERVE_REQ.
    package init?(of frame: [UInt8]) {
        guard case .observationRequest(_, let sealed)? = (try? UnverifiedFrame(frame))?.unverifiedMessage.body else {
            return nil
        }
        self.init(frame: frame.dropLast(sealed.bytes.count), seal: sha256(sealed.bytes))
    }

    /// What it says, unproven: with zeros in the sealed value's place; nil if it is not an OBSERVE_REQ.
    var message: Message? {
        guard frame.count >= 2 else { return nil }
        let length = Int(frame[frame.count - 2]) << 8 | Int(frame[frame.count - 1])
        guard let message = (try? UnverifiedFrame(frame + [UInt8](repeating: 0, count: length)))?.unverifiedMessage,
            case .observationRequest = message.body
        else { return nil }
        return message
    }

    /// The whole frame again; nil if this is not the value that was sealed.
    func restored(with sealed: [UInt8]) -> [UInt8]? { sha256(sealed) == seal ? frame + sealed : nil }
}
