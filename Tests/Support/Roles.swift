import Keys
import SRUP

/// The nodes of the tests, with the reference's keys.
package enum Roles {
    package static let c2 = TestNode(0x9a8b_7c6d_5e4f_3021, "c2_2048")
    package static let device = TestNode(0x5f1e_2d3c_4b5a_6978, "dev_2048")
    package static let beacon = TestNode(0x2f0e_1d2c_3b4a_5968, "obs_2048")
    package static let stranger = TestNode(0x0bad_0bad_0bad_0bad, "wrong_2048")

    /// The nodes that the server knows: not the stranger.
    package static let keyring: PublicKeys = {
        PublicKeys([device.id: device.key.publicKey, beacon.id: beacon.key.publicKey, c2.id: c2.key.publicKey])
    }()

    package static let value = Secret((0..<16).map { UInt8($0) })

    package static func token(_ text: String) -> Token {
        guard let token = Token(text.utf8) else { preconditionFailure("an empty token") }
        return token
    }
}

/// A node that signs any message.
package struct TestNode: Sendable {
    package let id: Identifier
    package let key: IdentityKey

    package init(_ id: UInt64, _ key: String) {
        guard let key = try? TestKeys.privateKey(key) else { preconditionFailure("no test key \(key)") }
        (self.id, self.key) = (Identifier(id), key)
    }

    /// The frame of a message of this node.
    package func says(_ body: Body, _ sequence: UInt64, _ token: String) -> [UInt8] {
        let message = Message(sequence: SequenceID(sequence), sender: id, token: Roles.token(token), body: body)
        guard let frame = try? message.signed(by: key) else { preconditionFailure("no signature") }
        return frame
    }
}
