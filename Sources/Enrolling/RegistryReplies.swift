import Fetching
import Keys
import SRUP

/// A registration service's name for itself: usually an identifier, but the reference allows any text. Only characters that are
/// allowed in a path, since its key is requested by this name.
struct ServiceName: Equatable {
    let text: String

    init?(_ text: String) {
        guard (1...64).contains(text.utf8.count), ![".", ".."].contains(text),
            text.utf8.allSatisfy(WebAddress.isPlain)
        else { return nil }
        self.text = text
    }
}

/// A service's reply to a registration.
struct Registration {
    var broker: BrokerPlace
    var server: Identifier
    var serverKey: PublicKey
}

/// A client certificate for the broker, checked, and the CAs that it leads to.
struct Access {
    /// The certificate, and the intermediate ones that came with it: never empty.
    var chain: [Certificate]
    /// The CAs, a root among them or not.
    var authorities: [Certificate]
}
